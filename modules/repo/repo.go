// Package repo is git: a tree at any revision as an fs.FS, history to read,
// bare repositories to write; and commits, branches and tags in the user's own
// repository, in the user's name.
//
// It runs the user's own git, but for reading and copying objects in bulk, which
// it does itself. It knows nothing of Terraform.
package repo

import (
	"encoding/hex"
	"fmt"
)

// A Hash is a SHA-1 object id.
type Hash [20]byte

// String returns the id in 40 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero reports whether h is the id of nothing.
func (h Hash) IsZero() bool { return h == Hash{} }

// ParseHash reads 40 hexadecimal digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 40 {
		return h, fmt.Errorf("%q is not an object id", s)
	}
	_, err := hex.Decode(h[:], []byte(s))
	return h, err
}

// An Object is a git object that is not in a repository yet, or was read
// from one.
type Object struct {
	ID   Hash
	Type string // "commit", "tree", "blob" or "tag"
	Data []byte
}
