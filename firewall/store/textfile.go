package store

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

var errIrregular = errors.New("it is not a regular file; name another one")

// WriteTextfile replaces a file that all may read, whole or not at all. Its
// temporary file stands beside it under a name that begins with a dot and has
// another ending, so that nobody who reads the folder takes it for the file.
func WriteTextfile(path string, data []byte) error {
	err := errIrregular
	if info, failed := os.Lstat(path); failed != nil || info.Mode().IsRegular() {
		err = renameio.WriteFile(path, data, 0o644, renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(0o644))
	}
	return explain(err, "cannot write %s", path)
}
