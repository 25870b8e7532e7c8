package vm

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// slack is what a file system needs beside its files.
const slack = 8 << 20

// makeJob makes the second disk: the files and the script.
func (m *Machine) makeJob(files Files, script string) error {
	folder := m.path("job")
	defer os.RemoveAll(folder)
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	for name, source := range files {
		if err := carry(filepath.Join(folder, name), source); err != nil {
			return fmt.Errorf("carry %s into the guest: %w", source, err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "script"), []byte(withShell(script)), 0o755); err != nil {
		return err
	}
	size, err := sizeOf(folder)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(m.path("job.img")); err != nil {
		return err
	}
	return run(exec.Command("mke2fs", "-q", "-F", "-t", "ext2", "-L", "job",
		"-d", folder, m.path("job.img"), fmt.Sprintf("%dK", (size+size/8+slack)>>10)))
}

// carry copies a file or a folder.
func carry(to, from string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return run(exec.Command("cp", "-RL", from, to))
}

func withShell(script string) string {
	if strings.HasPrefix(script, "#!") {
		return script
	}
	return "#!/bin/sh\n" + script
}

// sizeOf is what the folder's files need in blocks of 4096 bytes.
func sizeOf(folder string) (size int64, err error) {
	err = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += (info.Size() + 4095) &^ 4095
		}
		return err
	})
	return size, err
}
