//go:build !unix

package repo

import (
	"errors"
	"os"
)

func mapData(*os.File, int) ([]byte, error) { return nil, errors.ErrUnsupported }
func unmapData([]byte) error                { return nil }
func forgetData([]byte)                     {}
