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
	p := &unsaved{store: s, number: meta.Number}
	defer p.discard()
	if err := p.write(meta, content); err != nil {
		return p.explain(err)
	}
	return p.explain(p.commit())
}

// unsaved is a snapshot that is on the disk as a whole, but is none yet, so that
// room and permission are no question any more when it becomes one.
type unsaved struct {
	store       *Store
	number      uint64
	rules, meta *renameio.PendingFile
}

func (p *unsaved) explain(err error) error {
	return explain(err, "cannot keep generation %d in %s", p.number, p.store.dir)
}

func (p *unsaved) write(meta Meta, content Content) (err error) {
	if _, err := seal(meta); err != nil { // before anything is made
		return err
	}
	if err := os.MkdirAll(p.store.dir, 0o700); err != nil {
		return err
	}
	sum := sha256.New()
	p.rules, err = p.store.pending(p.number, rulesetSuffix, func(w io.Writer) error {
		return content.pack(io.MultiWriter(w, sum))
	})
	if err != nil {
		return err
	}
	meta.Ruleset = hex.EncodeToString(sum.Sum(nil))
	p.meta, err = p.store.pending(p.number, metaSuffix, func(w io.Writer) error {
		sealed, err := seal(meta)
		if err == nil {
			_, err = w.Write(sealed)
		}
		return err
	})
	return err
}

// commit gives both files their names.
func (p *unsaved) commit() error {
	for _, f := range []*renameio.PendingFile{p.rules, p.meta} {
		if err := f.CloseAtomicallyReplace(); err != nil {
			return err
		}
	}
	if err := p.store.syncDir(); err != nil {
		return err
	}
	p.store.prune(p.number)
	return nil
}

// discard removes what is not in place.
func (p *unsaved) discard() {
	for _, f := range []*renameio.PendingFile{p.rules, p.meta} {
		if f != nil {
			_ = f.Cleanup()
		}
	}
}

func (s *Store) pending(n uint64, suffix string, write func(io.Writer) error) (*renameio.PendingFile, error) {
	f, err := renameio.TempFile(s.dir, s.path(n, suffix))
	if err != nil {
		return nil, err
	}
	if err = write(f); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, f.Cleanup())
	}
	return f, nil
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

// prune removes what belongs to none of the newest generations, nor to the one
// confirmed last nor to saved.
func (s *Store) prune(saved uint64) {
	numbers, err := s.Numbers()
	if err != nil {
		return
	}
	keep := map[string]bool{confirmedName: true}
	confirmed, _ := s.Confirmed()
	for _, n := range slices.Concat(numbers[max(0, len(numbers)-Kept):], confirmed[:min(1, len(confirmed))], []uint64{saved}) {
		keep[filepath.Base(s.path(n, metaSuffix))] = true
		keep[filepath.Base(s.path(n, rulesetSuffix))] = true
	}
	_ = s.remove(func(name string) bool { return !keep[name] })
}

// Drop removes the snapshot of one generation, if there is one.
func (s *Store) Drop(n uint64) error {
	drop := []string{filepath.Base(s.path(n, metaSuffix)), filepath.Base(s.path(n, rulesetSuffix))}
	err := s.remove(func(name string) bool { return slices.Contains(drop, name) })
	return explain(err, "cannot remove generation %d from %s", n, s.dir)
}

// Clear removes every generation, and leaves the directory and what others
// have put there.
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
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
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
