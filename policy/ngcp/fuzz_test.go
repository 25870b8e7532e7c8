package ngcp

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"ngcp-fw/policy/diag"
)

// seed adds the files of testdata and all wrong files to a fuzz target.
func seed(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yml")
	require.NoError(f, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(data)
	}
	for _, row := range wrongConfigs {
		f.Add([]byte(row.content))
	}
	for _, row := range wrongNetworks {
		f.Add([]byte(row.content))
	}
}

// inside checks that a place is one of the file's: on one of its lines, and at
// most right behind its last character.
func inside(t *testing.T, p diag.Pos, data []byte) {
	lines := bytes.Split(bytes.TrimPrefix(data, []byte("\uFEFF")), []byte("\n"))
	require.Equal(t, "f", p.File)
	require.Positive(t, p.Line)
	require.LessOrEqual(t, p.Line, len(lines))
	require.GreaterOrEqual(t, p.Column, 0)
	require.LessOrEqual(t, p.Column, utf8.RuneCount(lines[p.Line-1])+1)
}

func allInside(t *testing.T, list diag.List, data []byte) {
	for _, d := range list {
		inside(t, d.Pos, data)
		require.NotEmpty(t, d.Message)
		require.NotEmpty(t, d.Code)
		require.Equal(t, printable(d.Message+d.Hint), d.Message+d.Hint)
	}
}

func FuzzConfig(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		file := Source{Name: "f", Data: data}
		allInside(t, configRemarks(file), data)
		c, _ := ParseConfig(file)
		twice, _ := ParseConfig(file, file)
		for _, path := range servicePaths {
			once, ok := c.Scalar(path)
			again, okAgain := twice.Scalar(path)
			require.Equal(t, ok, okAgain, "%s, the file laid over itself", path)
			require.Equal(t, once.Text, again.Text, "%s, the file laid over itself", path)
			if !ok {
				continue
			}
			inside(t, once.Pos, data)
			if port, err := once.Port(); err == nil {
				require.NotZero(t, port)
			}
		}
		sockets, _ := c.ExtraSockets()
		for _, s := range sockets {
			inside(t, s.Pos, data)
			require.NotZero(t, s.Port)
			require.Contains(t, []string{"udp", "tcp"}, s.Protocol)
			require.False(t, s.Addr.Is4In6())
		}
	})
}

func FuzzNetwork(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		n, list := ParseNetwork(Source{Name: "f", Data: data})
		allInside(t, list, data)
		for _, h := range n.Hosts {
			inside(t, h.Pos, data)
			if h.Name != "" {
				picked, err := n.Pick(h.Name, "")
				require.NoError(t, err)
				require.Equal(t, h.Name, picked.Name)
			}
			for _, l := range h.Links {
				checkLink(t, l, data)
			}
		}
	})
}

func checkLink(t *testing.T, l Link, data []byte) {
	inside(t, l.Pos, data)
	require.NotEmpty(t, l.Name)
	for _, a := range l.Addrs {
		require.True(t, a.IsValid() && !a.IsUnspecified() && !a.Is4In6() && a.Zone() == "", "%s", a)
	}
	for _, have := range l.Types {
		require.True(t, l.HasType(have), have)
	}
}
