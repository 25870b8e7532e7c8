package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"ngcp-fw/policy/diag"
)

// diagnosticJSON is one diagnostic as programs read it.
type diagnosticJSON struct {
	File     string        `json:"file"`
	Line     int           `json:"line"`
	Column   int           `json:"column"`
	Severity diag.Severity `json:"severity"`
	Code     string        `json:"code"`
	Message  string        `json:"message"`
	Hint     string        `json:"hint"`
	Accepted string        `json:"accepted,omitempty"` // why nobody needs to look at it
}

type checkJSON struct {
	Errors      int              `json:"errors"`
	Warnings    int              `json:"warnings"`
	Accepted    int              `json:"accepted"` // warnings that are not counted
	Diagnostics []diagnosticJSON `json:"diagnostics"`
}

func setupCheck(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	strict := flags.Bool("strict", false, "exit 1 where there are warnings")
	return func(a *app, _ []string) error {
		in := a.read(a.flags)
		if err := a.writeCheck(in, out.json()); err != nil {
			return err
		}
		switch {
		case in.diags.Errors() > 0:
			return errReported
		case *strict && in.diags.Warnings() > 0:
			return errNo
		}
		return nil
	}
}

func (a *app) writeCheck(in *input, asJSON bool) error {
	if !asJSON {
		a.report(a.out, in, in.diags)
		fmt.Fprintln(a.out, summary(in.diags))
		return nil
	}
	result := checkJSON{in.diags.Errors(), in.diags.Warnings(), in.diags.Accepted(), []diagnosticJSON{}}
	for _, d := range in.diags {
		result.Diagnostics = append(result.Diagnostics, diagnosticJSON{
			d.Pos.File, d.Pos.Line, d.Pos.Column, d.Severity, d.Code, d.Message, d.Hint, d.Accepted})
	}
	return writeJSON(a.out, result)
}

// summary counts what there is, and what of it was accepted.
func summary(list diag.List) string {
	text := plural(list.Errors(), "error") + ", " + plural(list.Warnings(), "warning")
	if n := list.Accepted(); n > 0 {
		text += ", " + plural(n, "accepted risk")
	}
	return text
}
