package main

import (
	"errors"
	"fmt"
	"os"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/ruleset"
	"ngcp-fw/netns_test/hitless"
	"ngcp-fw/policy/exposure"
)

// nftFile writes the policy's ruleset for nft -f.
func (w *world) nftFile(policy, name string) error {
	model, err := load(w.path(policy))
	if err != nil {
		return err
	}
	return w.writeReplacement(compile.Compile(model, 1), name)
}

// plainFile writes the policy's ruleset as `ngcp-fw compile` prints it.
func (w *world) plainFile(policy, name string) error {
	model, err := load(w.path(policy))
	if err != nil {
		return err
	}
	f, err := os.Create(w.path(name))
	if err != nil {
		return err
	}
	return errors.Join(compile.Compile(model, 1).WriteText(f), f.Close())
}

// writeReplacement writes a ruleset in the customary way: whatever is there goes
// and the new table comes, in one transaction.
func (w *world) writeReplacement(table *ruleset.Table, name string) error {
	f, err := os.Create(w.path(name))
	if err != nil {
		return err
	}
	fmt.Fprintf(f, "table inet %[1]s\ndelete table inet %[1]s\n", compile.TableName)
	return errors.Join(table.WriteText(f), f.Close())
}

// replaceByNft puts the variant's rulesets into force by nft -f.
func (w *world) replaceByNft(v hitless.Variant) (hitless.Way, error) {
	models, err := v.Models()
	if err != nil {
		return nil, err
	}
	for i, m := range models {
		if err := w.writeReplacement(compile.Compile(m, 1), fmt.Sprint(i, ".nft")); err != nil {
			return nil, err
		}
	}
	return func(_ *exposure.Model, nth int) error {
		_, err := w.nft(fmt.Sprint(nth%2, ".nft"))
		return err
	}, nil
}
