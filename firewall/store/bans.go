package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

const bansName = "bans"

func (s *Store) bansPath() string { return filepath.Join(s.dir, bansName) }

// Bans is the record of the bans, of which package bans knows the lines; empty
// where there is none. It is the file itself, not a copy: it must not be used after
// done.
func (s *Store) Bans() (record []byte, done func(), err error) {
	record, err = mapped(s.bansPath())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return record, func() { _ = unix.Munmap(record) }, explain(err, "cannot read the record of the bans (%s)", s.bansPath())
}

func mapped(path string) ([]byte, error) {
	f, info, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() == 0 {
		return nil, err
	}
	return unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_POPULATE)
}

// AppendBan adds a line to the record, and waits until it is on the disk. What an
// interruption has left of a line before stays a line of its own.
func (s *Store) AppendBan(line []byte) error {
	return explain(s.appendBan(line), "cannot write the record of the bans (%s)", s.bansPath())
}

func (s *Store) appendBan(line []byte) (err error) {
	if err := makeDir(s.dir); err != nil {
		return err
	}
	f, err := os.OpenFile(s.bansPath(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	end := info.Size()
	if last := make([]byte, 1); end > 0 {
		if _, err := f.ReadAt(last, end-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	if _, err = f.WriteAt(line, end); err != nil {
		return errors.Join(err, f.Truncate(end))
	}
	return f.Sync()
}

// WriteBans replaces the record, whole or not at all.
func (s *Store) WriteBans(record []byte) error {
	err := makeDir(s.dir)
	if err == nil {
		err = renameio.WriteFile(s.bansPath(), record, 0o600)
	}
	return explain(err, "cannot write the record of the bans (%s)", s.bansPath())
}
