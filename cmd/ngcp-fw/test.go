package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/netip"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall"
	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/rehearse"
	"ngcp-fw/policy"
	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/exposure"
)

type testsJSON struct {
	Passed  int          `json:"passed"`
	Failed  int          `json:"failed"`
	Results []testResult `json:"results"`
	Kernel  *rehearsal   `json:"kernel,omitempty"`
}

type testResult struct {
	From   string `json:"from"`
	To     string `json:"to"`
	In     string `json:"in,omitempty"`
	Expect string `json:"expect"`
	Got    string `json:"got"`
	Origin string `json:"origin"`
	Kernel string `json:"kernel,omitempty"` // what became of a real packet
	Note   string `json:"note,omitempty"`   // on the packet
	pos    diag.Pos
	reason string
}

func (r testResult) passed() bool {
	return r.Expect == r.Got && (r.Kernel == "" || r.Kernel == r.Expect && r.Note != faultNote)
}

// complaint is what is wrong with a test that failed.
func (r testResult) complaint() string {
	got := r.Got
	if r.Kernel != "" && r.Kernel != r.Got {
		got += ", and " + r.Kernel + " from the kernel"
	}
	text := fmt.Sprintf("expected %s, got %s: %s", r.Expect, got, r.reason)
	if r.Note != "" {
		text += "; " + r.Note
	}
	return text
}

func (r testResult) String() string {
	text := fmt.Sprintf("from %s to %s", r.From, r.To)
	if r.In != "" {
		text += " in " + r.In
	}
	return text
}

func setupTest(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json", "junit")
	kernel := flags.Bool("kernel", false, "send real packets through the real ruleset, in a network namespace of its own")
	return func(a *app, _ []string) error {
		if *kernel && !rehearse.Inside() {
			return a.again()
		}
		in, err := a.load(false)
		if err != nil {
			return err
		}
		done := runTests(in.model)
		if *kernel {
			if err := done.rehearse(in.model); err != nil {
				return systemFailure(err)
			}
		}
		switch out.value {
		case "json":
			err = writeJSON(a.out, done)
		case "junit":
			err = writeJUnit(a.out, done)
		default:
			writeTests(a.out, done)
		}
		if err == nil && done.Failed > 0 {
			err = errNo
		}
		return err
	}
}

// runTests asks the compiled ruleset about every flow of the policy's tests.
func runTests(m *exposure.Model) testsJSON {
	done := testsJSON{Results: []testResult{}}
	table := compile.Compile(m, 1)
	for _, t := range m.Tests {
		v := firewall.Judge(m, table, m.Allows(t.Flow).At(t.Flow))
		r := testResult{From: fromText(t.Flow), To: toText(t.Flow), In: t.Flow.In,
			Expect: verdictWord(t.Accept), Got: verdictWord(v.Accept), Origin: t.Pos.Origin(), pos: t.Pos, reason: v.Reason}
		done.Results = append(done.Results, r)
	}
	done.count()
	return done
}

func (done *testsJSON) count() {
	done.Passed, done.Failed = 0, 0
	for _, r := range done.Results {
		if r.passed() {
			done.Passed++
		} else {
			done.Failed++
		}
	}
}

// fromText and toText are a flow's ends as the policy and explain write them.
func fromText(f policy.Flow) string {
	if f.FromPort == 0 {
		return f.From.String()
	}
	return netip.AddrPortFrom(f.From, f.FromPort).String()
}

func toText(f policy.Flow) string {
	to := fmt.Sprint(f.ToPort)
	if f.To.IsValid() {
		to = netip.AddrPortFrom(f.To, f.ToPort).String()
	}
	return fmt.Sprintf("%s/%s", to, f.Protocol)
}

func writeTests(w io.Writer, done testsJSON) {
	for _, r := range done.Results {
		if !r.passed() {
			fmt.Fprintln(w, wrap(fmt.Sprintf("%s: failed: %s: %s", r.Origin, r, r.complaint()), 0, 2))
		}
	}
	switch {
	case len(done.Results) == 0:
		fmt.Fprintln(w, "The policy has no tests.")
	default:
		fmt.Fprintf(w, "%s passed, %d failed.\n", plural(done.Passed, "test"), done.Failed)
	}
	if done.Kernel != nil {
		fmt.Fprintln(w, wrap(done.Kernel.String(), 0, 0))
	}
}

// junitSuite is the format that build servers read (the testsuite element of
// JUnit's XML reports).
type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
	Said     string      `xml:"system-out,omitempty"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr"`
	Failure *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
}

func writeJUnit(w io.Writer, done testsJSON) error {
	suite := junitSuite{Name: "ngcp-fw", Tests: len(done.Results), Failures: done.Failed}
	for _, r := range done.Results {
		c := junitCase{Class: r.Origin, Name: fmt.Sprintf("%s: %s", r, r.Expect), File: r.pos.File, Line: r.pos.Line}
		if !r.passed() {
			c.Failure = &junitFailure{r.complaint()}
		}
		suite.Cases = append(suite.Cases, c)
	}
	if done.Kernel != nil {
		suite.Said = done.Kernel.String()
	}
	text, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}
