package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/ruleset"
)

// batchFile writes the policy's ruleset as the bytes of one netlink transaction,
// ready to send: what is left then is the kernel's own work.
func (w *world) batchFile(policy, name string) error {
	model, err := load(w.path(policy))
	if err != nil {
		return err
	}
	messages, err := compile.Compile(model, 1).Encode()
	if err != nil {
		return err
	}
	return os.WriteFile(w.path(name), transaction(messages), 0o600)
}

// transaction frames messages for nf_tables (linux/netlink.h, nlmsghdr;
// linux/netfilter/nfnetlink.h); the last one asks for an acknowledgement.
func transaction(messages []ruleset.Message) []byte {
	mark := []byte{unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, unix.NFNL_SUBSYS_NFTABLES}
	data := frame(nil, unix.NFNL_MSG_BATCH_BEGIN, 0, mark)
	for i, m := range messages {
		flags := m.Flags
		if i == len(messages)-1 {
			flags |= unix.NLM_F_ACK
		}
		data = frame(data, unix.NFNL_SUBSYS_NFTABLES<<8|uint16(m.Type), flags, m.Body)
	}
	return frame(data, unix.NFNL_MSG_BATCH_END, 0, mark)
}

func frame(to []byte, kind, flags uint16, body []byte) []byte {
	to = binary.NativeEndian.AppendUint32(to, uint32(unix.NLMSG_HDRLEN+len(body)))
	to = binary.NativeEndian.AppendUint16(to, kind)
	to = binary.NativeEndian.AppendUint16(to, flags|unix.NLM_F_REQUEST)
	to = append(to, make([]byte, 8)...) // sequence and port: nobody compares them
	to = append(to, body...)
	return append(to, make([]byte, -len(body)&3)...)
}

// floor times what nobody can go below: one sendmsg with the transaction, its
// acknowledgement, and the socket's end.
func (w *world) floor(name string) (s sample, err error) {
	data, err := os.ReadFile(w.path(name))
	if err != nil {
		return s, err
	}
	err = w.host.Do(func() error {
		begin := time.Now()
		err := transact(data)
		s.wall = time.Since(begin)
		return err
	})
	return s, err
}

func transact(data []byte) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 2*len(data)); err != nil {
		return fmt.Errorf("a buffer of %d bytes: %w", len(data), err)
	}
	if err := unix.Sendto(fd, data, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 64<<10)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	if n < unix.NLMSG_HDRLEN+4 {
		return fmt.Errorf("an answer of %d bytes from the kernel", n)
	}
	if errno := -int32(binary.NativeEndian.Uint32(answer[unix.NLMSG_HDRLEN:])); errno != 0 {
		return fmt.Errorf("the kernel refuses the transaction: %w", unix.Errno(errno))
	}
	return nil
}
