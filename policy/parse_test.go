package policy

import (
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/policy/addr"
	"ngcp-fw/policy/diag"
)

func openFile(path string) (io.ReadCloser, error) { return os.Open(path) }

// parsed is a policy without any remark, from "version: 1" and the text.
func parsed(t *testing.T, text string) *Policy {
	t.Helper()
	p, list := Parse("p.yml", []byte("version: 1\n"+text), openIn(fstest.MapFS{}))
	require.Empty(t, list)
	return p
}

func set(t *testing.T, sources ...string) addr.Set {
	t.Helper()
	var b addr.Builder
	for _, source := range sources {
		require.NoError(t, addSource(&b, source))
	}
	return b.Set()
}

func TestVersionAloneIsTheBuiltinPolicy(t *testing.T) {
	p := parsed(t, "")
	p.File = ""
	require.Equal(t, Builtin(), p)
}

func TestEveryKey(t *testing.T) {
	const file = "testdata/right/interface.yml"
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	p, list := Parse(file, data, openFile)
	require.Empty(t, list)

	at := func(line, column int) diag.Pos { return diag.Pos{File: file, Line: line, Column: column} }
	word := func(text string, line, column int) Word { return Word{text, at(line, column)} }
	assert.Equal(t, NGCP{
		Config:  []Word{word("/etc/ngcp-config/config.yml", 4, 11)},
		Network: word("/etc/ngcp-config/network.yml", 5, 12), Host: word("sp1", 6, 9),
	}, p.NGCP)
	assert.Equal(t, []Role{
		{Name: word("subscribers", 8, 3), AllowPos: at(8, 27), Allow: []Entry{{Pos: at(8, 28), Text: "any", Sources: addr.Any()}}},
		{Name: word("administrators", 9, 3), AllowPos: at(11, 7), Allow: []Entry{
			{Pos: at(11, 9), Text: "192.0.2.0/24", Sources: set(t, "192.0.2.0/24")},
			{Pos: at(12, 9), Text: "2001:db8:10::/48", Sources: set(t, "2001:db8:10::/48"), Comment: "headquarters",
				Owner: "noc", Expires: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)},
			{Pos: at(13, 9), Text: "lists/noc.txt", List: "lists/noc.txt", Sources: set(t, "192.0.2.7-192.0.2.11", "2001:db8::/32")},
		}, Except: []Entry{{Pos: at(14, 14), Text: "192.0.2.66", Sources: set(t, "192.0.2.66")}}},
		{Name: word("peers", 15, 3), AllowPos: at(16, 12), Allow: []Entry{{Pos: at(16, 13), Text: "lists/carriers.txt",
			List: "lists/carriers.txt", Sources: set(t, "198.51.100.0/25", "2001:db8:c::/48")}}},
		{Name: word("monitoring", 17, 3), AllowPos: at(17, 23), Allow: []Entry{{Pos: at(17, 24), Text: "192.0.2.200", Sources: set(t, "192.0.2.200")}}},
	}, p.Roles)
	assert.Equal(t, []Service{
		{Name: word("sip", 19, 3), Roles: []Word{word("subscribers", 19, 18), word("peers", 19, 31)}, RolesPos: at(19, 17),
			Limit: &Limit{Rate: Rate{50, time.Second}, Burst: 100, Exempt: []Word{word("peers", 19, 85)}, Pos: at(19, 46)}},
		{Name: word("rtp", 20, 3), Interfaces: []Word{word("eth2", 20, 23)}, InterfacesPos: at(20, 22)},
		{Name: word("xcap", 21, 3), Enabled: &Switch{false, at(21, 19)}},
		{Name: word("ssh", 22, 3), Ports: []Ports{{TCP, 2222, 2222, at(22, 18)}}},
		{Name: word("node-exporter", 23, 3), Ports: []Ports{{TCP, 9100, 9100, at(23, 27)}}, Roles: []Word{word("monitoring", 23, 46)}, RolesPos: at(23, 45)},
		{Name: word("turn", 24, 3), Ports: []Ports{{UDP, 443, 443, at(24, 18)}}, Roles: []Word{word("subscribers", 24, 36)}, RolesPos: at(24, 35),
			Addresses: []Address{{netip.MustParseAddr("192.0.2.10"), at(24, 62)}}, AddressesPos: at(24, 61)},
	}, p.Services)
	assert.Equal(t, []Entry{{Pos: at(25, 8), Text: "198.51.100.0/24", Sources: set(t, "198.51.100.0/24")}}, p.Deny)
	assert.Equal(t, []Entry{{Pos: at(26, 13), Text: "peers", Role: "peers"}}, p.NeverBan)
	assert.Equal(t, Mediaproxy{"auto", 0, at(27, 13)}, p.Mediaproxy)
	group := uint16(5)
	assert.Equal(t, &Log{Rate{10, time.Second}, &group, at(28, 6)}, p.Log)
	assert.Equal(t, ForwardIgnore, p.Forward)
	assert.False(t, p.Observe)
	from := netip.MustParseAddr("203.0.113.9")
	assert.Equal(t, []Test{
		{Flow{From: from, ToPort: 5060, Protocol: UDP}, true, at(32, 5)},
		{Flow{From: from, ToPort: 22, Protocol: TCP, In: "eth0"}, false, at(33, 5)},
	}, p.Tests)
}

func TestExamplesParse(t *testing.T) {
	paths, err := filepath.Glob("../examples/*/policy.yml")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		_, list := Parse(path, data, openFile)
		require.Empty(t, list, path)
	}
}

func TestBooleans(t *testing.T) {
	for text, want := range map[string]bool{
		"true": true, "yes": true, "on": true, "Yes": true, "TRUE": true, `"on"`: true,
		"false": false, "no": false, "off": false, "No": false, "OFF": false, "'no'": false,
	} {
		assert.Equal(t, want, parsed(t, "observe: "+text+"\n").Observe, text)
	}
}

func TestSourceForms(t *testing.T) {
	for text, want := range map[string][]string{
		"any":                           {"0.0.0.0/0", "::/0"},
		"any4":                          {"0.0.0.0/0"},
		"any6":                          {"::/0"},
		"0.0.0.0/0":                     {"0.0.0.0/0"},
		"192.0.2.1":                     {"192.0.2.1/32"},
		"192.0.2.1/32":                  {"192.0.2.1/32"},
		"192.0.2.0-192.0.2.3":           {"192.0.2.0/30"},
		"192.0.2.1 - 192.0.2.2":         {"192.0.2.1/32", "192.0.2.2/32"},
		"192.0.2.1-192.0.2.1":           {"192.0.2.1/32"},
		"2001:DB8::1":                   {"2001:db8::1/128"},
		"2001:db8:0::/48":               {"2001:db8::/48"},
		"2001:db8::-2001:db8::f":        {"2001:db8::/124"},
		"::":                            {"::/128"},
		"0.0.0.0-255.255.255.255":       {"0.0.0.0/0"},
		"64:ff9b::192.0.2.1":            {"64:ff9b::c000:201/128"},
		"2001:db8:0:0:0:0:0:1/128":      {"2001:db8::1/128"},
		"fe80::/10":                     {"fe80::/10"},
		"255.255.255.255":               {"255.255.255.255/32"},
		"10.0.0.0/8":                    {"10.0.0.0/8"},
		"192.0.2.0/31":                  {"192.0.2.0/31"},
		"2001:db8::ffff-2001:db8::ffff": {"2001:db8::ffff/128"},
	} {
		got, err := ParseSource(text)
		require.NoError(t, err, text)
		require.True(t, got.Equal(set(t, want...)), "%s: %v", text, got.Strings())
	}
}

func TestParseSourceSaysWhatIsWrong(t *testing.T) {
	_, err := ParseSource("192.0.2.1/24")
	require.Equal(t, &Problem{"host-bits", "192.0.2.1/24 has host bits set",
		"write 192.0.2.0/24 for the network, or 192.0.2.1 for the host"}, err)
}

func TestNamesOfSixtyFourCharacters(t *testing.T) {
	name := strings.Repeat("a1-_", 16)
	p := parsed(t, "roles: {"+name+": {}}\nservices: {"+name+": {ports: [1/sctp, 65535/tcp], roles: ["+name+"]}}\n")
	require.Equal(t, name, p.Roles[0].Name.Text)
	require.Equal(t, name, p.Services[0].Roles[0].Text)
	require.Error(t, checkName(name+"a"))
}

func TestNamesThatYAMLWouldReadOtherwise(t *testing.T) {
	p := parsed(t, "roles: {0x10: {}, true: {}, 2027-01-31: {}}\nservices: {1e3: {ports: [1/tcp], roles: [0x10, true, 2027-01-31]}}\n")
	require.Equal(t, "1e3", p.Services[0].Name.Text)
	require.Equal(t, []string{"subscribers", "administrators", "cluster", "0x10", "true", "2027-01-31"}, p.roleNames())
}

func TestEmptyListsThatMeanSomething(t *testing.T) {
	p := parsed(t, "roles: {subscribers: {allow: []}, office: {}}\nservices: {sip: {roles: [], interfaces: []}}\ndeny: []\n")
	require.False(t, p.Roles[0].AllowPos.IsZero())
	require.True(t, p.Roles[1].AllowPos.IsZero())
	require.Empty(t, p.Services[0].Roles)
	require.False(t, p.Services[0].RolesPos.IsZero())
	require.False(t, p.Services[0].InterfacesPos.IsZero())
}

func TestDefaults(t *testing.T) {
	p := parsed(t, "services: {sip: {limit: {rate: 1/minute}}}\nlog: {}\nmediaproxy: {table: 63}\n")
	require.Equal(t, uint32(DefaultBurst), p.Services[0].Limit.Burst)
	require.Equal(t, defaultLogRate, p.Log.Rate)
	require.Nil(t, p.Log.Group)
	require.Equal(t, "auto", p.Mediaproxy.Rule)
	require.Equal(t, 63, p.Mediaproxy.Table)
}

func TestClusterMayBeNamed(t *testing.T) {
	p := parsed(t, "services: {cluster: {enabled: no, interfaces: [eth1]}, snmp: {ports: [161/udp], roles: [cluster]}}\nnever-ban: [{role: cluster}]\n")
	require.Equal(t, "cluster", p.NeverBan[0].Role)
}

func TestConfigMayBeAList(t *testing.T) {
	p := parsed(t, "ngcp: {config: [a.yml, b.yml]}\n")
	require.Len(t, p.NGCP.Config, 2)
	require.Equal(t, "b.yml", p.NGCP.Config[1].Text)
}

func TestCommentsKeepTheirCharacters(t *testing.T) {
	p := parsed(t, "deny:\n  - {source: 192.0.2.1, comment: 'Büro \"Süd\", d''accord # 2', owner: \"日本\"}\n")
	require.Equal(t, `Büro "Süd", d'accord # 2`, p.Deny[0].Comment)
	require.Equal(t, "日本", p.Deny[0].Owner)
}

func TestListsAreLookedForBesideThePolicy(t *testing.T) {
	for _, c := range []struct{ policy, list, want string }{
		{"/etc/ngcp-fw/policy.yml", "lists/a.txt", "/etc/ngcp-fw/lists/a.txt"},
		{"policy.yml", "lists/a.txt", "lists/a.txt"},
		{"dir/policy.yml", "../a.txt", "a.txt"},
		{"dir/policy.yml", "/lists/a.txt", "/lists/a.txt"},
		{"-", "lists/a.txt", "lists/a.txt"},
		{"<stdin>", "./lists/a.txt", "./lists/a.txt"},
	} {
		var opened []string
		text := "version: 1\ndeny: [{file: " + c.list + "}, {file: " + c.list + "}]\n"
		p, list := Parse(c.policy, []byte(text), func(path string) (io.ReadCloser, error) {
			opened = append(opened, path)
			return io.NopCloser(strings.NewReader("192.0.2.1\n")), nil
		})
		require.Empty(t, list)
		require.Equal(t, []string{c.want}, opened, "%v: read once", c)
		require.True(t, p.Deny[1].Sources.Equal(set(t, "192.0.2.1")))
	}
}

func TestStandardInputIsShownAsSuch(t *testing.T) {
	p, list := Parse("-", []byte("version: 1\nobserve: maybe\n"), openFile)
	require.Equal(t, "<stdin>", p.File)
	require.Equal(t, "<stdin>:2:10: error: observe must be true or false, not maybe [wrong-type]", list[0].String())
}

func TestWhatIsNoFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p.yml")
	_, list := Parse(file, []byte("version: 1\ndeny: [{file: .}]\n"), openFile)
	require.Len(t, list, 1)
	require.Equal(t, ".: is a directory", list[0].Message)
}

func TestUnreadableTextGivesNoPolicy(t *testing.T) {
	p, list := Parse("p.yml", []byte("a: [b\n"), openFile)
	require.Nil(t, p)
	require.Equal(t, 1, list.Errors())
}

func TestThePolicyIsAsCompleteAsItCanBe(t *testing.T) {
	p, list := Parse("p.yml", []byte("version: 2\nfoo: bar\ndeny: [192.0.2.1, bad, 192.0.2.2]\nforward: drop\n"), openFile)
	require.Equal(t, 3, list.Errors())
	require.Len(t, p.Deny, 2)
	require.Equal(t, ForwardDrop, p.Forward)
}

func TestErrorsBeyondCountingAreCounted(t *testing.T) {
	text := "version: 1\ndeny:\n" + strings.Repeat("  - 192.0.2.1/24\n", 1000)
	_, list := Parse("p.yml", []byte(text), openFile)
	require.Len(t, list, maxErrors+1)
	require.Equal(t, "p.yml:203:5: error: and 800 more errors [more-errors]", list[maxErrors].String())
}

func TestEncodingRemarks(t *testing.T) {
	_, list := Parse("p.yml", []byte("version: 1\ndeny: [{source: 192.0.2.1, comment: B\xfcro}]\n"), openFile)
	require.Len(t, list, 1)
	require.Equal(t, "p.yml:2:38: error: byte 0xfc is not UTF-8 [yaml-encoding]", list[0].String())
}
