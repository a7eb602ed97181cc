package terraform

import "syscall"

// blocks is what a file takes on its disk, in bytes.
func blocks(name string) int64 {
	var st syscall.Stat_t
	if syscall.Stat(name, &st) != nil {
		return 0
	}
	return st.Blocks * 512
}
