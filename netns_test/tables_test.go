package netns_test

import (
	"encoding/binary"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"ngcp-fw/netns_test/lab"
)

const others = `
table inet docker-user {
	set allowed {
		type ipv4_addr
		flags interval
		elements = { 10.0.0.0/8, 192.168.1.1 }
	}
	chain input {
		type filter hook input priority 10; policy accept;
		ip saddr @allowed counter accept
		tcp dport 9999 counter drop
	}
}
table ip nat {
	chain postrouting {
		type nat hook postrouting priority 100; policy accept;
		oifname "eth9" masquerade
	}
}
table netdev early {
	chain nothing {
	}
}
`

// otherTables is the kernel's ruleset without ours, as nft and as iptables see it.
func (s *site) otherTables() string {
	s.t.Helper()
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(s.Run("nft", "list", "tables").Stdout), "\n") {
		if line != "" && line != "table inet ngcp-fw" {
			b.WriteString(s.listing(strings.Fields(line)...))
		}
	}
	for _, program := range []string{"iptables-nft-save", "ip6tables-nft-save"} {
		for line := range strings.Lines(s.Run(program, "-c").Stdout) {
			if !strings.HasPrefix(line, "#") { // with the time
				b.WriteString(line)
			}
		}
	}
	return b.String()
}

// Nobody else's table changes by a byte, handles and counters included, through
// everything that we do.
func TestOthersTablesAreLeftAlone(t *testing.T) {
	if _, err := exec.LookPath("iptables-nft"); err != nil {
		t.Skip("SKIPPED: iptables-nft is missing: apt-get install iptables")
	}
	s := newSite(t, map[string]string{"policy.yml": everybody + "mediaproxy: {rule: off}\n"})
	nft(t, s.Host, others)
	for _, args := range [][]string{
		{"iptables-nft", "-N", "CUSTOM"}, {"iptables-nft", "-A", "INPUT", "-p", "udp", "--dport", "161", "-j", "CUSTOM"},
		{"iptables-nft", "-A", "CUSTOM", "-s", "10.1.0.0/16", "-m", "comment", "--comment", "monitoring", "-j", "ACCEPT"},
		{"ip6tables-nft", "-A", "FORWARD", "-p", "tcp", "--dport", "80", "-j", "DROP"},
		{"iptables-nft", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "81", "-j", "REDIRECT", "--to-ports", "8081"},
	} {
		r := s.Run(args[0], args[1:]...)
		require.Zero(t, r.Code, r.Stderr)
	}
	before := s.otherTables()
	require.Contains(t, before, "--comment monitoring")
	require.Contains(t, before, "docker-user")

	for _, step := range []func(){
		func() { s.apply() },
		func() { s.apply() },
		func() {
			s.change(everybody + "mediaproxy: {rule: off}\nservices: {ssh: {ports: [2222/tcp]}}\nforward: drop\n")
		},
		func() { s.change(everybody + "mediaproxy: {rule: off}\nobserve: true\n") },
		func() { s.remove() },
	} {
		step()
		assert.Equal(t, before, s.otherTables())
	}
	assert.NotContains(t, s.listing("ruleset"), "ngcp-fw")
}

func (s *site) remove() {
	s.t.Helper()
	r := s.run("remove")
	require.Zero(s.t, r.Code, "%s%s", r.Stdout, r.Stderr)
}

func TestRemoveOpensWhatWasClosed(t *testing.T) {
	s := enforce(t, strict)
	s.check(row{world, "1/tcp 5060/udp 35000/udp", "", dropped})
	s.remove()
	s.check(row{world, "1/tcp 5060/udp 35000/udp", "", accepted})
	assert.Empty(t, s.listing("ruleset"))
	s.remove()
	s.apply()
	s.check(row{world, "1/tcp 5060/udp 35000/udp", "", dropped})
}

// What is in force is not sent again: the kernel counts commits.
func TestApplyTwiceSendsNothing(t *testing.T) {
	s := enforce(t, everybody+"deny: [10.1.2.3]\nlog: {rate: 10/second}\n")
	listing, count := s.listing("ruleset"), s.commits()
	assert.Contains(t, s.apply().Stdout, "nothing was sent")
	assert.Equal(t, count, s.commits())
	assert.Equal(t, listing, s.listing("ruleset"))
	assert.Zero(t, s.run("diff").Code)
	s.write("policy.yml", "# another comment\n"+everybody+"log: {rate: 10/second}\ndeny: [10.1.2.3/32]\n")
	s.apply()
	assert.Equal(t, count, s.commits(), "the same policy, written differently")
	s.change(everybody)
	assert.NotEqual(t, count, s.commits())
}

// commits is the number of the ruleset's current state, which every commit in the
// namespace raises (linux/netfilter/nf_tables.h, NFTA_GEN_ID).
func (s *site) commits() (id uint32) {
	s.t.Helper()
	require.NoError(s.t, s.Do(func() error {
		request := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETGEN, 0)
		request.AddData(&nl.Nfgenmsg{})
		messages, err := request.Execute(unix.NETLINK_NETFILTER, 0)
		if err != nil {
			return err
		}
		attributes, err := nl.ParseRouteAttr(messages[0][nl.SizeofNfgenmsg:])
		if err != nil {
			return err
		}
		for _, a := range attributes {
			if a.Attr.Type == unix.NFTA_GEN_ID {
				id = binary.BigEndian.Uint32(a.Value)
			}
		}
		return nil
	}))
	require.NotZero(s.t, id)
	return id
}

// The printed ruleset, loaded by nft, lets the same packets in as apply's.
func TestCompiledTextIsTheSameFirewall(t *testing.T) {
	policy := everybody + "deny: [100.66.0.0/16]\nservices: {sip: {limit: {rate: 100000/second}}, turn: {ports: [443/udp], roles: [subscribers], addresses: [192.0.2.11]}}\n"
	s := newSite(t, map[string]string{"policy.yml": policy})
	r := s.run("compile", "-o", "nft")
	require.Zero(t, r.Code, r.Stderr)
	nft(t, s.Host, r.Stdout)
	rows := []row{
		{world, subscriberPorts, "", accepted},
		{world, administratorPorts + " " + closedPorts, "", dropped},
		{admin, administratorPorts, "", accepted},
		{"100.66.1.1", subscriberPorts, "", dropped},
		{world4, "192.0.2.11:443/udp", "", accepted},
		{world4, "192.0.2.10:443/udp", "", dropped},
	}
	s.check(rows...)
	again := newSite(t, map[string]string{"policy.yml": policy})
	again.apply()
	again.check(rows...)
	assert.Equal(t, s.plain(), again.plain())
}

// plain is our table as nft lists it, without what packets have changed.
func (s *site) plain() string {
	s.t.Helper()
	r := s.Run("nft", "-s", "list", "table", "inet", "ngcp-fw")
	require.Zero(s.t, r.Code, r.Stderr)
	return r.Stdout
}

func TestForward(t *testing.T) {
	for setting, want := range map[string]lab.Outcome{"ignore": accepted, "drop": dropped} {
		t.Run(setting, func(t *testing.T) {
			s := newSite(t, map[string]string{"policy.yml": everybody + "forward: " + setting + "\n"}, eth0, eth1)
			enableForwarding(t, s.Host)
			require.NoError(t, routeBy(s.Host, "eth1", "198.51.100.0/24", "2001:db8:2::/64"))
			flows := []lab.Flow{
				flow(t, world4, "198.51.100.77:5060/udp", "eth0"), flow(t, world4, "198.51.100.77:80/tcp", "eth0"),
				flow(t, world6, "[2001:db8:2::77]:5060/udp", "eth0"), flow(t, world6, "[2001:db8:2::77]:80/tcp", "eth0"),
			}
			check := func(want lab.Outcome) {
				t.Helper()
				got, err := s.ProbeThrough("eth1", flows)
				require.NoError(t, err)
				assert.Equal(t, []lab.Outcome{want, want, want, want}, got)
			}
			check(accepted)
			s.apply()
			check(want)
			s.check(row{world, subscriberPorts, "eth0", accepted}, row{world, administratorPorts, "eth1", dropped})
		})
	}
}

// Observing drops nothing and counts what would be dropped.
func TestObserve(t *testing.T) {
	s := enforce(t, strict+"observe: true\n")
	s.check(row{world, subscriberPorts + " " + administratorPorts + " " + closedPorts, "", accepted})
	counters := s.Run("nft", "list", "counters", "table", "inet", "ngcp-fw").Stdout
	assert.Regexp(t, `counter refused[^{]*\{\s*packets [1-9]`, counters)
	s.change(strict)
	s.check(row{world, subscriberPorts + " " + administratorPorts + " " + closedPorts, "", dropped})
}

// fail2ban and CrowdSec fill these sets by their names, and a ban outlives the
// policy it was made under.
func TestBansByOthers(t *testing.T) {
	s := enforce(t, everybody+"never-ban: [198.18.0.1, {role: administrators}]\n")
	nft(t, s.Host, `add element inet ngcp-fw banned4 { 203.0.113.9 timeout 1h, 100.64.0.0/16 timeout 1h, 198.18.0.0/24 timeout 1h }
add element inet ngcp-fw banned6 { 2001:db8:99::/64 timeout 1h }`)
	banned := []row{
		{"203.0.113.9 100.64.0.0 100.64.255.255 198.18.0.66 2001:db8:99::9", subscriberPorts + " icmp", "", dropped},
		{"203.0.113.8 203.0.113.10 100.65.0.0 2001:db8:98::1", subscriberPorts, "", accepted},
		{"198.18.0.1 198.18.0.255", administratorPorts, "", accepted},
	}
	s.check(banned...)
	s.change(everybody + "never-ban: [{role: administrators}]\nservices: {xcap: {ports: [1080/tcp, 1090/tcp]}}\n")
	s.check(banned...)
	nft(t, s.Host, "delete element inet ngcp-fw banned4 { 203.0.113.9 }")
	s.check(row{"203.0.113.9", subscriberPorts, "", accepted})
}

// A source over the rate is refused, others are not, and who is exempt never is.
func TestLimits(t *testing.T) {
	s := enforce(t, everybody+`
  carriers: {allow: [100.64.0.0/16]}
services:
  sip: {roles: [subscribers, carriers], limit: {rate: 1/minute, burst: 5, exempt: [carriers]}}
`)
	burst := func(from string, n int) (in int) {
		t.Helper()
		flows := make([]lab.Flow, n)
		for i := range flows {
			flows[i] = flow(t, from, "5060/udp", "")
		}
		outcomes, err := s.ProbeAll(flows)
		require.NoError(t, err)
		for _, o := range outcomes {
			if o == accepted {
				in++
			}
		}
		return in
	}
	for _, from := range []string{world4, "203.0.113.10", world6} {
		n := burst(from, 50)
		assert.GreaterOrEqual(t, n, 5, from)
		assert.LessOrEqual(t, n, 7, from)
	}
	assert.Equal(t, 50, burst("100.64.0.1", 50))
	s.check(row{world4, "443/tcp", "", accepted})
	s.apply()
	assert.Zero(t, burst(world4, 10), "the meter outlives a generation")
}
