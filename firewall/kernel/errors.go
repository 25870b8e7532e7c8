package kernel

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// What callers act upon.
var (
	// ErrChanged says that somebody else changed the ruleset meanwhile.
	ErrChanged = errors.New("somebody else changed the ruleset meanwhile")
	// ErrPermission says that CAP_NET_ADMIN is missing.
	ErrPermission = errors.New("changing or reading the firewall needs the capability CAP_NET_ADMIN: run it as root")
	// ErrNoNFTables says that the kernel has no nf_tables.
	ErrNoNFTables = errors.New("this kernel has no nf_tables (CONFIG_NF_TABLES and CONFIG_NF_TABLES_INET are needed)")
)

// Error is the kernel's refusal of one message of a batch, of which nothing
// took effect.
type Error struct {
	About string // the object: rule 3 of chain input-1 (sip/peers, policy.yml:41:7)
	Errno unix.Errno
	Text  string // what the kernel says in words; may be empty
}

// Error says which object was refused and why, in words.
func (e *Error) Error() string {
	text := fmt.Sprintf("the kernel refused %s: %s", e.About, words(e.Errno))
	if e.Text != "" {
		text += " (" + e.Text + ")"
	}
	return text
}

// Unwrap is the error number.
func (e *Error) Unwrap() error { return e.Errno }

// reasons are the errors that nf_tables gives, in words.
var reasons = map[unix.Errno]string{
	unix.EPERM:        "another program owns the table (flags owner); it goes when that program ends",
	unix.ENOENT:       "it, or something it refers to (a table, chain, set or a feature of the kernel), does not exist",
	unix.EEXIST:       "it exists already, with other properties or as an overlapping range",
	unix.EINVAL:       "the kernel finds it invalid, here or in this table",
	unix.EOPNOTSUPP:   "this kernel does not support it",
	unix.ENOMEM:       "the kernel has no memory left for it",
	unix.ENOBUFS:      "the kernel's buffers are full",
	unix.ENOSPC:       "a limit of the kernel is reached",
	unix.ENFILE:       "the set's size is reached",
	unix.EBUSY:        "it is in use",
	unix.EMLINK:       "chains jump too deep or in a circle",
	unix.ELOOP:        "chains jump too deep or in a circle",
	unix.ERANGE:       "a number in it is out of range",
	unix.EOVERFLOW:    "a number in it is too large",
	unix.ENAMETOOLONG: "a name in it is too long",
	unix.EAFNOSUPPORT: "this kernel has no nf_tables for the family (inet: CONFIG_NF_TABLES_INET)",
	unix.EAGAIN:       "the kernel did not answer in time",
	unix.EBADMSG:      "the answer was broken",
}

// errTooLarge says that a batch is larger than the socket's buffer.
var errTooLarge = errors.New("the ruleset is larger than a socket's buffer may be: run it as root, or raise the sysctl net.core.wmem_max")

// words is an error number as a sentence.
func words(errno unix.Errno) string {
	if text, known := reasons[errno]; known {
		return text
	}
	return fmt.Sprintf("%s (error %d)", errno.Error(), int(errno))
}

// batchError is an error that is about no single message.
func batchError(err error) error {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return fmt.Errorf("talking to the kernel's firewall failed: %w", err)
	}
	switch errno {
	case unix.ERESTART:
		return ErrChanged
	case unix.EPERM, unix.EACCES:
		return ErrPermission
	case unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT:
		return ErrNoNFTables
	case unix.EMSGSIZE:
		return errTooLarge
	}
	return fmt.Errorf("talking to the kernel's firewall failed: %s", words(errno))
}

// beginError is why the kernel takes no batch, and tells no generation: both
// fail with these where nobody is there to understand nf_tables' messages.
func beginError(errno unix.Errno) error {
	switch errno {
	case unix.EINVAL, unix.EOPNOTSUPP, unix.ENOENT:
		return ErrNoNFTables
	}
	return batchError(errno)
}

// openError is why the socket cannot be opened.
func openError(err error) error {
	if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EPROTONOSUPPORT) {
		return ErrNoNFTables
	}
	return batchError(err)
}
