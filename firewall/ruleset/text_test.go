package ruleset

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTextIsGolden(t *testing.T) {
	for name, table := range map[string]*Table{"rich": richTable(), "empty": {Family: FamilyInet, Name: "empty"}, "foreign": foreignTable()} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".nft")
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(table.Text()), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(want), table.Text())
		})
	}
}

// nft lists what it loaded in its own words; those of this text differ only in
// line breaks and in names that not every host knows.
func TestNftListsTheTextItLoaded(t *testing.T) {
	text := richTable().Text()
	listed := inNft(t, text, "nft -f - && nft list ruleset")
	assert.Equal(t, inOneColumn(text), inOneColumn(listed))
}

func TestNftLoadsTheTextOfAnyTable(t *testing.T) {
	for batch := range 12 {
		var text strings.Builder
		for seed := range 10 {
			table := rapid.Custom(genTable).Example(10*batch + seed)
			table.Name = fmt.Sprint("gen-", seed)
			require.NoError(t, table.WriteText(&text))
		}
		inNft(t, text.String(), "nft -f -")
	}
}

func TestTextStaysInItsLine(t *testing.T) {
	table := &Table{Family: FamilyInet, Name: "x", Comment: "a\"b\nc", Chains: []Chain{{Name: "c", Rules: []Rule{{
		Statements: []Statement{Foreign{Name: "tar\nget", Data: []byte{1}}, Log{Prefix: "\n\"x"}},
		Comment:    "} \" flush ruleset\n",
	}}}}}
	inNft(t, table.Text(), "nft -f -")
}

type fataler interface {
	Skip(...any)
	Fatalf(string, ...any)
}

// inNft runs a script in a network namespace of its own, with the text as input.
func inNft(t fataler, text, script string) string {
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("nft is not installed: its opinion is not asked")
	}
	cmd := exec.Command("unshare", "-rn", "sh", "-c", script)
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("nft says %s: %v\n%s", out, err, text)
	}
	return string(out)
}

var spaces = regexp.MustCompile(`[ \t\n]+`)

func inOneColumn(text string) string {
	text = strings.NewReplacer("ipv6-icmp", "icmpv6", "counter packets 0 bytes 0", "counter").Replace(text)
	return strings.ReplaceAll(spaces.ReplaceAllString(text, " "), " comment", "\ncomment")
}
