package terraform

import (
	"os"

	"golang.org/x/sys/unix"
)

// free gives the disk of what was read back, and returns up to where it is
// given back. The file's length stays, so that not one byte that terraform
// writes meanwhile is lost. Where the file system cannot do this, the file is
// emptied, and 0 returned.
func free(f *os.File, from, to int64) int64 {
	from -= from % freeEvery
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, from, to-from)
	if err == nil {
		return to
	}
	return empty(f, to)
}
