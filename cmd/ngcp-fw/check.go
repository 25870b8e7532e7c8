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
}

type checkJSON struct {
	Errors      int              `json:"errors"`
	Warnings    int              `json:"warnings"`
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
		fmt.Fprintf(a.out, "%s, %s\n", plural(in.diags.Errors(), "error"), plural(in.diags.Warnings(), "warning"))
		return nil
	}
	result := checkJSON{in.diags.Errors(), in.diags.Warnings(), []diagnosticJSON{}}
	for _, d := range in.diags {
		result.Diagnostics = append(result.Diagnostics, diagnosticJSON{
			d.Pos.File, d.Pos.Line, d.Pos.Column, d.Severity, d.Code, d.Message, d.Hint})
	}
	return writeJSON(a.out, result)
}
