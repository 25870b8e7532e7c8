package store

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Who may write to what is kept decides what a boot puts into force. So a file
// counts only if it is ours or root's and nobody else may write to it, and
// nothing is kept in a directory where others could put something in its place.

// makeDir makes a directory for us alone where it is missing.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return ours(dir)
}

func ours(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	return trusted(info)
}

const (
	groupWrites  fs.FileMode = 0o020
	othersWrite  fs.FileMode = 0o002
	ownFilesOnly             = fs.ModeSticky // in a directory: nobody replaces what is another's
)

// trusted fails where somebody else could have written it.
func trusted(info fs.FileInfo) error {
	stat := info.Sys().(*syscall.Stat_t)
	mode := info.Mode()
	group := mode&groupWrites != 0 && stat.Gid != 0 && int(stat.Gid) != os.Getegid()
	switch {
	case stat.Uid != 0 && int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to somebody else (user %d), who could change it; give it to root", info.Name(), stat.Uid)
	case (group || mode&othersWrite != 0) && mode&ownFilesOnly == 0:
		return fmt.Errorf("others may write to %s (mode %04o); take that away with chmod go-w", info.Name(), mode.Perm())
	}
	return nil
}

// open opens a file that is kept, if it can be trusted.
func open(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = trusted(info)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// read is what is in a file that can be trusted.
func read(path string) ([]byte, error) {
	f, info, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, info.Size())
	n, err := io.ReadFull(f, data)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return data[:n], err
}

// Trusted fails where others may write to the directory.
func (s *Store) Trusted() error {
	if err := ours(s.dir); err != nil && !os.IsNotExist(err) {
		return explain(err, "what is kept in %s may be anybody's", s.dir)
	}
	return nil
}
