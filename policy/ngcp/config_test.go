package ngcp

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ngcp-fw/policy/diag"
)

// source reads a file of testdata.
func source(t testing.TB, name string) Source {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return Source{Name: name, Data: data}
}

// fixture reads one of the vendor's public files, which are not ours to copy.
func fixture(t testing.TB, path ...string) Source {
	t.Helper()
	name := filepath.Join(append([]string{"..", "..", "..", "shared", "fixtures"}, path...)...)
	data, err := os.ReadFile(name)
	if os.IsNotExist(err) {
		t.Skipf("SKIPPED: %s is missing, so nothing is tested against the vendor's own files", name)
	}
	require.NoError(t, err)
	return Source{Name: filepath.Base(name), Data: data}
}

func config(t testing.TB, files ...Source) *Config {
	t.Helper()
	c, list := ParseConfig(files...)
	require.Empty(t, list)
	return c
}

func text(name, content string) Source { return Source{Name: name, Data: []byte(content)} }

// found is PATH=TEXT@FILE:LINE:COLUMN of those paths that are there.
func found(c *Config, paths ...string) (list []string) {
	for _, path := range paths {
		if s, ok := c.Scalar(path); ok {
			list = append(list, fmt.Sprintf("%s=%s@%s", path, s.Text, s.Pos))
		}
	}
	return list
}

// servicePaths are the options that hold ports and switches in any release.
var servicePaths = []string{
	"kamailio.lb.port", "kamailio.port", "kamailio.disable_tcp",
	"kamailio.lb.tls.enable", "kamailio.lb.tls.port",
	"rtpengine.minport", "rtpengine.maxport", "rtpproxy.minport", "rtpproxy.maxport",
	"www_admin.http_csc.port", "www_csc.apache.port", "www_admin.http_admin.port", "www_admin.apache.port",
	"ossbss.apache.port", "nginx.xcap_port", "kamailio.proxy.presence.enable", "prosody.enable", "sshd.port",
}

func TestConfigGenerations(t *testing.T) {
	for name, want := range map[string][]string{
		"config-2.x.yml": {
			"kamailio.port=5062@config-2.x.yml:3:9", "kamailio.disable_tcp=yes@config-2.x.yml:4:16",
			"rtpproxy.minport=20000@config-2.x.yml:17:12", "rtpproxy.maxport=30000@config-2.x.yml:18:12",
			"www_csc.apache.port=444@config-2.x.yml:15:11", "www_admin.apache.port=1444@config-2.x.yml:12:11",
			"ossbss.apache.port=2444@config-2.x.yml:9:11",
		},
		"config-mr4.yml": {
			"kamailio.lb.port=5060@config-mr4.yml:3:11",
			"kamailio.lb.tls.enable=no@config-mr4.yml:5:15", "kamailio.lb.tls.port=5061@config-mr4.yml:6:13",
			"rtpproxy.minport=30000@config-mr4.yml:16:12", "rtpproxy.maxport=40000@config-mr4.yml:17:12",
			"www_admin.http_csc.port=443@config-mr4.yml:22:11", "www_admin.http_admin.port=1443@config-mr4.yml:20:11",
			"ossbss.apache.port=2443@config-mr4.yml:14:11", "nginx.xcap_port=1081@config-mr4.yml:11:14",
			"kamailio.proxy.presence.enable=yes@config-mr4.yml:9:15",
		},
		"config-mr8.yml": {
			"kamailio.lb.port=5060@config-mr8.yml:7:11",
			"kamailio.lb.tls.enable=YES@config-mr8.yml:11:15", "kamailio.lb.tls.port=5061@config-mr8.yml:12:13",
			"rtpproxy.minport=30000@config-mr8.yml:24:12", "rtpproxy.maxport=44999@config-mr8.yml:23:12",
			"www_admin.http_csc.port=443@config-mr8.yml:37:11", "www_admin.http_admin.port=1443@config-mr8.yml:35:11",
			"ossbss.apache.port=2443@config-mr8.yml:18:11", "kamailio.proxy.presence.enable=yes@config-mr8.yml:15:15",
			"prosody.enable=no@config-mr8.yml:20:11", "sshd.port=2222@config-mr8.yml:32:9",
		},
		"config-mr11.yml": {
			"kamailio.lb.port=5060@config-mr11.yml:9:11",
			"kamailio.lb.tls.enable=yes@config-mr11.yml:10:19", "kamailio.lb.tls.port=5061@config-mr11.yml:10:30",
			"rtpengine.minport=30001@config-mr11.yml:15:12", "rtpengine.maxport=45000@config-mr11.yml:14:12",
			"www_admin.http_csc.port=443@config-mr11.yml:22:11", "www_admin.http_admin.port=1443@config-mr11.yml:20:11",
			"prosody.enable=yes@config-mr11.yml:12:11", "sshd.port=22@config-mr11.yml:17:9",
		},
		"config-odd.yml": {
			"kamailio.lb.port=5064@config-odd.yml:28:11",
			"rtpengine.minport=31000@config-odd.yml:34:12", "rtpengine.maxport=44999@config-odd.yml:31:12",
			"rtpproxy.minport=30000@config-odd.yml:30:12", "rtpproxy.maxport=44999@config-odd.yml:31:12",
			"sshd.port=  22 @config-odd.yml:23:11",
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, want, found(config(t, source(t, name)), servicePaths...))
		})
	}
}

func TestConfigFixture(t *testing.T) {
	c := config(t, fixture(t, "mr2", "config.yml"))
	assert.Equal(t, []string{
		"kamailio.port=5060@config.yml:15:9", "kamailio.disable_tcp=yes@config.yml:16:16",
		"rtpproxy.minport=30000@config.yml:203:12", "rtpproxy.maxport=40000@config.yml:204:12",
		"www_csc.apache.port=443@config.yml:154:11", "www_admin.apache.port=1443@config.yml:90:11",
		"ossbss.apache.port=2443@config.yml:54:11",
	}, found(c, servicePaths...))
	sockets, list := c.ExtraSockets()
	assert.Empty(t, sockets)
	assert.Empty(t, list)
}

func TestConfigLookup(t *testing.T) {
	c := config(t, text("config.yml", "a: {b: {c: 1, d: ~, e: , f: '', g: null, 5: five}}\n"))
	for _, path := range []string{"", ".", "a.b.d", "a.b.e", "a.b.g", "a.b.x", "a.b.d.x", "x", "x.y.z", "a..b", "a.b.c2"} {
		s, ok := c.Scalar(path)
		assert.False(t, ok, path)
		assert.Zero(t, s, path)
	}
	assert.Equal(t, []string{"a.b.c=1@config.yml:1:12", "a.b.f=@config.yml:1:29", "a.b.5=five@config.yml:1:45"},
		found(c, "a.b.c", "a.b.f", "a.b.5"))
}

func TestConfigEmpty(t *testing.T) {
	for _, content := range []string{"", "\n", "# nothing\n", "---\n", "~\n", "--- {}\n", "---\n...\n"} {
		c := config(t, text("config.yml", content))
		assert.Empty(t, found(c, servicePaths...), content)
	}
	var none *Config
	assert.Empty(t, found(none, servicePaths...))
	sockets, list := none.ExtraSockets()
	assert.Empty(t, sockets)
	assert.Empty(t, list)
	assert.Empty(t, found(config(t), servicePaths...))
}

func TestConfigMerge(t *testing.T) {
	const ports = "kamailio: {lb: {port: 5060, tls: {enable: no, port: 5061}}}\nsshd: {port: 22}\n"
	for name, row := range map[string]struct {
		files []string // a, b, c …
		want  []string
	}{
		"one":                          {[]string{ports}, []string{"kamailio.lb.port=5060@a:1:23", "kamailio.lb.tls.enable=no@a:1:43", "sshd.port=22@a:2:14"}},
		"deep":                         {[]string{ports, "kamailio: {lb: {tls: {enable: yes}}}"}, []string{"kamailio.lb.port=5060@a:1:23", "kamailio.lb.tls.enable=yes@b:1:31", "sshd.port=22@a:2:14"}},
		"the last wins":                {[]string{ports, "sshd: {port: 1}", "sshd: {port: 2}"}, []string{"kamailio.lb.port=5060@a:1:23", "kamailio.lb.tls.enable=no@a:1:43", "sshd.port=2@c:1:14"}},
		"null takes away":              {[]string{ports, "kamailio: {lb: ~}\nsshd: {port: }"}, nil},
		"and what comes then is alone": {[]string{ports, "kamailio: ~", "kamailio: {lb: {port: 5070}}"}, []string{"kamailio.lb.port=5070@c:1:23", "sshd.port=22@a:2:14"}},
		"a value takes the place":      {[]string{ports, "kamailio: 5", "kamailio: {lb: {port: 5070}}"}, []string{"kamailio.lb.port=5070@c:1:23", "sshd.port=22@a:2:14"}},
		"an empty file says nothing":   {[]string{ports, "# local changes\n"}, []string{"kamailio.lb.port=5060@a:1:23", "kamailio.lb.tls.enable=no@a:1:43", "sshd.port=22@a:2:14"}},
		"same key twice":               {[]string{"sshd: {port: 1}\nsshd: {port: 2}\n"}, []string{"sshd.port=2@a:2:14"}},
		"same key twice, not merged":   {[]string{ports + "kamailio: {x: 1}\n"}, []string{"sshd.port=22@a:2:14"}},
	} {
		t.Run(name, func(t *testing.T) {
			var files []Source
			for i, content := range row.files {
				files = append(files, text(string(rune('a'+i)), content))
			}
			assert.Equal(t, row.want, found(config(t, files...), "kamailio.lb.port", "kamailio.lb.tls.enable", "sshd.port"))
		})
	}
}

func TestConfigEncodings(t *testing.T) {
	for name, content := range map[string]string{
		"Latin-1 in a comment":  "# caf\xe9\nsshd:\n  port: 22\n",
		"Latin-1 in a value":    "x: caf\xe9\nsshd:\n  port: 22\n",
		"UTF-8":                 "x: café\nsshd:\n  port: 22\n",
		"byte-order mark":       "\uFEFFx: 1\nsshd:\n  port: 22\n",
		"CR LF":                 "x: 1\r\nsshd:\r\n  port: 22\r\n",
		"control character":     "x: a\x07b\nsshd:\n  port: 22\n",
		"no newline at the end": "x: 1\nsshd:\n  port: 22",
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, []string{"sshd.port=22@f:3:9"}, found(config(t, text("f", content)), "sshd.port"))
		})
	}
}

// A file of the size of real ones, with an option of every kind of YAML.
func TestConfigLarge(t *testing.T) {
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, "section%d:\n  password: secret%d\n  list: [a, 'b', {c: d}]\n", i, i)
	}
	b.WriteString("sshd: {port: 22}\n")
	assert.Equal(t, []string{"sshd.port=22@f:6001:14"}, found(config(t, text("f", b.String())), "sshd.port"))
}

// Nothing but what is asked for may be seen of a config.yml.
func TestConfigKeepsSecrets(t *testing.T) {
	const secret = "hunter2"
	contents := []string{
		"db: {password: hunter2}\n",
		"hunter2\n", "- hunter2\n",
		"password: hunter2: x\n", "password: @hunter2\n", "password: %hunter2\n", "password: *hunter2\n",
		"password: 'hunter2\n", "password: \"hunter2\\q\"\n", "password: [hunter2\n", "password: {hunter2\n",
		"hunter2\nkamailio: 1\n", "a: 1\n hunter2\n", "\thunter2: 1\n", "password: !hunter2 x\n", "--- a\nb: 1\n--- hunter2\n",
		"kamailio: hunter2\n", "kamailio: {lb: {password: hunter2, port: [hunter2]}}\n",
	}
	for _, content := range contents {
		c, list := ParseConfig(text("config.yml", content))
		_, remarks := c.ExtraSockets()
		list = append(list, remarks...)
		if s, ok := c.Scalar("kamailio.lb.port"); ok {
			_, err := s.Port()
			list = append(list, s.Diagnose(err))
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			assert.NotContains(t, fmt.Sprintf(verb, c), secret, content)
		}
		assert.NotContains(t, fmt.Sprintf("%+v", list), secret, content)
	}
}

func TestPort(t *testing.T) {
	for written, want := range map[string]uint16{
		"5060": 5060, "'5060'": 5060, `"5060"`: 5060, "' 5060 '": 5060, `"\t5060\n"`: 5060,
		"1": 1, "65535": 65535, "!!str 22": 22, "22 # the usual one": 22, ">-\n  22\n": 22,
	} {
		s, ok := config(t, text("f", "port: "+written+"\n")).Scalar("port")
		require.True(t, ok, written)
		port, err := s.Port()
		assert.NoError(t, err, written)
		assert.Equal(t, want, port, written)
	}
}

func TestBool(t *testing.T) {
	words := map[string]bool{"yes": true, "true": true, "on": true, "1": true, "no": false, "false": false, "off": false, "0": false}
	for word, want := range words {
		for _, form := range []string{word, strings.ToUpper(word), strings.ToUpper(word[:1]) + word[1:], "'" + word + "'", `" ` + word + ` "`} {
			s, ok := config(t, text("f", "enable: "+form+"\n")).Scalar("enable")
			require.True(t, ok, form)
			on, err := s.Bool()
			assert.NoError(t, err, form)
			assert.Equal(t, want, on, form)
		}
	}
}

func TestDiagnoseForeignError(t *testing.T) {
	s := Scalar{Path: "a.b", Text: "5", Pos: diag.Pos{File: "f", Line: 3, Column: 4}, Width: 1}
	assert.Equal(t, diag.Diagnostic{Pos: s.Pos, Width: 1, Severity: diag.Error, Code: "config-value", Message: "minport is over maxport"},
		s.Diagnose(fmt.Errorf("minport is over maxport")))
}
