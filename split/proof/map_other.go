//go:build !unix

package proof

import (
	"io"
	"os"
)

// mapFile reads a file where none can be mapped.
func mapFile(f *os.File) ([]byte, func(), error) {
	data, err := io.ReadAll(f)
	return data, func() {}, err
}
