package ngcp

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// socketLines is NAME PROTOCOL ADDRESS PORT LINE:COLUMN of every socket.
func socketLines(sockets []Socket) (lines []string) {
	for _, s := range sockets {
		address := "any"
		if s.Addr.IsValid() {
			address = s.Addr.String()
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %d %d:%d", s.Name, s.Protocol, address, s.Port, s.Pos.Line, s.Pos.Column))
	}
	return lines
}

func TestExtraSockets(t *testing.T) {
	for name, row := range map[string]struct {
		value string // on line 3, under kamailio.lb
		want  []string
	}{
		"null":             {" ~", nil},
		"empty text":       {" ''", nil},
		"empty mapping":    {" {}", nil},
		"empty list":       {" []", nil},
		"null under name":  {"\n   a: ~", nil},
		"without protocol": {"\n   a: 192.0.2.1:5080", []string{"a udp 192.0.2.1 5080 4:7"}},
		"protocols": {"\n   a: udp:192.0.2.1:5080\n   b: tcp:192.0.2.1:5081\n   c: tls:192.0.2.1:5082\n   d: TCP:192.0.2.1:5083",
			[]string{"a udp 192.0.2.1 5080 4:7", "b tcp 192.0.2.1 5081 5:7", "c tcp 192.0.2.1 5082 6:7", "d tcp 192.0.2.1 5083 7:7"}},
		"IPv6":                   {"\n   a: 'udp:[2001:db8::1]:5080'\n   b: '[2001:db8::2]:5081'", []string{"a udp 2001:db8::1 5080 4:7", "b udp 2001:db8::2 5081 5:7"}},
		"IPv6 unquoted":          {"\n   a: udp:[2001:db8::1]:5080", []string{"a udp 2001:db8::1 5080 4:7"}},
		"any address":            {"\n   a: udp:0.0.0.0:5080\n   b: 'tcp:[::]:5081'", []string{"a udp any 5080 4:7", "b tcp any 5081 5:7"}},
		"several in a text":      {"\n   a: udp:192.0.2.1:5080 tcp:192.0.2.1:5081,192.0.2.2:5082 , 192.0.2.3:5083", []string{"a udp 192.0.2.1 5080 4:7", "a tcp 192.0.2.1 5081 4:7", "a udp 192.0.2.2 5082 4:7", "a udp 192.0.2.3 5083 4:7"}},
		"list under name":        {"\n   a: ['udp:192.0.2.1:5080', 'tcp:192.0.2.1:5081']", []string{"a udp 192.0.2.1 5080 4:8", "a tcp 192.0.2.1 5081 4:30"}},
		"list without names":     {"\n   - udp:192.0.2.1:5080\n   - {transport: tcp, ip: 192.0.2.1, port: 5081}", []string{" udp 192.0.2.1 5080 4:6", " tcp 192.0.2.1 5081 5:6"}},
		"text without name":      {" udp:192.0.2.1:5080", []string{" udp 192.0.2.1 5080 3:18"}},
		"mapping":                {"\n   a: {transport: tls, ip: 192.0.2.1, port: '5080'}", []string{"a tcp 192.0.2.1 5080 4:7"}},
		"mapping, no transport":  {"\n   a: {ip: 192.0.2.1, port: 5080, comment: x}", []string{"a udp 192.0.2.1 5080 4:7"}},
		"mapping, IPv6":          {"\n   a: {transport: udp, ip: '2001:db8::1', port: 5080}\n   b: {transport: udp, ip: '[2001:db8::1]', port: 5081}", []string{"a udp 2001:db8::1 5080 4:7", "b udp 2001:db8::1 5081 5:7"}},
		"list of mappings":       {"\n   a:\n   - {transport: udp, ip: 192.0.2.1, port: 5080}\n   - tcp:192.0.2.1:5081", []string{"a udp 192.0.2.1 5080 5:6", "a tcp 192.0.2.1 5081 6:6"}},
		"alias":                  {"\n   a: &a 192.0.2.1:5080\n   b: *a", []string{"a udp 192.0.2.1 5080 4:7", "b udp 192.0.2.1 5080 4:7"}},
		"the last of equal keys": {"\n   a: 192.0.2.1:5080\n   a: 192.0.2.1:5081", []string{"a udp 192.0.2.1 5081 5:7"}},
		"merge key":              {"\n   <<: {a: '192.0.2.1:5080', b: '192.0.2.1:5081'}\n   b: 192.0.2.1:5082", []string{"b udp 192.0.2.1 5082 5:7", "a udp 192.0.2.1 5080 4:12"}},
		"merge keys":             {"\n   <<: [{a: '192.0.2.1:5080'}, {a: '192.0.2.1:5081', b: '192.0.2.1:5082'}]", []string{"a udp 192.0.2.1 5080 4:13", "b udp 192.0.2.1 5082 4:57"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, text("f", "kamailio:\n lb:\n  extra_sockets:"+row.value+"\n"))
			sockets, list := c.ExtraSockets()
			assert.Empty(t, list)
			assert.Equal(t, row.want, socketLines(sockets))
		})
	}
}

func TestExtraSocketsMerge(t *testing.T) {
	const under = "kamailio: {lb: {extra_sockets: "
	for name, row := range map[string]struct {
		files [2]string
		want  []string
	}{
		"names add up": {[2]string{"{a: '192.0.2.1:1', b: '192.0.2.1:2'}", "{b: '192.0.2.1:3', c: '192.0.2.1:4'}"},
			[]string{"a udp 192.0.2.1 1 1:36", "b udp 192.0.2.1 3 1:36", "c udp 192.0.2.1 4 1:54"}},
		"parts of a socket": {[2]string{"{a: {ip: 192.0.2.1, port: 1}}", "{a: {port: 2}}"}, []string{"a udp 192.0.2.1 2 1:36"}},
		"null takes away":   {[2]string{"{a: '192.0.2.1:1'}", "~"}, nil},
		"of one name":       {[2]string{"{a: '192.0.2.1:1', b: '192.0.2.1:2'}", "{a: ~}"}, []string{"b udp 192.0.2.1 2 1:54"}},
		"lists add up":      {[2]string{"['192.0.2.1:1']", "['192.0.2.1:2']"}, []string{" udp 192.0.2.1 1 1:33", " udp 192.0.2.1 2 1:33"}},
		"a list behind a value": {[2]string{"{a: '192.0.2.1:1'}", "{a: ['192.0.2.1:2']}"},
			[]string{"a udp 192.0.2.1 1 1:36", "a udp 192.0.2.1 2 1:37"}},
		"a list over a mapping": {[2]string{"{a: '192.0.2.1:1'}", "['192.0.2.1:2']"}, []string{" udp 192.0.2.1 2 1:33"}},
		"a mapping over a list": {[2]string{"['192.0.2.1:2']", "{a: '192.0.2.1:1'}"}, []string{"a udp 192.0.2.1 1 1:36"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, text("a", under+row.files[0]+"}}\n"), text("b", under+row.files[1]+"}}\n"))
			sockets, list := c.ExtraSockets()
			assert.Empty(t, list)
			assert.Equal(t, row.want, socketLines(sockets))
		})
	}
}
