//go:build !unix

package terraform

import (
	"os"
	"os/exec"
)

func detach(*exec.Cmd) {}

// interrupt kills: there is no signal to pass on.
func interrupt(cmd *exec.Cmd) error { return cmd.Process.Kill() }

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func interruptGroup(*exec.Cmd) {}

func signalOf(*exec.ExitError) os.Signal { return nil }

const onUnix = false
