package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOthersCannotWriteWhatIsTrusted(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root gives files away")
	}
	const somebody = 4711
	tests := []struct {
		name   string
		do     func(dir, file string) error
		writes string // what is wrong for who writes to the directory; "": nothing
		reads  string // and for who reads the file
	}{
		{"ours alone", func(dir, file string) error { return nil }, "", ""},
		{"the world writes to the directory", func(dir, file string) error { return os.Chmod(dir, 0o777) },
			"others may write to state (mode 0777); take that away with chmod go-w", ""},
		{"a group does", func(dir, file string) error {
			return errors.Join(os.Chown(dir, 0, somebody), os.Chmod(dir, 0o770))
		}, "others may write to state (mode 0770)", ""},
		{"root's group does", func(dir, file string) error { return os.Chmod(dir, 0o770) }, "", ""},
		{"like /tmp", func(dir, file string) error { return os.Chmod(dir, 0o777|os.ModeSticky) }, "", ""},
		{"it is somebody else's", func(dir, file string) error { return os.Chown(dir, somebody, somebody) },
			"state belongs to somebody else (user 4711), who could change it", ""},
		{"a file is somebody else's", func(dir, file string) error { return os.Chown(file, somebody, 0) }, "",
			"generation-1.json belongs to somebody else (user 4711)"},
		{"the world writes to a file", func(dir, file string) error { return os.Chmod(file, 0o666) }, "",
			"others may write to generation-1.json (mode 0666)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			s := New(dir)
			require.NoError(t, s.Save(sampleMeta(1), sampleContent))
			require.NoError(t, test.do(dir, s.path(1, metaSuffix)))
			_, err := s.Load(1)
			says(t, test.reads, err)
			says(t, test.writes, s.Trusted())
			says(t, test.writes, s.Save(sampleMeta(2), sampleContent))
			says(t, test.writes, s.Record(Event{What: Applied}))
			says(t, test.writes, s.AppendBan([]byte("x\n")))
			lock, err := Lock(dir)
			says(t, test.writes, err)
			if lock != nil {
				require.NoError(t, lock.Unlock())
			}
		})
	}
	assert.NoError(t, New(filepath.Join(t.TempDir(), "none")).Trusted())
}

func says(t *testing.T, text string, err error) {
	t.Helper()
	if text == "" {
		assert.NoError(t, err)
		return
	}
	assert.ErrorContains(t, err, text)
}
