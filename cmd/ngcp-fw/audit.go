package main

import (
	"github.com/spf13/pflag"

	"ngcp-fw/firewall/audit"
)

type auditJSON struct {
	Protocol   string        `json:"protocol"`
	Address    string        `json:"address"` // "": about the policy's ports, not about a socket
	Port       uint16        `json:"port"`
	Process    string        `json:"process"` // "": nobody, or one that could not be seen
	Service    string        `json:"service"`
	Reach      audit.Reach   `json:"reach"`
	Roles      []string      `json:"roles"`
	Finding    string        `json:"finding"`   // the worst one; "": none
	Findings   []findingJSON `json:"findings"`  // all, the worst first
	LastPort   uint16        `json:"last_port"` // where several are one entry
	Sockets    int           `json:"sockets"`
	IPv4Too    bool          `json:"ipv4_too"` // address is :: and takes IPv4
	Link       string        `json:"link"`     // the only one whose packets it takes
	Client     bool          `json:"client"`   // waits for answers, as a resolver does
	PID        int           `json:"pid"`
	Unit       string        `json:"unit"`
	User       string        `json:"user"`
	Origin     string        `json:"origin"` // of the service's ports
	From       []string      `json:"from"`   // who gets in
	Interfaces []string      `json:"interfaces"`
	Why        string        `json:"why"` // what decides
}

type findingJSON struct {
	Code audit.Code `json:"code"`
	Text string     `json:"text"`
}

func setupAudit(flags *pflag.FlagSet) action {
	out := outputFlag(flags, "text", "json")
	return func(a *app, _ []string) error {
		in, err := a.load(false)
		if err != nil {
			return err
		}
		report, err := audit.Look(in.model)
		if err != nil {
			return systemFailure(err)
		}
		if out.json() {
			err = writeJSON(a.out, auditDocument(report))
		} else {
			writeAudit(a.out, report)
		}
		if out.json() && !report.InForce {
			a.remark("nothing of ngcp-fw is in force")
		}
		a.auditRemarks(report)
		if err == nil && report.Findings() > 0 {
			err = errNo
		}
		return err
	}
}

func auditDocument(r *audit.Report) []auditJSON {
	doc := []auditJSON{}
	for _, e := range r.Entries {
		one := auditJSON{
			Protocol: e.Protocol.String(), Port: e.Port, LastPort: e.LastPort, Process: e.Process, Service: e.Service, Reach: e.Reach,
			Roles: append([]string{}, e.Roles...), Findings: []findingJSON{}, Sockets: e.Sockets, IPv4Too: e.Both, Link: e.Link, Client: e.Client,
			PID: e.PID, Unit: e.Unit, User: e.User, From: e.From.Strings(), Interfaces: append([]string{}, e.Links...), Why: e.Why,
		}
		if e.Address.IsValid() {
			one.Address = e.Address.String()
		}
		if e.Service != "" {
			one.Origin = e.Origin.LineOrigin()
		}
		for i, f := range e.Findings {
			if one.Findings = append(one.Findings, findingJSON{f.Code, f.Text}); i == 0 {
				one.Finding = f.Text
			}
		}
		doc = append(doc, one)
	}
	return doc
}

// auditRemarks says what an audit could not look at.
func (a *app) auditRemarks(r *audit.Report) {
	for _, doubt := range r.Doubts {
		a.remark("%s", wrap(doubt, len("ngcp-fw: "), 2))
	}
	if r.Unseen > 0 {
		a.remark("%s", wrap(plural(r.Unseen, "process")+" could not be looked into: their sockets have no name here; run it as root", len("ngcp-fw: "), 2))
	}
	if e := r.Elsewhere; e.Processes > 0 {
		words := plural(e.Processes, "process") + " in " + plural(e.Namespaces, "other network namespace") + " left out"
		if e.Listening > 0 {
			words += ", with " + plural(e.Listening, "listening socket") + ": what reaches those is forwarded, not for this host"
		}
		a.remark("%s", wrap(words, len("ngcp-fw: "), 2))
	}
}
