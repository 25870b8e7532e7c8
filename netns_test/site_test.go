package netns_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ngcp-fw/netns_test/lab"
)

// site is a host in a lab with a folder for policy, configuration and state.
type site struct {
	*lab.Host
	t   *testing.T
	dir string
}

// newSite builds a host with the links, and writes its files by their names.
func newSite(t *testing.T, files map[string]string, links ...lab.Link) *site {
	t.Helper()
	if len(links) == 0 {
		links = []lab.Link{eth0}
	}
	s := &site{Host: lab.New(t, links...), t: t, dir: t.TempDir()}
	for name, text := range files {
		s.write(name, text)
	}
	return s
}

// enforce is newSite with a policy in force.
func enforce(t *testing.T, policy string, links ...lab.Link) *site {
	t.Helper()
	s := newSite(t, map[string]string{"policy.yml": policy}, links...)
	s.apply()
	return s
}

func (s *site) write(name, text string) {
	s.t.Helper()
	path := s.path(name)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(s.t, os.WriteFile(path, []byte(text), 0o600))
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

// run runs the program on the host with the folder's policy and state.
func (s *site) run(args ...string) lab.Result {
	s.t.Helper()
	return s.Run(program, append([]string{
		"--policy", s.path("policy.yml"),
		"--state-dir", s.path("state"), "--run-dir", s.path("run"),
	}, args...)...)
}

// apply puts the folder's policy into force.
func (s *site) apply(args ...string) lab.Result {
	s.t.Helper()
	r := s.run(append([]string{"apply"}, args...)...)
	require.Zero(s.t, r.Code, "%s%s", r.Stdout, r.Stderr)
	return r
}

// change puts another policy into force.
func (s *site) change(policy string) {
	s.t.Helper()
	s.write("policy.yml", policy)
	s.apply()
}

// listing is what the kernel holds of a kind: "ruleset", "table inet x".
func (s *site) listing(what ...string) string {
	s.t.Helper()
	r := s.Run("nft", append([]string{"-a", "list"}, what...)...)
	require.Zero(s.t, r.Code, r.Stderr)
	return r.Stdout
}

// explain is the program's own verdict on a flow.
func (s *site) explain(from, to, in string) lab.Outcome {
	s.t.Helper()
	args := []string{"explain", "-o", "json", "--from", from, "--to", to}
	if in != "" {
		args = append(args, "--in", in)
	}
	r := s.run(args...)
	var answer struct{ Verdict string }
	require.NoError(s.t, json.Unmarshal([]byte(r.Stdout), &answer), "%s%s", r.Stdout, r.Stderr)
	return lab.Outcome(answer.Verdict == "accept")
}

// check sends packets and compares what becomes of them.
func (s *site) check(rows ...row) {
	s.t.Helper()
	checkPackets(s.t, s.Host, rows)
}

// fixture is a file of the shared folder beside the repository.
func fixture(t *testing.T, path string) string {
	t.Helper()
	name := filepath.Join("..", "..", "shared", "fixtures", path)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Skipf("SKIPPED: %s is missing: real configurations are not part of this repository", name)
	}
	return string(text)
}
