package terraform

import "os"

// empty empties a file that somebody else appends to. What is written between
// the last read and this is lost to the eye, and so it is done only when
// everything up to the end is read.
func empty(f *os.File, to int64) int64 {
	info, err := f.Stat()
	if err != nil || info.Size() > to || f.Truncate(0) != nil {
		return to // later
	}
	return 0
}
