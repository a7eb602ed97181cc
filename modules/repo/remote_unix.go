//go:build unix

package repo

import (
	"os"
	"os/exec"
	"syscall"
)

// detach puts git in a session of its own, with what it starts: they can be
// ended together, and ssh finds no terminal to wait on, so that it asks its
// askpass program or gives up.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// endGroup asks git and all that it started to end.
func endGroup(cmd *exec.Cmd) error {
	err := syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
	if err == syscall.ESRCH {
		return os.ErrProcessDone
	}
	return err
}

// killGroup ends them. That there is nobody left is no error.
func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
