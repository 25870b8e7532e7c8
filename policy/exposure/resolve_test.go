package exposure

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ngcp-fw/policy"
	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/ngcp"
)

// today is the day of every test that does not set another one.
var today = time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)

// files is what a test resolves; what is empty is not there.
type files struct {
	policy, config, network, host string
	lists                         map[string]string
	now                           time.Time
}

// inputs parses the files, which have to be right.
func (f files) inputs(t testing.TB) Inputs {
	t.Helper()
	text := f.policy
	if !strings.Contains(text, "version:") {
		text = "version: 1\n" + text
	}
	p, diags := policy.Parse("policy.yml", []byte(text), f.open)
	require.Zero(t, diags.Errors(), "%v", diags)
	in := Inputs{Policy: p, Host: f.host, Now: f.now}
	if f.now.IsZero() {
		in.Now = today
	}
	if f.config != "" {
		in.Config, diags = ngcp.ParseConfig(ngcp.Source{Name: "config.yml", Data: []byte(f.config)})
		require.Empty(t, diags)
	}
	if f.network != "" {
		in.Network, diags = ngcp.ParseNetwork(ngcp.Source{Name: "network.yml", Data: []byte(f.network)})
		require.Empty(t, diags)
	}
	return in
}

func (f files) open(path string) (io.ReadCloser, error) {
	text, ok := f.lists[filepath.ToSlash(path)]
	if !ok {
		return nil, os.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

// resolve gives the model of files without errors.
func (f files) resolve(t testing.TB) *Model {
	t.Helper()
	m, diags := Resolve(f.inputs(t))
	require.Zero(t, diags.Errors(), "%v", diags)
	return m
}

// remarks is what there is to say of the files, without hints.
func (f files) remarks(t testing.TB) []string {
	t.Helper()
	_, diags := Resolve(f.inputs(t))
	return texts(diags)
}

func texts(diags diag.List) []string {
	list := []string{}
	for _, d := range diags {
		list = append(list, d.String())
	}
	return list
}

func (m *Model) service(t testing.TB, name string) Service {
	t.Helper()
	for _, s := range m.Services {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no service %s", name)
	return Service{}
}

// listing is the exposures, one a line, without their places.
func (m *Model) listing() (lines []string) {
	for _, f := range Facts(m.Exposures) {
		line := fmt.Sprintf("%s %s %s from %s", f.Service, strings.Join(f.Ports, ","), f.Role, strings.Join(f.Sources, ","))
		if len(f.Interfaces) > 0 {
			line += " on " + strings.Join(f.Interfaces, ",")
		}
		if len(f.Addresses) > 0 {
			line += " at " + strings.Join(f.Addresses, ",")
		}
		lines = append(lines, strings.ReplaceAll(line, "0.0.0.0/0,::/0", "any"))
	}
	return lines
}

// of is those of the listing's lines that are about a service.
func of(service string, lines []string) (some []string) {
	for _, line := range lines {
		if strings.HasPrefix(line, service+" ") {
			some = append(some, line)
		}
	}
	return some
}
