// Command terrier moves Terraform modules out of a monorepo and keeps every
// caller pinned.
package main

import (
	"os"

	"github.com/terrier-iac/terrier/cmd"
)

func main() { os.Exit(cmd.Main(os.Args[1:], os.Stdout, os.Stderr)) }
