package store

import (
	"errors"
	"fmt"
	"syscall"
)

// words says for people what the errors of errno(3) mean here, and what helps.
var words = []struct {
	errno syscall.Errno
	text  string
}{
	{syscall.ENOSPC, "the file system is full; make room and try again"},
	{syscall.EDQUOT, "the disk quota is used up; make room and try again"},
	{syscall.EROFS, "the file system is read-only; remount it for writing or name another directory"},
	{syscall.EACCES, "permission denied; run ngcp-fw as root"},
	{syscall.EPERM, "not permitted; run ngcp-fw as root, and look for an immutable file or directory with lsattr"},
	{syscall.ENOTDIR, "a part of that path is not a directory; remove it or name another directory"},
	{syscall.EISDIR, "it is a directory where a file should be; remove it"},
	{syscall.ELOOP, "it is a symbolic link where none should be; remove it"},
	{syscall.ENOENT, "there is no such file"},
	{syscall.EIO, "the disk cannot be read or written (input/output error); see the kernel log"},
}

// explained is an error in words that still is the one it explains.
type explained struct {
	text  string
	cause error
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.cause }

// explain says what could not be done, and why. It leaves nil, and what is
// explained already, as it is.
func explain(err error, format string, args ...any) error {
	var done *explained
	if err == nil || errors.As(err, &done) {
		return err
	}
	why := err.Error()
	for _, w := range words {
		if errors.Is(err, w.errno) {
			why = w.text
			break
		}
	}
	return &explained{fmt.Sprintf(format, args...) + ": " + why, err}
}
