package vm

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// recipe is all that the guest's disk is made by.
//
//go:embed image
var recipe embed.FS

// image is a finished guest: a disk that nobody writes to, and what boots it.
type image struct{ disk, kernel, initrd string }

// openImage finds the guest's image, and makes it where it is missing. Of several
// processes that ask for it, one makes it and the others wait.
func openImage() (image, error) {
	cache, err := cacheFolder()
	if err != nil {
		return image{}, err
	}
	unlock, err := lock(filepath.Join(cache, "lock"))
	if err != nil {
		return image{}, err
	}
	defer unlock()
	key, err := recipeKey()
	if err != nil {
		return image{}, err
	}
	folder := filepath.Join(cache, key)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		if err := makeImage(cache, folder); err != nil {
			return image{}, fmt.Errorf("make the guest's disk: %w", err)
		}
	}
	in := func(name string) string { return filepath.Join(folder, name) }
	return image{in("disk.img"), in("vmlinuz"), in("initrd.img")}, nil
}

// cacheFolder is where images are kept; it exists afterwards.
func cacheFolder() (string, error) {
	folder := os.Getenv("NGCP_FW_VM_CACHE")
	if folder == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("%w\nhint: set NGCP_FW_VM_CACHE to a folder", err)
		}
		folder = filepath.Join(user, "ngcp-fw", "vm")
	}
	return folder, os.MkdirAll(folder, 0o755)
}

// lock waits for the file's lock.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { file.Close() }, nil
}

// recipeKey changes with every byte of the recipe.
func recipeKey() (string, error) {
	hash := sha256.New()
	err := fs.WalkDir(recipe, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := recipe.ReadFile(path)
		fmt.Fprintf(hash, "%s %d\n%s", path, len(text), text)
		return err
	})
	return hex.EncodeToString(hash.Sum(nil))[:16], err
}

// makeImage follows the recipe. The folder appears whole or not at all; images of
// other recipes go when it has appeared.
func makeImage(cache, folder string) error {
	old, err := filepath.Glob(filepath.Join(cache, "*", "disk.img"))
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp(cache, "unfinished-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := followRecipe(work); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(work, "image"), folder); err != nil {
		return err
	}
	for _, disk := range old {
		if err := os.RemoveAll(filepath.Dir(disk)); err != nil {
			return err
		}
	}
	return nil
}

// followRecipe makes the image in the folder work/image.
func followRecipe(work string) error {
	if err := os.CopyFS(work, recipe); err != nil {
		return err
	}
	sources := filepath.Join(work, "sources")
	if err := os.Rename(filepath.Join(work, "image"), sources); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(work, "image"), 0o755); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "making the guest's disk from Debian's packages; this takes minutes, once")
	cmd := exec.Command("sh", filepath.Join(sources, "build.sh"), sources, filepath.Join(work, "image"))
	return run(cmd)
}

// run runs a command whose output is of interest only where it fails.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s\nhint: make vm-tools installs what is needed", cmd, err, out)
	}
	return nil
}
