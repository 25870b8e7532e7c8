package store

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// Patience is how long Lock waits for another writer.
const Patience = 5 * time.Second

const (
	lockName     = "lock"
	lockInterval = 20 * time.Millisecond
	holderSize   = 200 // bytes of the holder's name that are kept
)

// Held is the lock, held. The kernel lets go of it with the process, and no
// program started meanwhile inherits it (O_CLOEXEC).
type Held struct{ file *os.File }

// HeldError says that somebody else is at work.
type HeldError struct {
	holder   string
	patience time.Duration
}

// Error names who, as far as they left word.
func (e *HeldError) Error() string {
	return fmt.Sprintf("another ngcp-fw%s is at work; it still was after %v", e.holder, e.patience)
}

// Lock takes the lock in runDir, which it makes where it is missing. It waits
// for another holder for at most Patience and then says who it is.
func Lock(runDir string) (*Held, error) { return lock(runDir, Patience) }

func lock(runDir string, patience time.Duration) (*Held, error) {
	if err := makeDir(runDir); err != nil {
		return nil, explain(err, "cannot make %s for the lock", runDir)
	}
	path := filepath.Join(runDir, lockName)
	for deadline := time.Now().Add(patience); ; time.Sleep(lockInterval) {
		held, holder, err := tryLock(path)
		if err != nil {
			return nil, explain(err, "cannot lock %s", path)
		}
		if held != nil {
			return held, nil
		}
		if time.Now().After(deadline) {
			return nil, &HeldError{holder, patience}
		}
	}
}

// tryLock opens the file anew each time: whoever clears the run directory
// takes a file, and the lock on it, out of everybody else's sight. Neither a
// lock nor an error means that it is taken, by holder.
func tryLock(path string) (held *Held, holder string, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, "", err
	}
	err = flock(f, syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		holder, err = readHolder(f), nil
	case err == nil && inPlace(f, path):
		writeHolder(f)
		return &Held{f}, "", nil
	}
	return nil, holder, errors.Join(err, f.Close())
}

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if err != syscall.EINTR {
			return err
		}
	}
}

func inPlace(f *os.File, path string) bool {
	ours, err1 := f.Stat()
	there, err2 := os.Lstat(path)
	return err1 == nil && err2 == nil && os.SameFile(ours, there)
}

// writeHolder leaves word of who we are. That is a courtesy: where it cannot be
// written, the lock holds all the same.
func writeHolder(f *os.File) {
	args := append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...)
	text := fmt.Sprintf("pid %d: %s", os.Getpid(), strings.Join(args, " "))
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(text[:min(len(text), holderSize)]), 0)
	}
}

// readHolder is " (pid 812: ngcp-fw apply)", or "" where nobody left word.
func readHolder(f *os.File) string {
	text, _ := io.ReadAll(io.NewSectionReader(f, 0, holderSize))
	clean := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(string(text), ""))
	if clean = strings.TrimSpace(clean); clean == "" {
		return ""
	}
	return " (" + clean + ")"
}

// Unlock lets the next writer go on. The file stays: to remove it would let two
// writers lock two files of one name.
func (h *Held) Unlock() error {
	return cmp.Or(h.file.Truncate(0), h.file.Close())
}
