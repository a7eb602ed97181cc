//go:build !unix

package terraform

import (
	"errors"
	"os/exec"
)

var errNoAlive = errors.New("an apply needs a system with inherited file locks: Linux, macOS or another Unix")

func openAlive(string, bool) (*claim, error) { return nil, errNoAlive }

func takeAlive(string) (*claim, error) { return nil, errNoAlive }

func (a *claim) pass(*exec.Cmd) {}
