package main

import (
	"errors"
	"fmt"
	"time"

	"ngcp-fw/netns_test/hitless"
)

// Sizes of the hitless measurements. What is slow stops at the time limit: its
// counts stand for as many changes as it has made.
const (
	manyChanges      = 1000
	longList         = 100_000
	fewReplacements  = 100 // by nft -f
	longReplacements = 20  // of the long list
	floodLimit       = 3 * time.Minute
	echoLimit        = 2 * time.Minute
	connections      = 200
)

// measureHitless counts packets that a change hits though it should not.
func measureHitless(e *env) (rows []row, err error) {
	variants := hitless.Variants(e.size(longList, 1000))
	for i, v := range variants {
		r, err := e.floodVariant(v, i == len(variants)-1)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (e *env) floodVariant(v hitless.Variant, long bool) (r row, err error) {
	w, err := e.world()
	if err != nil {
		return r, err
	}
	defer w.close()
	way, done := hitless.ByKernel()
	defer func() { err = errors.Join(err, done()) }()
	ours, rate, err := w.flood(v, way, e.size(manyChanges, 10))
	if err != nil {
		return r, err
	}
	replacements := fewReplacements
	if long {
		replacements = longReplacements
	}
	replace, err := w.replaceByNft(v)
	if err != nil {
		return r, err
	}
	nft, _, err := w.flood(v, replace, e.size(replacements, 5))
	if err != nil {
		return r, err
	}
	return row{
		What: fmt.Sprintf("%d changes of %s under %d kpps: allowed packets lost / forbidden ones let in, per 1,000 changes", ours.made, v.Name, rate/1000),
		Ours: ours.String(), Beside: fmt.Sprintf("`nft -f`, %d times: %s", nft.made, nft),
		Ratio: "–", Goal: "0 / 0", Met: ours.Lost+ours.LetIn == 0,
	}, nil
}

// hits is a flood's count, with the number of changes under it.
type hits struct {
	hitless.Count
	made int
}

// String is lost and let in per 1,000 changes.
func (h hits) String() string {
	return fmt.Sprintf("%d / %d", perThousand(h.Lost, h.made), perThousand(h.LetIn, h.made))
}

// perThousand rounds up: not one packet gets lost in a rounding.
func perThousand(n, made int) int { return (n*1000 + made - 1) / made }

// flood makes changes, first without and then under a flood.
func (w *world) flood(v hitless.Variant, by hitless.Way, n int) (h hits, rate int, err error) {
	c := &hitless.Changes{Host: w.host, By: by}
	if c.Models, err = v.Models(); err != nil {
		return h, 0, err
	}
	if err := c.Make(2, floodLimit); err != nil {
		return h, 0, err
	}
	h.Count, err = hitless.UnderFlood(w.host, 0, func() error { return c.Make(n, floodLimit) })
	h.made = c.Made - 2
	return h, h.Rate(), err
}

// measureTCP follows open connections through changes.
func measureTCP(e *env) ([]row, error) {
	v := hitless.Variants(1)[1]
	n := e.size(connections, 20)
	w, err := e.world()
	if err != nil {
		return nil, err
	}
	defer w.close()
	ours, made, err := w.echoes(v, hitless.ByLibrary(w.dir), n, e.size(manyChanges, 10))
	if err != nil {
		return nil, err
	}
	replace, err := w.replaceByNft(v)
	if err != nil {
		return nil, err
	}
	nft, madeByNft, err := w.echoes(v, replace, n, e.size(fewReplacements, 5))
	if err != nil {
		return nil, err
	}
	return []row{{
		What: fmt.Sprintf("%d open TCP connections through %d applies: reset / stalled for more than %v", n, made, hitless.Stall),
		Ours: fmt.Sprintf("%d / %d", ours.Reset, ours.Stalled), Beside: fmt.Sprintf("`nft -f`, %d times: %d / %d", madeByNft, nft.Reset, nft.Stalled),
		Ratio: "–", Goal: "0 / 0", Met: ours.Reset+ours.Stalled == 0,
	}}, nil
}

func (w *world) echoes(v hitless.Variant, by hitless.Way, n, changes int) (e hitless.Echoes, made int, err error) {
	c := &hitless.Changes{Host: w.host, By: by}
	if c.Models, err = v.Models(); err != nil {
		return e, 0, err
	}
	if err := c.Make(2, floodLimit); err != nil {
		return e, 0, err
	}
	e, err = hitless.UnderConnections(w.host, n, func() error { return c.Make(changes, echoLimit) })
	return e, c.Made - 2, err
}
