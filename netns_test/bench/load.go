package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Sizes of the large lists.
const (
	million      = 1_000_000
	quickMillion = 2_000
)

// loadRounds is enough for the quick ones; nft -f takes part in the first round only.
const loadRounds = 3

// measureLoad puts a million prefixes from a text file into an empty kernel.
func measureLoad(e *env) (rows []row, err error) {
	for _, family := range []struct {
		name     string
		prefixes func(int) []string
	}{{"IPv4", networks4}, {"IPv6", networks6}} {
		n := e.size(million, quickMillion)
		more, err := e.loadFamily(fmt.Sprintf("%s %s prefixes from a text file", thousands(n), family.name), family.prefixes(n))
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

func (e *env) loadFamily(what string, list []string) ([]row, error) {
	w, err := e.world()
	if err != nil {
		return nil, err
	}
	defer w.close()
	if err := w.lists(list); err != nil {
		return nil, err
	}
	if err := w.batchFile("policy.yml", "batch"); err != nil {
		return nil, err
	}
	m, err := interleaved(e.repeat(loadRounds),
		w.fresh(func() (sample, error) { return w.ours("policy.yml", "apply") }),
		w.fresh(func() (sample, error) { return w.floor("batch") }),
		once(w.fresh(func() (sample, error) { return w.nft("ruleset.nft") })),
		once(w.fresh(func() (sample, error) { return w.nft("sorted.nft") })))
	if err != nil {
		return nil, err
	}
	ours, floor, nft, sorted := m[0], m[1], m[2], m[3]
	return []row{
		wallRow(what+": `apply`, whole process", ours.wall, nft.wall, "`nft -f` of the same list", 0.22),
		plainRow(what+": `apply`, whole process", ours.wall, sorted.wall, "`nft -f` of the list sorted and merged before"),
		memoryRow(what+": peak memory", ours.memory, nft.memory, "`nft -f`", 0.15),
		wallRow(what+": against the kernel alone", ours.wall, floor.wall, "the same bytes in one sendmsg", 1.25),
	}, nil
}

// lists writes policy.yml with the list, and the same as ruleset.nft, with the
// elements as the list has them, and as sorted.nft, with those of the compiler.
func (w *world) lists(list []string) error {
	if err := w.write("list.txt", lines(list)); err != nil {
		return err
	}
	if err := w.listPolicy("policy.yml", "list.txt"); err != nil {
		return err
	}
	if err := w.nftFile("policy.yml", "sorted.nft"); err != nil {
		return err
	}
	text, err := os.ReadFile(w.path("sorted.nft"))
	if err != nil {
		return err
	}
	at := largestElements.FindIndex(text)
	if at == nil {
		return errors.New("the ruleset has no long list of elements")
	}
	unsorted := slices.Concat(text[:at[0]], []byte("elements = {\n"+strings.Join(list, ",\n")+"\n}"), text[at[1]:])
	return os.WriteFile(w.path("ruleset.nft"), unsorted, 0o600)
}

// largestElements finds the elements of a set that has a thousand characters of
// them and more.
var largestElements = regexp.MustCompile(`elements = \{[^}]{1000,1000}[^}]*\}`)

// fresh lets a contestant begin with nothing in the kernel and on the disk.
func (w *world) fresh(run func() (sample, error)) func() (sample, error) {
	return func() (sample, error) {
		if err := w.empty(); err != nil {
			return sample{}, err
		}
		return run()
	}
}

// once runs a slow contestant in the first round, whose time then stands for all.
func once(run func() (sample, error)) func() (sample, error) {
	var s sample
	var err error
	ran := false
	return func() (sample, error) {
		if !ran {
			ran = true
			s, err = run()
		}
		return s, err
	}
}

// measureOneMore adds one source to a list of a million that is in force.
func measureOneMore(e *env) ([]row, error) {
	w, err := e.world()
	if err != nil {
		return nil, err
	}
	defer w.close()
	n := e.size(million, quickMillion)
	list := networks4(n)
	apply := func(list []string) func() (sample, error) {
		return func() (sample, error) {
			if err := w.write("list.txt", lines(list)); err != nil {
				return sample{}, err
			}
			return w.ours("policy.yml", "apply")
		}
	}
	if err := w.listPolicy("policy.yml", "list.txt"); err != nil {
		return nil, err
	}
	m, err := interleaved(e.repeat(loadRounds), w.fresh(apply(list)), apply(append(list, "198.51.100.7")))
	if err != nil {
		return nil, err
	}
	return []row{wallRow("one source more in "+thousands(n)+": `apply`, whole process", m[1].wall, m[0].wall, "our own full load", 0.15)}, nil
}

// measureOffline reads a million prefixes without writing to the kernel.
func measureOffline(e *env) ([]row, error) {
	w, err := e.world()
	if err != nil {
		return nil, err
	}
	defer w.close()
	n := e.size(million, quickMillion)
	list := networks4(n)
	if err := w.lists(list); err != nil {
		return nil, err
	}
	if err := w.write("old.txt", lines(list[1:])); err != nil {
		return nil, err
	}
	if err := w.listPolicy("old.yml", "old.txt"); err != nil {
		return nil, err
	}
	m, err := interleaved(e.repeat(loadRounds),
		func() (sample, error) { return w.ours("policy.yml", "check") },
		func() (sample, error) { return w.ours("policy.yml", "diff", "--against", w.path("old.yml")) },
		func() (sample, error) { return w.ours("old.yml", "check") },
		once(func() (sample, error) { return w.nft("ruleset.nft", "-c") }))
	if err != nil {
		return nil, err
	}
	const beside, limit = "`nft -c -f` of the same list", 0.15
	diff := "`diff --against` of " + thousands(n) + " prefixes, one of them new"
	return []row{
		wallRow("`check` of "+thousands(n)+" prefixes", m[0].wall, m[3].wall, beside, limit),
		wallRow(diff, m[1].wall, m[3].wall, beside, limit),
		wallRow(diff, m[1].wall, m[0].wall+m[2].wall, "`check` of both policies", 1.5),
		memoryRow(diff+": peak memory", m[1].memory, m[3].memory, "`nft -c -f`", 0.15),
	}, nil
}

// thousands writes a number with commas.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
