//go:build !unix

package repo

import "os/exec"

func detach(*exec.Cmd) {}

// endGroup kills: there is no signal to ask with.
func endGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
