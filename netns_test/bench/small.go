package main

import (
	"fmt"
	"os/exec"
)

const smallRounds = 41

// smallPolicy is the built-in services with administrators, and a few of one's own.
const smallPolicy = `version: 1
roles:
  administrators: {allow: [192.0.2.0/24, "2001:db8:10::/48"]}
  monitoring: {allow: [192.0.2.7, "2001:db8:10::7"]}
services:
  node-exporter: {ports: [9100/tcp], roles: [monitoring]}
  mysqld-exporter: {ports: [9104/tcp], roles: [monitoring]}
  snmp: {ports: [161/udp], roles: [monitoring]}
  turn: {ports: [3478/udp, 3478/tcp], roles: [subscribers]}
  stun: {ports: [3479/udp], roles: [subscribers]}
deny: [198.51.100.0/24]
`

// measureSmall puts an everyday ruleset into an empty kernel, by whole processes.
func measureSmall(e *env) ([]row, error) {
	w, err := e.world()
	if err != nil {
		return nil, err
	}
	defer w.close()
	if err := w.write("policy.yml", smallPolicy); err != nil {
		return nil, err
	}
	if err := w.nftFile("policy.yml", "ruleset.nft"); err != nil {
		return nil, err
	}
	if err := w.plainFile("policy.yml", "plain.nft"); err != nil {
		return nil, err
	}
	contestants := []func() (sample, error){
		w.fresh(func() (sample, error) { return w.ours("policy.yml", "apply") }),
		w.fresh(func() (sample, error) { return w.nft("ruleset.nft") }),
		w.fresh(func() (sample, error) { return w.nft("plain.nft") }),
	}
	if w.has("restore") {
		contestants = append(contestants, w.restore)
	}
	m, err := interleaved(e.repeat(smallRounds), contestants...)
	if err != nil {
		return nil, err
	}
	rules, err := w.rules("policy.yml")
	if err != nil {
		return nil, err
	}
	what, beside := fmt.Sprintf("%d rules, ", rules), "`nft -f`, behind `delete table`"
	rows := []row{wallRow(what+"`apply`, verified and saved, whole process", m[0].wall, m[1].wall, beside, 1.5)}
	if len(m) > 3 {
		boot := what + "`restore` at boot, whole process"
		rows = append(rows, wallRow(boot, m[3].wall, m[1].wall, beside, 0.6), wallRow(boot, m[3].wall, m[2].wall, "`nft -f` of the bare table", 1))
	}
	return rows, nil
}

// has reports whether the program has the command.
func (w *world) has(command string) bool {
	return exec.Command(w.program, "help", command).Run() == nil
}

// restore times what a boot does: nothing in the kernel, the snapshot on the disk.
func (w *world) restore() (sample, error) {
	if err := w.empty(); err != nil {
		return sample{}, err
	}
	if _, err := w.ours("policy.yml", "apply"); err != nil {
		return sample{}, err
	}
	if err := w.clear(); err != nil {
		return sample{}, err
	}
	return w.ours("policy.yml", "restore")
}
