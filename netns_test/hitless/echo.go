package hitless

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"ngcp-fw/netns_test/lab"
)

// Echoes is what became of connections that were open during a change.
type Echoes struct {
	Connections int
	Answers     int // echoes that came back
	Reset       int // connections that broke
	Stalled     int // connections with an echo that took longer than Stall
}

// Stall is how long an echo may take.
const Stall = time.Second

// pause between two echoes of a connection.
const pause = 20 * time.Millisecond // as RTP (RFC 3551 section 4.2)

// echoPort is SIP over TCP, which every policy of Variants allows to the subscriber.
const echoPort = 5060

// UnderConnections runs the change while n connections from outside carry echoes.
func UnderConnections(h *lab.Host, n int, change func() error) (e Echoes, err error) {
	listener, err := h.Listen("tcp", netip.MustParseAddrPort("0.0.0.0:5060"))
	if err != nil {
		return e, err
	}
	defer listener.Close()
	go serve(listener)
	conns, err := dialAll(h, n)
	defer closeAll(conns)
	if err != nil {
		return e, err
	}
	e.Connections = n
	var stopped atomic.Bool
	var wait sync.WaitGroup
	fates := make([]Echoes, n)
	for i, conn := range conns {
		wait.Go(func() { fates[i].follow(conn, &stopped) })
	}
	err = change()
	stopped.Store(true)
	wait.Wait()
	for _, f := range fates {
		e.Answers, e.Reset, e.Stalled = e.Answers+f.Answers, e.Reset+f.Reset, e.Stalled+f.Stalled
	}
	return e, err
}

func serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() { io.Copy(conn, conn); conn.Close() }()
	}
}

func dialAll(h *lab.Host, n int) (conns []net.Conn, err error) {
	outside, err := h.Outside(Link.Name)
	if err != nil {
		return nil, err
	}
	from, to := netip.MustParseAddr(subscriber), netip.AddrPortFrom(netip.MustParseAddr(hostAddress), echoPort)
	for i := range n {
		conn, err := outside.Dial("tcp", netip.AddrPortFrom(from, uint16(20000+i)), to)
		if err != nil {
			return conns, err
		}
		conns = append(conns, conn)
		// Closed at once, so that the ports are free for the next ones.
		if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
			return conns, err
		}
	}
	return conns, nil
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		c.Close()
	}
}

// follow sends and awaits echoes on one connection until it is stopped or broken.
func (e *Echoes) follow(conn net.Conn, stopped *atomic.Bool) {
	word, echo := []byte("still there?"), make([]byte, 12)
	for !stopped.Load() {
		conn.SetDeadline(time.Now().Add(Stall))
		_, err := conn.Write(word)
		if err == nil {
			_, err = io.ReadFull(conn, echo)
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			e.Stalled = 1
			return
		case err != nil:
			e.Reset = 1
			return
		}
		e.Answers++
		time.Sleep(pause)
	}
}
