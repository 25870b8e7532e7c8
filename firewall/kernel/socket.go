package kernel

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/ruleset"
)

// transport carries messages to nf_tables and back. There is one in the
// program; tests put faults between it and the caller.
type transport interface {
	// commit sends a batch: all of it takes effect, or nothing. It fails with
	// ErrChanged if the ruleset's generation is not genid any more, and with
	// errTooLarge if smaller batches could go.
	commit(genid uint32, batch []ruleset.Message) error
	// get asks for objects; with NLM_F_DUMP in flags, for all of them.
	get(kind uint8, flags uint16, body []byte) ([]ruleset.Message, error)
	// grace waits until no packet is on its way any more through rules that were
	// in force when it was called.
	grace()
	close() error
}

// socket is a netlink socket of NETLINK_NETFILTER.
type socket struct {
	fd       int
	sequence uint32
	buffer   []byte // for what comes in
	out      []byte // the last batch; the next one takes its room
}

// Sizes of sockets' buffers in bytes. A dump's messages come in pieces of at
// most 32 KiB (NLMSG_GOODSIZE and what nf_tables asks for).
const (
	receiveBuffer = 4 << 20
	pieceSize     = 64 << 10
)

// patience is how many seconds an answer may take; the kernel answers before
// it returns from the request.
const patience = 10

func openSocket() (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, openError(err)
	}
	s := &socket{fd: fd, buffer: make([]byte, pieceSize)}
	for _, option := range []struct{ level, name, value int }{
		{unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1},
		{unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1},
	} {
		if err := unix.SetsockoptInt(fd, option.level, option.name, option.value); err != nil {
			unix.Close(fd)
			return nil, openError(err)
		}
	}
	s.grow(unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, receiveBuffer)
	timeout := unix.Timeval{Sec: patience}
	err = errors.Join(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
		unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	if err != nil {
		unix.Close(fd)
		return nil, openError(err)
	}
	return s, nil
}

// grow sets a buffer's size; beyond the system's limit (net.core.wmem_max) only
// with CAP_NET_ADMIN.
func (s *socket) grow(force, plain, size int) {
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, force, size) != nil {
		// What the limit leaves is enough for small rulesets; large ones get
		// their error from the kernel.
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, plain, size)
	}
}

func (s *socket) close() error { return unix.Close(s.fd) }

// grace has the kernel wait for its readers (an RCU grace period, some
// milliseconds). A packet sees in all chains the rules of the generation that
// was in force when it entered the base chain, which is one of two that take
// turns: held up until two commits later, it would find the chains of its own
// generation empty.
func (s *socket) grace() {
	if _, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, membarrierGlobal, 0, 0); errno != 0 {
		time.Sleep(graceSleep)
	}
}

const (
	membarrierGlobal = 1                     // MEMBARRIER_CMD_GLOBAL of linux/membarrier.h
	graceSleep       = 50 * time.Millisecond // where the kernel has no membarrier(2)
)

// header is the bytes of struct nlmsghdr.
const header = unix.NLMSG_HDRLEN

// frame appends a message with its header; its sequence number tells its
// answer from others.
func (s *socket) frame(to []byte, kind, flags uint16, body func(to []byte) []byte) []byte {
	s.sequence++
	at := len(to)
	to = append(to, 0, 0, 0, 0) // the length, once it is known
	to = binary.NativeEndian.AppendUint16(to, kind)
	to = binary.NativeEndian.AppendUint16(to, flags|unix.NLM_F_REQUEST)
	to = binary.NativeEndian.AppendUint32(to, s.sequence)
	to = binary.NativeEndian.AppendUint32(to, 0)
	to = body(to)
	binary.NativeEndian.PutUint32(to[at:], uint32(len(to)-at))
	for len(to)%4 != 0 {
		to = append(to, 0)
	}
	return to
}

// plain is a body that is there already.
func plain(body []byte) func(to []byte) []byte {
	return func(to []byte) []byte { return append(to, body...) }
}

// nfTables is the kind of a message of nf_tables.
func nfTables(kind uint8) uint16 { return unix.NFNL_SUBSYS_NFTABLES<<8 | uint16(kind) }

// Attributes and sizes of linux/netfilter/nfnetlink.h.
const (
	batchGenID    = 1 // NFNL_BATCH_GENID
	genericHeader = 4 // bytes of struct nfgenmsg
)

// batchMark is the body of a batch's first and last message.
func batchMark() []byte {
	return binary.BigEndian.AppendUint16([]byte{unix.AF_UNSPEC, unix.NFNETLINK_V0}, unix.NFNL_SUBSYS_NFTABLES)
}

func (s *socket) commit(genid uint32, batch []ruleset.Message) error {
	size := 4 * header
	for _, m := range batch {
		size += header + m.Size() + 4
	}
	begin := s.sequence + 1
	data := slices.Grow(s.out[:0], size)
	mark := binary.NativeEndian.AppendUint16(batchMark(), 8)
	mark = binary.NativeEndian.AppendUint16(mark, batchGenID)
	data = s.frame(data, unix.NFNL_MSG_BATCH_BEGIN, 0, plain(binary.BigEndian.AppendUint32(mark, genid)))
	for i, m := range batch {
		flags := m.Flags
		if i == len(batch)-1 {
			// Old kernels do not acknowledge the batch's end, so the last message it is.
			flags |= unix.NLM_F_ACK
		}
		data = s.frame(data, nfTables(m.Type), flags, m.AppendBody)
	}
	last := s.sequence
	data = s.frame(data, unix.NFNL_MSG_BATCH_END, 0, plain(batchMark()))
	s.out = data
	s.grow(unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, 2*len(data))
	if err := s.send(data); err != nil {
		return batchError(err)
	}
	return s.verdict(begin, last, batch)
}

func (s *socket) send(data []byte) error {
	return again(func() error {
		return unix.Sendto(s.fd, data, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	})
}

// again repeats what a signal interrupted.
func again(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// verdict reads what the kernel says of a batch: nothing but an acknowledgement
// of its last message, or what it has against one message, or against all.
//
// It says all of that before the batch's sending ends. What finds no room in
// the socket is lost: then it is not known whether the batch took effect.
func (s *socket) verdict(begin, last uint32, batch []ruleset.Message) error {
	var refusal error
	flags := 0
	for {
		answers, err := s.receive(flags)
		switch {
		case errors.Is(err, unix.ENOBUFS):
			flags = unix.MSG_DONTWAIT
			continue
		case flags != 0 && errors.Is(err, unix.EAGAIN):
			return cmp.Or(refusal, ErrChanged)
		case err != nil:
			return batchError(err)
		}
		for _, a := range answers {
			if a.sequence < begin || a.sequence > last || a.kind != unix.NLMSG_ERROR {
				continue
			}
			errno, note := a.errno()
			switch {
			case a.sequence == begin:
				return beginError(errno)
			case errno != 0 && refusal == nil:
				m := batch[a.sequence-begin-1]
				refusal = &Error{About: m.About + place(m, note.offset), Errno: errno, Text: note.text}
			}
			if a.sequence == last {
				return refusal
			}
		}
	}
}

func (s *socket) get(kind uint8, flags uint16, body []byte) (all []ruleset.Message, err error) {
	if flags&unix.NLM_F_DUMP == 0 {
		flags |= unix.NLM_F_ACK
	}
	if err := s.send(s.frame(nil, nfTables(kind), flags, plain(body))); err != nil {
		return nil, batchError(err)
	}
	interrupted := false
	for {
		answers, err := s.receive(0)
		if errors.Is(err, unix.ENOBUFS) {
			interrupted = true // something is lost; what follows must be read all the same
			continue
		} else if err != nil {
			return nil, batchError(err)
		}
		for _, a := range answers {
			if a.sequence != s.sequence {
				continue
			}
			interrupted = interrupted || a.flags&unix.NLM_F_DUMP_INTR != 0
			switch a.kind {
			case unix.NLMSG_ERROR, unix.NLMSG_DONE:
				return all, a.end(kind, interrupted)
			default:
				all = append(all, ruleset.Message{Type: uint8(a.kind), Body: a.body})
			}
		}
	}
}

// answer is one message from the kernel.
type answer struct {
	kind, flags uint16
	sequence    uint32
	body        []byte
}

// receive reads the next messages.
func (s *socket) receive(flags int) (list []answer, err error) {
	var n int
	err = again(func() error {
		n, _, err = unix.Recvfrom(s.fd, s.buffer, flags|unix.MSG_TRUNC)
		return err
	})
	if err != nil {
		return nil, err
	}
	if n > len(s.buffer) {
		return nil, fmt.Errorf("a message of %d bytes from the kernel is larger than any it should send", n)
	}
	for b := s.buffer[:n]; len(b) >= header; {
		size := int(binary.NativeEndian.Uint32(b))
		if size < header || size > len(b) {
			return nil, errors.New("a broken message from the kernel")
		}
		list = append(list, answer{
			kind: binary.NativeEndian.Uint16(b[4:]), flags: binary.NativeEndian.Uint16(b[6:]),
			sequence: binary.NativeEndian.Uint32(b[8:]), body: append([]byte(nil), b[header:size]...),
		})
		b = b[min(len(b), (size+3)&^3):]
	}
	return list, nil
}

// note is what the kernel adds to an error: words, and the offset in the
// message of what it finds wrong; 0: it does not say.
type note struct {
	text   string
	offset int
}

// errno is the error number of an acknowledgement, and what the kernel adds.
func (a answer) errno() (errno unix.Errno, n note) {
	if len(a.body) < 4 {
		return unix.EBADMSG, n
	}
	errno = unix.Errno(-int32(binary.NativeEndian.Uint32(a.body)))
	// With NETLINK_CAP_ACK the header of the request follows, and no more of it.
	if a.flags&unix.NLM_F_ACK_TLVS == 0 || len(a.body) < 4+header {
		return errno, n
	}
	for kind, data := range attributes(a.body[4+header:]) {
		switch {
		case kind == ackText:
			n.text = string(bytes.TrimSuffix(data, []byte{0}))
		case kind == ackOffset && len(data) == 4:
			n.offset = int(binary.NativeEndian.Uint32(data))
		}
	}
	return errno, n
}

// Attributes of an acknowledgement (linux/netlink.h).
const (
	ackText   = 1 // NLMSGERR_ATTR_MSG
	ackOffset = 2 // NLMSGERR_ATTR_OFFS: from the beginning of the message's header
)

// end is the outcome of a request for objects.
func (a answer) end(kind uint8, interrupted bool) error {
	errno := unix.Errno(0)
	if len(a.body) >= 4 {
		errno = unix.Errno(-int32(binary.NativeEndian.Uint32(a.body)))
	}
	switch {
	case errno != 0 && kind == unix.NFT_MSG_GETGEN:
		return beginError(errno)
	case errno == unix.ENOENT:
		return os.ErrNotExist
	case errno != 0:
		return batchError(errno)
	case interrupted:
		return ErrChanged
	}
	return nil
}
