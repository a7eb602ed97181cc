//go:build !linux

package terraform

import "os"

func free(f *os.File, _, to int64) int64 { return empty(f, to) }
