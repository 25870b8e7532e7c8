package main

import (
	"path/filepath"
	"slices"

	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/exposure"
)

// withhold takes what a list holds out of the remarks on it, where the list does
// not lie below the policy's folder: a policy under review may name any file of
// the machine that reviews it as a list, and must not get it quoted.
func (in *input) withhold() {
	outside := map[string]bool{}
	for path := range in.lists {
		outside[path] = !below(filepath.Dir(in.policy.File), path)
	}
	for i := range in.diags {
		d := &in.diags[i]
		if !outside[d.Pos.File] || d.Width == 0 {
			continue
		}
		codes := exposure.AllCodes()
		about := codes[slices.IndexFunc(codes, func(c diag.Code) bool { return c.Code == d.Code })]
		d.Message, d.Hint, d.Width = about.Meaning+"; not quoted: the list lies outside the policy's folder", about.Do, 0
	}
}

// below reports whether a file really lies in a folder, whatever links lead to it.
func below(folder, path string) bool {
	home, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return false
	}
	home, _ = filepath.Abs(home)
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return false
	}
	path, _ = filepath.Abs(path)
	inside, err := filepath.Rel(home, path)
	return err == nil && filepath.IsLocal(inside)
}
