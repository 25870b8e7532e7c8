package audit

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/hook"
	"ngcp-fw/firewall/host"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/firewall/mediaproxy"
	"ngcp-fw/policy"
	"ngcp-fw/policy/exposure"
)

// Look audits the calling thread's network namespace, and changes nothing.
func Look(m *exposure.Model) (*Report, error) {
	conn, err := kernel.Open()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	r := &Report{Elsewhere: host.OtherNamespaces(), Unseen: host.Hidden()}
	facts := Facts{Own: compile.TableName}
	own, err := conn.Outline(compile.Family, compile.TableName)
	if err != nil {
		return nil, err
	}
	r.InForce, facts.InForce = own != nil, own != nil
	if facts.Media, err = mediaproxy.Inspect(conn, mediaproxy.Host{}, mediaQuestion(m)); err != nil {
		return nil, err
	}
	facts.FirstClient, facts.LastClient = clientPorts()
	sockets, err := host.Listeners()
	if err != nil {
		return nil, err
	}
	h, err := r.host(conn, m)
	if err != nil {
		return nil, err
	}
	r.Entries = Entries(h, sockets, facts)
	return r, nil
}

// host reads all that decides about packets.
func (r *Report) host(conn *kernel.Conn, m *exposure.Model) (*Host, error) {
	snapshot, err := hook.Read(conn, fmt.Sprintf("%s %s", compile.Family, compile.TableName))
	if err != nil {
		return nil, err
	}
	for _, table := range snapshot.Legacy {
		r.Doubts = append(r.Doubts, fmt.Sprintf("iptables-legacy has a table %s, which nobody but itself can read", table))
	}
	rules, err := r.constants(conn)
	if err != nil {
		return nil, err
	}
	routes, err := host.Routes()
	if err != nil {
		r.Doubts = append(r.Doubts, fmt.Sprintf("the routes cannot be read (%v): rules that ask for the way back are judged by a few sources only", err))
	}
	h, cut := NewHost(m, snapshot.Links, snapshot.Judge, rules, routes)
	if cut {
		r.Doubts = append(r.Doubts, fmt.Sprintf("the rules tell more than %d kinds of sources apart: only so many were looked at", maxClasses))
	}
	return h, nil
}

// readable is how many elements a set may have to be read.
const readable = 20_000

// constants reads what rules compare sources with. Of our own table, the policy
// knows what is in large sets.
func (r *Report) constants(conn *kernel.Conn) (Constants, error) {
	const setCount = 20 // NFTA_SET_COUNT of linux/netfilter/nf_tables.h
	messages, err := conn.Whole(func(name kernel.SetName, a []byte) bool {
		own := name.Family == compile.Family && name.Table == compile.TableName
		count := find(a, setCount)
		if number(count) > readable && !own {
			r.Doubts = append(r.Doubts, fmt.Sprintf("set %s of table %s %s has %d elements: sources in it were looked at by samples only", name.Set, name.Family, name.Table, number(count)))
		}
		anonymous := number(find(a, unix.NFTA_SET_FLAGS))&unix.NFT_SET_ANONYMOUS != 0
		return number(count) <= readable && (count != nil || anonymous || !own)
	})
	rules := ConstantsOf(messages)
	if rules.Odd > 0 {
		r.Doubts = append(r.Doubts, "some rule compares parts of addresses that are no prefix: of the sources that it tells apart, only some were looked at")
	}
	return rules, err
}

// mediaQuestion is what the policy says about media.
func mediaQuestion(m *exposure.Model) mediaproxy.Question {
	q := mediaproxy.Question{Setting: m.Mediaproxy, Main: compile.TableName}
	if q.Setting.Rule == "" {
		q.Setting = policy.Mediaproxy{Rule: string(mediaproxy.ModeAuto)}
	}
	for _, s := range m.Services {
		if s.Name == media && s.Closed == "" {
			q.RTP = s.Ports
		}
	}
	return q
}

// clientPorts is the ports that the kernel gives to clients.
func clientPorts() (first, last uint16) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if _, failed := fmt.Sscan(string(text), &first, &last); err != nil || failed != nil {
		return 0, 0
	}
	return first, last
}
