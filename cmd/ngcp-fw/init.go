package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"text/template"

	"github.com/spf13/pflag"

	"ngcp-fw/firewall/host"
	"ngcp-fw/policy/diag"
	"ngcp-fw/policy/ngcp"
)

// Where NGCP deploys its configuration.
const (
	deployedConfig  = "/etc/ngcp-config/config.yml"
	deployedNetwork = "/etc/ngcp-config/network.yml"
)

//go:embed init.yml.tmpl
var initTemplate string

// firstPolicy is what the template is filled with.
type firstPolicy struct {
	Config, Network string
	Host            string
	Administrators  []netip.Addr // sources of the SSH sessions open now
}

func setupInit(*pflag.FlagSet) action {
	return func(a *app, _ []string) error {
		path := a.flags.policy
		if path == "" {
			path = defaultPolicy
		}
		text, err := a.firstPolicy()
		if err != nil {
			return err
		}
		if path == "-" {
			_, err := a.out.Write(text)
			return err
		}
		if err := writeNew(path, text); err != nil {
			return err
		}
		a.remark("wrote %s; next: read it, then ngcp-fw check -f %s", path, path)
		return nil
	}
}

func (a *app) firstPolicy() ([]byte, error) {
	first := firstPolicy{Network: a.flags.network, Host: a.flags.host}
	if len(a.flags.config) > 0 {
		first.Config = a.flags.config[0]
	}
	first.Config = existing(first.Config, deployedConfig)
	first.Network = existing(first.Network, deployedNetwork)
	peers, err := host.SSHPeers(sshPorts(first.Config))
	if err != nil {
		a.remark("cannot tell who is logged in by ssh: %s", err)
	}
	first.Administrators = peers
	var text bytes.Buffer
	err = template.Must(template.New("policy").Parse(initTemplate)).Execute(&text, first)
	return text.Bytes(), err
}

// existing is the flag's path as an absolute one, or the deployed file where there is one.
func existing(flag, deployed string) string {
	if flag != "" {
		path, err := filepath.Abs(flag)
		if err == nil {
			return path
		}
	}
	if _, err := os.Stat(deployed); err == nil {
		return deployed
	}
	return ""
}

// defaultSSHPort is ssh's port by IANA's registry.
const defaultSSHPort = 22

// sshPorts is where sshd listens by config.yml, and the default port.
func sshPorts(config string) []uint16 {
	ports := []uint16{defaultSSHPort}
	data, err := os.ReadFile(config)
	if err != nil {
		return ports
	}
	if parsed, diags := ngcp.ParseConfig(ngcp.Source{Name: config, Data: data}); diags.Errors() == 0 {
		if value, ok := parsed.Scalar("sshd.port"); ok {
			if port, err := value.Port(); err == nil && !slices.Contains(ports, port) {
				ports = append(ports, port)
			}
		}
	}
	return ports
}

// writeNew writes a file that must not be there yet, whole or not at all.
func writeNew(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return systemFailure(fmt.Errorf("cannot make the folder of %s: %s", path, diag.FileProblem(err)))
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".policy-*")
	if err != nil {
		return systemFailure(fmt.Errorf("cannot write %s: %s", path, diag.FileProblem(err)))
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(text)
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err != nil {
		return systemFailure(fmt.Errorf("cannot write %s: %s", path, diag.FileProblem(err)))
	}
	err = os.Link(temp.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		return usagef("%s exists and stays as it is\nhint: ngcp-fw init -f ANOTHER-FILE, or -f - to see it", path)
	} else if err != nil {
		return systemFailure(fmt.Errorf("cannot write %s: %s", path, diag.FileProblem(err)))
	}
	return nil
}
