//go:build unix

package repo

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapData maps size bytes of f into memory. Not every file system can.
func mapData(f *os.File, size int) ([]byte, error) {
	return unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
}

func unmapData(data []byte) error { return unix.Munmap(data) }

// forgetData takes the pages of a mapping out of this process's memory. What
// is needed again comes from the system's cache.
func forgetData(data []byte) { _ = unix.Madvise(data, unix.MADV_DONTNEED) }
