package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"ngcp-fw/firewall/compile"
	"ngcp-fw/firewall/kernel"
	"ngcp-fw/netns_test/lab"
)

// world is a network namespace with a folder of files, where programs are timed.
type world struct {
	*env
	host *lab.Host
	dir  string
}

// address is the world's own.
const address = "192.0.2.10"

func (e *env) world() (*world, error) {
	dir, err := os.MkdirTemp(e.dir, "")
	if err != nil {
		return nil, err
	}
	host, err := lab.Build(lab.Link{Name: "eth0", Addrs: []string{address + "/24"}})
	return &world{e, host, dir}, err
}

func (w *world) close() {
	w.host.Close()
	os.RemoveAll(w.dir)
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) error {
	return os.WriteFile(w.path(name), []byte(text), 0o600)
}

// ours runs the program with the policy of that name and the world's state.
func (w *world) ours(policy string, args ...string) (sample, error) {
	return w.timed(append([]string{w.program, "-f", w.path(policy),
		"--state-dir", w.path("state"), "--run-dir", w.path("run")}, args...))
}

// nft runs nft with the file of that name.
func (w *world) nft(name string, flags ...string) (sample, error) {
	return w.timed(append(append([]string{"nft"}, flags...), "-f", w.path(name)))
}

// timed runs a program from its start to its end. Exit code 1 without a complaint
// is an answer: diff has found differences.
func (w *world) timed(words []string) (s sample, err error) {
	if err := forgetPeak(); err != nil {
		return s, err
	}
	cmd := exec.Command(words[0], words[1:]...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	begin := time.Now()
	err = w.host.Do(cmd.Run)
	s.wall = time.Since(begin)
	if err != nil && (cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 || complaint.Len() > 0) {
		return s, fmt.Errorf("%v: %w\n%s", words, err, complaint.Bytes())
	}
	s.memory = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	return s, nil
}

// forgetPeak lets this process' peak memory begin anew. A child begins with its
// parent's peak until it executes its program, and the kernel counts that (proc(5),
// /proc/pid/clear_refs: 5).
func forgetPeak() error {
	debug.FreeOSMemory()
	return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// empty takes our table and what the program keeps on disk away; nobody times it.
func (w *world) empty() error {
	for _, name := range []string{"state", "run"} {
		if err := os.RemoveAll(w.path(name)); err != nil {
			return err
		}
	}
	return w.clear()
}

// clear takes our table away.
func (w *world) clear() error {
	return w.host.Do(func() error {
		conn, err := kernel.Open()
		if err != nil {
			return err
		}
		defer conn.Close() // waits until the kernel has taken everything apart
		_, err = conn.Remove(compile.Family, compile.TableName)
		return err
	})
}
