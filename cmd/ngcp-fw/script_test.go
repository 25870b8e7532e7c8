package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ngcp-fw": main})
}

// TestScripts runs testdata/*.txtar: a script on top, its files below.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Condition:     scriptCondition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": scriptExits, "narrow": scriptNarrow, "json": scriptJSON,
		},
	})
}

func scriptCondition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Getuid() == 0, nil
	case "unshare":
		return exec.Command("unshare", "-rn", "true").Run() == nil, nil
	}
	return false, errors.New("unknown condition")
}

// scriptExits is: exits CODE PROGRAM ARGS…
func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGS]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(ts.Exec(args[1], args[2:]...), &exit) {
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s ended with %d, not %d", strings.Join(args[1:], " "), got, want)
	}
}

// scriptNarrow is: narrow PROGRAM ARGS…; no line of its output is wider than
// the screen.
func scriptNarrow(ts *testscript.TestScript, neg bool, args []string) {
	_ = ts.Exec(args[0], args[1:]...)
	text := ts.ReadFile("stdout")
	if text == "" {
		ts.Fatalf("%s says nothing", strings.Join(args, " "))
	}
	for _, line := range strings.Split(text, "\n") {
		if (utf8.RuneCountInString(line) > screenWidth) != neg {
			ts.Fatalf("wider than %d columns: %s", screenWidth, line)
		}
	}
}

// scriptJSON is: json DOCUMENT; the last output contains it: of an object
// those members, of a list those first items, of strings all of them.
func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	var want, got any
	ts.Check(json.Unmarshal([]byte(args[0]), &want))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &got))
	if contained(want, got) == neg {
		ts.Fatalf("%s\nand the output do not fit", args[0])
	}
}

func contained(want, got any) bool {
	switch want := want.(type) {
	case map[string]any:
		have, ok := got.(map[string]any)
		for key, value := range want {
			ok = ok && contained(value, have[key])
		}
		return ok
	case []any:
		have, ok := got.([]any)
		ok = ok && len(have) >= len(want) && (len(want) > 0 || len(have) == 0)
		for i := 0; ok && i < len(want); i++ {
			ok = contained(want[i], have[i])
		}
		return ok
	}
	return want == got
}
