package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Notes are small files of the run directory, which need not outlive the power.

func readNote[T any](runDir, name string) (note T, err error) {
	path := filepath.Join(runDir, name)
	data, err := read(path)
	if err != nil {
		return note, explain(err, "cannot read %s", path)
	}
	if err := unwrap(data, &note); err != nil {
		var none T
		return none, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return note, nil
}

// writeNote writes it whole or not at all, and takes away what was left of any note
// when its writing was interrupted.
func writeNote(runDir, name string, note any) error {
	path := filepath.Join(runDir, name)
	data, err := json.MarshalIndent(note, "", "  ")
	if err != nil {
		return err
	}
	for _, other := range []string{markName, pendingName} {
		for _, left := range interrupted(filepath.Join(runDir, other)) {
			_ = os.Remove(left)
		}
	}
	return explain(replace(path, wrap(data)), "cannot write %s", path)
}

func removeNote(runDir, name string) error {
	path := filepath.Join(runDir, name)
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return explain(err, "cannot remove %s", path)
	}
	return nil
}

// interrupted finds what a replace that was stopped has left of a file. One that
// goes on may be among them: then one of the two marks is lost, which only makes
// the next status take longer.
func interrupted(path string) []string {
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"*"))
	return left
}

// replace writes a file that need not outlive the power: without waiting for the
// disk.
func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path))
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
