//go:build unix

package store

import (
	"io/fs"
	"os"
	"syscall"
)

// ownedByOther reports whether somebody else owns the file.
func ownedByOther(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(stat.Uid) != os.Geteuid()
}

// openToOthers reports whether group or others may write; their reading
// counts where secret.
func openToOthers(info fs.FileInfo, secret bool) bool {
	if secret {
		return info.Mode().Perm()&0o077 != 0
	}
	return info.Mode().Perm()&0o022 != 0
}

// dontWait makes that a pipe in the place of a file does not hold us.
const dontWait = syscall.O_NONBLOCK
