package main

import (
	"fmt"
	"io"
	"strings"

	"ngcp-fw/firewall/audit"
	"ngcp-fw/policy"
	"ngcp-fw/policy/addr"
)

// findingWords are the findings in a table's few words.
var findingWords = map[audit.Code]string{
	audit.CodeAdmin:     "!! admin open",
	audit.CodeBeyond:    "!! no policy",
	audit.CodeUndecided: "? unclear",
	audit.CodeMedia:     "! mediaproxy",
	audit.CodeUnheard:   "! no listener",
	audit.CodePort:      "! other port",
	audit.CodeBound:     "! everywhere",
	audit.CodeBlocked:   "! blocked",
}

func writeAudit(w io.Writer, r *audit.Report) {
	if !r.InForce {
		fmt.Fprintln(w, wrap("Nothing of ngcp-fw is in force: what decides is what others have put into the kernel.", 0, 0))
	}
	rows, clients := [][]cell{heading("PROTO", "ADDRESS", "PROCESS", "SERVICE", "REACHED BY", "FINDING")}, 0
	for _, e := range r.Entries {
		if e.Client && len(e.Findings) == 0 {
			clients += e.Sockets
			continue
		}
		rows = append(rows, auditRow(e))
	}
	if len(rows) > 1 {
		writeTable(w, rows)
	}
	if clients > 0 {
		writeNote(w, "not shown", plural(clients, "UDP socket")+" of clients, which only this host reaches")
	}
	fmt.Fprintln(w, plural(r.Findings(), "finding"))
	writeFindings(w, r.Entries)
}

// writeFindings writes each finding once, with all that it is about.
func writeFindings(w io.Writer, entries []audit.Entry) {
	about, order := map[audit.Finding][]string{}, []audit.Finding{}
	for _, e := range entries {
		for _, f := range e.Findings {
			if about[f] == nil {
				order = append(order, f)
			}
			about[f] = append(about[f], subject(e))
		}
	}
	for _, f := range order {
		mark, _, _ := strings.Cut(findingWords[f.Code], " ")
		fmt.Fprintln(w, wrap(fmt.Sprintf("%s %s: %s", mark, strings.Join(about[f], ", "), oneLine(f.Text)), 0, 2))
	}
}

func auditRow(e audit.Entry) []cell {
	finding := text("ok")
	if len(e.Findings) > 0 {
		finding = nil
		for _, f := range e.Findings {
			if word := findingWords[f.Code]; len(finding) == 0 || finding[len(finding)-1] != word {
				finding = append(finding, word)
			}
		}
	} else if e.Sockets > 1 {
		finding = cell{"ok,", plural(e.Sockets, "socket")}
	}
	return []cell{text(e.Protocol.String()), text(socketText(e)), text(processText(e)), text(dash(e.Service)), reachText(e), finding}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// socketText is where the socket is bound: * is all addresses of both families.
func socketText(e audit.Entry) string {
	ports := portsText(e)
	switch {
	case !e.Address.IsValid():
	case e.Both:
		ports = "*:" + ports
	case e.Address.Is6():
		ports = "[" + e.Address.String() + "]:" + ports
	default:
		ports = e.Address.String() + ":" + ports
	}
	if e.Link != "" {
		ports += "%" + e.Link
	}
	return ports
}

func portsText(e audit.Entry) string {
	if e.Port == 0 { // media, and no port is open for it
		return "-"
	}
	p := policy.Ports{Protocol: e.Protocol, From: e.Port, To: e.LastPort}
	ports, _, _ := strings.Cut(p.String(), "/")
	return ports
}

// processText is the name that the process has given itself, be it any text.
func processText(e audit.Entry) string {
	switch {
	case e.Process != "":
		return oneLine(e.Process)
	case e.Sockets == 0:
		return "nobody"
	}
	return "?"
}

// reachText is who gets in, and, unless it is every one, by which links.
func reachText(e audit.Entry) cell {
	by := cell{}
	switch e.Reach {
	case audit.ReachAny:
		if by = append(by, "any"); narrow(e.From) {
			by = append(cell{"any in"}, e.From.Strings()...)
		}
	case audit.ReachRoles:
		by = append(by, e.Roles...)
	case audit.ReachLocal:
		by = append(by, "this host only")
	default:
		by = append(by, "nobody")
	}
	if len(e.Links) > 0 {
		by = append(by, "on "+strings.Join(e.Links, " "))
	}
	return by
}

// narrow tells whether the sources are few enough to name, though they are of no
// role.
func narrow(s addr.Set) bool {
	return !s.IsAny() && !s.IsAny4() && !s.IsAny6() && len(s.Strings()) <= 2
}

// subject is how a finding names its socket.
func subject(e audit.Entry) string {
	words := portsText(e) + "/" + e.Protocol.String()
	if e.Port == 0 {
		words = e.Protocol.String()
	}
	if e.Process != "" {
		return words + " " + oneLine(e.Process)
	}
	return words + " " + e.Service
}
