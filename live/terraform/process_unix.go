//go:build unix

package terraform

import (
	"os"
	"os/exec"
	"syscall"
)

// detach puts terraform in a session of its own. The terminal's interrupt
// then reaches it once, through us: a second one would make it leave at once,
// in the middle of things. And what it starts (ssh asking for a passphrase)
// finds no terminal to wait on.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// interrupt asks terraform, and not its children, to end: terraform tells
// them itself.
func interrupt(cmd *exec.Cmd) error { return cmd.Process.Signal(os.Interrupt) }

// killGroup ends terraform and all that it started. That there is nobody left
// is no error.
func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// interruptGroup interrupts what terraform started and left. What a shell put
// into the background does not mind.
func interruptGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }

// signalOf is the signal that a process died of, nil where it ended itself.
func signalOf(exit *exec.ExitError) os.Signal {
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return ws.Signal()
	}
	return nil
}

// onUnix says that modes of files mean something.
const onUnix = true
