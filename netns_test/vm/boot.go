package vm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// boot runs QEMU until the guest is off.
func (m *Machine) boot() (Result, error) {
	for _, name := range []string{console, output, code} {
		if err := os.WriteFile(m.path(name), nil, 0o600); err != nil {
			return Result{}, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), m.guest.Timeout)
	defer cancel()
	var complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", m.options()...)
	cmd.Stderr = &complaints
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	start := time.Now()
	err := onOneThread(cmd.Run)
	result := Result{Code: m.code(), Output: m.read(output), Console: m.read(console), Took: time.Since(start)}
	if ctx.Err() != nil {
		err = fmt.Errorf("the guest was not off after %s", m.guest.Timeout)
	}
	if err != nil {
		return result, fmt.Errorf("%w\n%soutput:\n%s\nend of the console:\n%s",
			err, complaints.String(), tail(result.Output), tail(result.Console))
	}
	return result, nil
}

// The files that the guest writes by its serial ports.
const (
	console = "console"
	output  = "output"
	code    = "code"
)

// options is QEMU's command line: two disks, three ports, no network.
func (m *Machine) options() []string {
	return []string{
		"-accel", "tcg,thread=multi,tb-size=512", "-cpu", "qemu64,svm=off", "-machine", "q35,sata=off,smbus=off,usb=off",
		"-m", strconv.Itoa(m.guest.Memory), "-smp", strconv.Itoa(m.guest.CPUs),
		"-nodefaults", "-no-user-config", "-display", "none", "-nic", "none", "-no-reboot",
		"-kernel", m.image.kernel, "-initrd", m.image.initrd,
		"-append", "root=LABEL=guest rw console=ttyS0 panic=-1 mitigations=off systemd.show_status=0",
		"-drive", "if=virtio,format=qcow2,cache=unsafe,file=" + m.path("overlay"),
		"-drive", "if=virtio,format=raw,readonly=on,file=" + m.path("job.img"),
		"-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng",
		"-serial", "file:" + m.path(console), "-device", "virtio-serial-pci",
		"-chardev", "file,id=output,path=" + m.path(output), "-device", "virtserialport,chardev=output,name=output",
		"-chardev", "file,id=code,path=" + m.path(code), "-device", "virtserialport,chardev=code,name=code",
	}
}

// onOneThread keeps the thread whose death would be the child's.
func onOneThread(do func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return do()
}

// code is the script's exit code, or -1 where it did not get to its end.
func (m *Machine) code() int {
	number, err := strconv.Atoi(strings.TrimSpace(m.read(code)))
	if err != nil {
		return -1
	}
	return number
}

// read reads a file that boot has made.
func (m *Machine) read(name string) string {
	text, err := os.ReadFile(m.path(name))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// tail is the last 4 KiB.
func tail(text string) string {
	return text[max(0, len(text)-4096):]
}
