package mediaproxy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answers is an installed rtpengine that answers --version.
func answers(text string) func(...string) (string, error) {
	return func(args ...string) (string, error) {
		if len(args) != 1 || args[0] != "--version" {
			return "", errors.New("unexpected arguments")
		}
		return text, nil
	}
}

func notInstalled(...string) (string, error) { return "", os.ErrNotExist }

func TestFactsOfAHost(t *testing.T) {
	facts := Host{Root: "testdata/debian", Run: answers("Version: 10.5.3.5-1\n")}.Facts()
	assert.Equal(t, Facts{
		Loaded: []string{"xt_RTPENGINE"}, Available: []string{"xt_RTPENGINE"}, Control: true,
		Version: Version{10, 5}, Installed: true,
		Daemons: []Daemon{
			{PID: 812, Name: "rtpengine", Table: 0, PortMin: 30000, PortMax: 35000,
				Interfaces: []string{"pub/192.0.2.1", "priv/10.0.0.1"}, ListenNG: []string{"127.0.0.1:2223"},
				ownRule: []string{"--config-file=/etc/rtpengine/rtpengine.conf"}},
			{PID: 978, Name: "rtpengine", Table: 1, PortMin: 50000, PortMax: 50999,
				Interfaces: []string{"10.0.0.2"}, ListenNG: []string{"127.0.0.1:2224"}, Family: "ip6",
				ownRule: []string{"--config-file=/etc/rtpengine/none.conf", "--xtables", "--nftables-chain=media", "--nftables-family=ip6"}},
		},
		Tables: []Streams{{Table: 0, Streams: 2, Packets: 153}},
	}, facts, "another user's program of that name is not believed, one in another network namespace not ours")
}

func TestFactsOfOtherHosts(t *testing.T) {
	old := Host{Root: "testdata/old", Run: notInstalled}.Facts()
	assert.Equal(t, []string{"xt_MEDIAPROXY"}, old.Loaded)
	assert.True(t, old.Control)
	assert.Equal(t, []Streams{{0, 1, 143}}, old.Tables)
	require.Len(t, old.Daemons, 1)
	assert.Equal(t, uint16(defaultPortMax), old.Daemons[0].PortMax)
	container := Host{Root: "testdata/container", Run: notInstalled}.Facts()
	assert.True(t, container.Container)
	assert.Equal(t, defaultTable, container.Daemons[0].Table)
	pair := Host{Root: "testdata/pair", Run: notInstalled}.Facts()
	assert.True(t, pair.Pair)
	assert.Equal(t, []string{"nft_rtpengine"}, pair.Available)
	assert.Equal(t, Facts{}, Host{Root: "testdata/empty", Run: notInstalled}.Facts())
}

func TestVersions(t *testing.T) {
	for text, want := range map[string]Version{
		"Version: 10.5.3.5-1\n":             {10, 5},
		"Version: mr26.2.1.1+0~mr26.2.1.1":  {26, 2},
		"Version:   3.3.0.0+0~mr3.3.0.0":    {3, 3},
		"warning\nVersion: 12.5.1.38-1":     {12, 5},
		"Version: git-master-0123abc":       {},
		"Version: 99999.1":                  {},
		"":                                  {},
		"Kernel Version: 6.1 is not looked": {},
	} {
		assert.Equal(t, want, parseVersion(text), text)
	}
	assert.Negative(t, Version{9, 5}.Compare(Version{10, 0}), "numbers, not words")
	assert.Positive(t, Version{12, 1}.Compare(Version{12, 0}))
	text, err := Version{12, 5}.MarshalText()
	require.NoError(t, err)
	assert.Equal(t, "12.5", string(text))
}

func TestCommandLines(t *testing.T) {
	for line, want := range map[string]Daemon{
		"":                            {PortMin: 30000, PortMax: 40000},
		"--table=-1":                  {Table: -1, PortMin: 30000, PortMax: 40000},
		"-t 3 --port-min 10000":       {Table: 3, PortMin: 10000, PortMax: 40000},
		"--table":                     {PortMin: 30000, PortMax: 40000},
		"--table=x --port-min=0":      {PortMin: 30000, PortMax: 40000},
		"--table=1 --table=2":         {Table: 2, PortMin: 30000, PortMax: 40000},
		"--tablet=1 -f -E":            {PortMin: 30000, PortMax: 40000},
		"--port-max=70000 -M 20000":   {PortMin: 30000, PortMax: 20000},
		"--nftables-chain= --table=1": {Table: 1, PortMin: 30000, PortMax: 40000, Unkept: true, ownRule: []string{"--nftables-chain="}},
	} {
		assert.Equal(t, want, daemonOf(nil, parseCommandLine(strings.Fields(line))), line)
	}
}

func TestTheCommandLineReplacesTheFilesLists(t *testing.T) {
	file := parseConfig(strings.NewReader("[rtpengine]\ninterface = a;b\nlisten-ng = 2223\nnftables-chain =\n"), "rtpengine")
	d := daemonOf(file, parseCommandLine([]string{"--interface=l/10.1.0.1", "-i", "r/10.2.0.1", "--nftables-chain=media"}))
	assert.Equal(t, []string{"l/10.1.0.1", "r/10.2.0.1"}, d.Interfaces)
	assert.Equal(t, []string{"2223"}, d.ListenNG)
	assert.False(t, d.Unkept)
	assert.True(t, daemonOf(file, nil).Unkept)
}

func FuzzParse(f *testing.F) {
	for _, file := range []string{"testdata/debian/etc/rtpengine/rtpengine.conf", "testdata/debian/proc/812/cmdline", "testdata/debian/proc/rtpengine/0/list"} {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := parseConfig(strings.NewReader(text), "rtpengine")
		line := parseCommandLine(strings.Split(text, "\x00"))
		d := daemonOf(file, line)
		require.NotZero(t, d.PortMin)
		require.NotEmpty(t, d.families())
		require.GreaterOrEqual(t, len(text), parseStreams(strings.NewReader(text)).Streams)
		_ = parseVersion(text)
	})
}

func TestTheInstalledProgramIsAsked(t *testing.T) {
	root := t.TempDir()
	_, err := Host{Root: root}.run("--version")
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.False(t, Host{Root: root}.Facts().Installed)

	program := filepath.Join(root, "usr/sbin/rtpengine")
	require.NoError(t, os.MkdirAll(filepath.Dir(program), 0o755))
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n[ \"$*\" = --version ] && echo Version: 11.5.1.18-1 >&2\n"), 0o755))
	facts := Host{Root: root}.Facts()
	assert.True(t, facts.Installed)
	assert.Equal(t, Version{11, 5}, facts.Version)
	_, err = Host{Root: root}.run("--nftables-start")
	assert.Error(t, err)
}
