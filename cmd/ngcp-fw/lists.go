package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"ngcp-fw/policy/diag"
)

// unusedLists warns of files that lie beside the policy's lists, look like
// them, and are named by no policy of the folder.
func (in *input) unusedLists() {
	home := filepath.Dir(in.policy.File)
	policies := sync.OnceValue(func() []byte { return policiesIn(home) })
	var seen []string
	for path := range in.lists {
		folder := filepath.Dir(path)
		pattern := filepath.Join(folder, "*"+filepath.Ext(path))
		inside, err := filepath.Rel(home, folder)
		if err != nil || inside == "." || !filepath.IsLocal(inside) || filepath.Ext(path) == "" || slices.Contains(seen, pattern) {
			continue
		}
		seen = append(seen, pattern)
		others, _ := filepath.Glob(pattern) // of names with wildcards, nothing
		for _, other := range others {
			if !in.lists[other] && !bytes.Contains(policies(), []byte(filepath.Base(other))) {
				in.diags = append(in.diags, diag.Diagnostic{
					Pos: diag.Pos{File: other}, Severity: diag.Warning, Code: "list-unused",
					Message: fmt.Sprintf("no entry of %s names this list", in.policy.File), Hint: "name it as {file: …}, or remove it",
				})
			}
		}
	}
}

// policiesIn is the text of everything in a folder that may be a policy: lists
// may serve several hosts.
func policiesIn(folder string) (text []byte) {
	paths, _ := filepath.Glob(filepath.Join(folder, "*.y*ml"))
	for _, path := range paths {
		more, _ := readOpened(openNamed(path))
		text = append(text, more...)
	}
	return text
}
