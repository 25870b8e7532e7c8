package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
)

// Save keeps a generation, in place of an earlier snapshot of the same number,
// and drops all but the newest Kept. Whatever happens meanwhile, Load finds it
// whole or refuses it; and a full disk leaves an earlier one as it was. A file
// too old to keep that cannot be removed is no error: the next Save tries again.
func (s *Store) Save(meta Meta, content Content) error {
	saving, err := s.Start(meta, content)
	if err != nil {
		return err
	}
	return saving.Finish()
}

// Saving is a snapshot that every process finds, but that the end of the power
// may still undo: the disk is written meanwhile, until Finish.
type Saving struct {
	store  *Store
	number uint64
	synced chan error
}

// Start is Save without waiting for the disk.
func (s *Store) Start(meta Meta, content Content) (*Saving, error) {
	p := &unsaved{store: s, number: meta.Number}
	err := p.write(meta, content)
	if err == nil {
		err = p.commit()
	}
	if err != nil {
		p.discard()
		return nil, p.explain(err)
	}
	saving := &Saving{s, meta.Number, make(chan error, 2)}
	for _, f := range []*os.File{p.rules, p.meta} {
		go func() { saving.synced <- errors.Join(f.Sync(), f.Close()) }()
	}
	return saving, nil
}

// Finish waits until all of it is on the disk. Nil is on the disk already.
func (s *Saving) Finish() error {
	if s == nil {
		return nil
	}
	err := errors.Join(<-s.synced, <-s.synced)
	if err == nil {
		err = s.store.syncDir()
	}
	s.store.Prune(s.number)
	return s.store.explain(s.number, err)
}

func (s *Store) explain(n uint64, err error) error {
	return explain(err, "cannot keep generation %d in %s", n, s.dir)
}

// unsaved is a snapshot that is written as a whole, but is none yet, so that
// room and permission are no question any more when it becomes one.
type unsaved struct {
	store       *Store
	number      uint64
	rules, meta *os.File
}

func (p *unsaved) explain(err error) error { return p.store.explain(p.number, err) }

func (p *unsaved) write(meta Meta, content Content) (err error) {
	if _, err := seal(meta); err != nil { // before anything is made
		return err
	}
	if err := makeDir(p.store.dir); err != nil {
		return err
	}
	sum := sha256.New()
	if p.rules, err = p.store.temporary(p.number, rulesetSuffix); err != nil {
		return err
	}
	if err = content.pack(io.MultiWriter(p.rules, sum)); err != nil {
		return err
	}
	meta.Ruleset = hex.EncodeToString(sum.Sum(nil))
	sealed, err := seal(meta)
	if err != nil {
		return err
	}
	if p.meta, err = p.store.temporary(p.number, metaSuffix); err != nil {
		return err
	}
	_, err = p.meta.Write(sealed)
	return err
}

// commit gives both files their names.
func (p *unsaved) commit() error {
	if err := os.Rename(p.rules.Name(), p.store.path(p.number, rulesetSuffix)); err != nil {
		return err
	}
	return os.Rename(p.meta.Name(), p.store.path(p.number, metaSuffix))
}

// discard removes what is not in place.
func (p *unsaved) discard() {
	for _, f := range []*os.File{p.rules, p.meta} {
		if f != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}
}

// temporary makes a file for its owner only, beside the place that it is for.
func (s *Store) temporary(n uint64, suffix string) (*os.File, error) {
	return os.CreateTemp(s.dir, "."+filepath.Base(s.path(n, suffix)))
}

// Confirm marks a generation as one that may be restored at boot, unless it is
// marked already.
func (s *Store) Confirm(n uint64) error {
	meta, err := s.Meta(n)
	if err != nil || meta.Confirmed {
		return err
	}
	meta.Confirmed = true
	sealed, err := seal(meta)
	if err == nil {
		err = renameio.WriteFile(s.path(n, metaSuffix), sealed, 0o600)
	}
	if err == nil {
		err = s.syncDir()
	}
	return explain(err, "cannot confirm generation %d in %s", n, s.dir)
}

// Confirmed lists the generations that may be restored at boot, the last one
// first. Of those that cannot be read nobody knows; they are in the list.
func (s *Store) Confirmed() ([]uint64, error) {
	numbers, err := s.Numbers()
	if err != nil {
		return nil, err
	}
	slices.Reverse(numbers)
	return slices.DeleteFunc(numbers, func(n uint64) bool {
		meta, err := s.Meta(n)
		return err == nil && !meta.Confirmed
	}), nil
}

// syncDir makes the names last: fsync(2) of a file says nothing of its
// directory's entry.
func (s *Store) syncDir() error {
	dir, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Prune removes what an interruption left, and what belongs to none of the newest
// generations, nor to the one confirmed last nor to saved.
func (s *Store) Prune(saved uint64) {
	numbers, err := s.Numbers()
	if err != nil {
		return
	}
	keep := map[string]bool{historyName: true, bansName: true}
	for _, n := range slices.Concat(numbers[max(0, len(numbers)-Kept):], s.lastConfirmed(numbers), []uint64{saved}) {
		keep[filepath.Base(s.path(n, metaSuffix))] = true
		keep[filepath.Base(s.path(n, rulesetSuffix))] = true
	}
	_ = s.remove(func(name string) bool { return !keep[name] })
}

func (s *Store) lastConfirmed(numbers []uint64) []uint64 {
	for _, n := range slices.Backward(numbers) {
		if meta, err := s.Meta(n); err == nil && meta.Confirmed {
			return []uint64{n}
		}
	}
	return nil
}

// Drop removes the snapshot of one generation, if there is one.
func (s *Store) Drop(n uint64) error {
	drop := []string{filepath.Base(s.path(n, metaSuffix)), filepath.Base(s.path(n, rulesetSuffix))}
	err := s.remove(func(name string) bool { return slices.Contains(drop, name) })
	return explain(err, "cannot remove generation %d from %s", n, s.dir)
}

// Clear removes every generation, the history and the bans, and leaves the
// directory and what others have put there.
func (s *Store) Clear() error {
	err := s.remove(func(string) bool { return true })
	return explain(err, "cannot remove the generations in %s", s.dir)
}

// remove takes the .json files first: a ruleset without one is no snapshot.
func (s *Store) remove(which func(name string) bool) error {
	names, err := s.list()
	if err != nil {
		return err
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return strings.Compare(filepath.Ext(a), filepath.Ext(b))
	})
	for _, name := range names {
		if which(name) {
			err := os.Remove(filepath.Join(s.dir, name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// probeSize is what Writable tries to write: more bytes than the snapshot of
// an ordinary policy.
const probeSize = 64 << 10

// Writable reports whether a generation could be kept now, by making the
// directory and writing a file there for a moment. The error says what is in
// the way.
func (s *Store) Writable() error {
	return explain(s.probe(), "cannot keep generations in %s", s.dir)
}

func (s *Store) probe() (err error) {
	if err := makeDir(s.dir); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, probePrefix+"*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	if _, err := f.Write(make([]byte, probeSize)); err != nil {
		return fmt.Errorf("trying %d bytes: %w", probeSize, err)
	}
	return f.Sync()
}
