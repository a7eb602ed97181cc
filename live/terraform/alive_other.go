//go:build !unix

package terraform

import (
	"errors"
	"os/exec"
)

var errNoAlive = errors.New("an apply needs a system with inherited file locks: Linux, macOS or another Unix")

func openAlive(string, bool) (*alive, error) { return nil, errNoAlive }

func takeAlive(string) (*alive, error) { return nil, errNoAlive }

func (a *alive) pass(*exec.Cmd) {}
