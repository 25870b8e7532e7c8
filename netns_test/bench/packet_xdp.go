package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// stream is the packets that a packetHost is sent: UDP over IPv4 to one port,
// from so many sources in turn. The sources are spread over prefixes that begin
// stride addresses apart, in an order that no cache foresees.
type stream struct {
	port     uint16
	sources  uint32
	prefixes uint32
	stride   uint32
}

// Places of the frame's fields: Ethernet, then IPv4 without options, then UDP.
const (
	atChecksum = 14 + 10
	atSource   = 14 + 12
	headers    = 14 + 20 + 8
	payload    = 172 // RTP of 20 ms of G.711: RFC 3550 section 5.1, RFC 3551 section 4.5.14
)

// firstSource is 10.0.0.0.
const firstSource = 10 << 24

// frame is a frame of the stream without source and without IPv4 checksum. Over
// IPv4 UDP needs no checksum of its own (RFC 768).
func (s stream) frame(to []byte) []byte {
	f := make([]byte, headers+payload)
	copy(f, to)
	copy(f[6:], []byte{2, 0, 0, 0, 0, 1, 0x08, 0x00})
	ip := f[14:]
	copy(ip, []byte{0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, unix.IPPROTO_UDP})
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	copy(ip[16:], hostAddress[:])
	udp := ip[20:]
	binary.BigEndian.PutUint16(udp, 20000)
	binary.BigEndian.PutUint16(udp[2:], s.port)
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
	return f
}

// scatter is a prime, so that the sources of a list come in no order.
const scatter = 1_000_003

// program gives each frame the next source and the checksum that goes with it.
func (s stream) program(counter *ebpf.Map, frame []byte) (*ebpf.Program, error) {
	var sum int32
	for i := 14; i < 34; i += 2 {
		sum += int32(binary.BigEndian.Uint16(frame[i:]))
	}
	return ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.XDP, License: "GPL", Instructions: asm.Instructions{
		asm.LoadMem(asm.R7, asm.R1, 0, asm.Word), // xdp_md.data
		asm.LoadMem(asm.R8, asm.R1, 4, asm.Word), // xdp_md.data_end
		asm.Mov.Reg(asm.R0, asm.R7),
		asm.Add.Imm(asm.R0, headers),
		asm.JGT.Reg(asm.R0, asm.R8, "pass"),

		asm.StoreImm(asm.RFP, -4, 0, asm.Word),
		asm.LoadMapPtr(asm.R1, counter.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "pass"),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord),
		asm.Mov.Reg(asm.R2, asm.R1),
		asm.Add.Imm(asm.R2, 1),
		asm.StoreMem(asm.R0, 0, asm.R2, asm.DWord),

		// R2: 10.0.0.0 + (number * scatter mod prefixes) * stride + number / prefixes
		asm.Mod.Imm(asm.R1, int32(s.sources)),
		asm.Mov.Reg(asm.R2, asm.R1),
		asm.Mul.Imm(asm.R2, scatter),
		asm.Mod.Imm(asm.R2, int32(s.prefixes)),
		asm.Mul.Imm(asm.R2, int32(s.stride)),
		asm.Div.Imm(asm.R1, int32(s.prefixes)),
		asm.Add.Reg(asm.R2, asm.R1),
		asm.Add.Imm(asm.R2, firstSource),

		// R3: the sum of the header's words, folded (RFC 1071)
		asm.Mov.Reg(asm.R3, asm.R2),
		asm.RSh.Imm(asm.R3, 16),
		asm.Mov.Reg(asm.R4, asm.R2),
		asm.And.Imm(asm.R4, 0xffff),
		asm.Add.Reg(asm.R3, asm.R4),
		asm.Add.Imm(asm.R3, sum),
		asm.Mov.Reg(asm.R4, asm.R3),
		asm.RSh.Imm(asm.R4, 16),
		asm.And.Imm(asm.R3, 0xffff),
		asm.Add.Reg(asm.R3, asm.R4),
		asm.Mov.Reg(asm.R4, asm.R3),
		asm.RSh.Imm(asm.R4, 16),
		asm.Add.Reg(asm.R3, asm.R4),
		asm.Xor.Imm(asm.R3, 0xffff),
		asm.And.Imm(asm.R3, 0xffff),
		asm.HostTo(asm.BE, asm.R3, asm.Half),
		asm.StoreMem(asm.R7, atChecksum, asm.R3, asm.Half),
		asm.HostTo(asm.BE, asm.R2, asm.Word),
		asm.StoreMem(asm.R7, atSource, asm.R2, asm.Word),

		asm.Mov.Imm(asm.R0, 2).WithSymbol("pass"), // XDP_PASS
		asm.Return(),
	}})
}

// passing is a program that leaves every frame alone.
func passing() (*ebpf.Program, error) {
	return ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.XDP, License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 2), asm.Return()}})
}

// xdpContext is struct xdp_md of linux/bpf.h.
type xdpContext struct {
	Data, DataEnd, DataMeta                     uint32
	IngressIfindex, RxQueueIndex, EgressIfindex uint32
}

// inject has the kernel receive count frames on the link, on this thread, and
// gives
func inject(program *ebpf.Program, frame []byte, link int, count uint32) (time.Duration, error) {
	before, err := threadTime()
	if err != nil {
		return 0, err
	}
	_, err = program.Run(&ebpf.RunOptions{
		Data: frame, Repeat: count, Flags: unix.BPF_F_TEST_XDP_LIVE_FRAMES,
		Context: xdpContext{DataEnd: uint32(len(frame)), IngressIfindex: uint32(link)},
	})
	if err != nil {
		return 0, fmt.Errorf("cannot inject frames: %w", err)
	}
	after, err := threadTime()
	return after - before, err
}

// threadTime is the processor time that this thread has had: waiting for a busy
// machine does not count.
func threadTime() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0, errors.New("no clock of the thread")
	}
	return time.Duration(t.Nano()), nil
}
