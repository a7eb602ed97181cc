package history

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/terrier-iac/terrier/modules/repo"
)

// objectID is the id of a git object.
func objectID(kind string, data []byte) repo.Hash {
	h := sha1.New()
	var head [40]byte
	b := append(head[:0], kind...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(len(data)), 10)
	b = append(b, 0)
	h.Write(b)
	h.Write(data)
	var id repo.Hash
	h.Sum(id[:0])
	return id
}

// commitTail appends to tail what a new commit takes from the old one: author,
// committer and encoding as they are, then the message, byte for byte.
func commitTail(tail, data []byte) ([]byte, error) {
	rest := data
	for {
		nl := bytes.IndexByte(rest, '\n')
		if nl == 0 || len(rest) == 0 {
			break // the message, with the blank line before it; or none at all
		}
		if nl < 0 {
			return nil, fmt.Errorf("malformed header\nhint: \"git fsck\" tells more")
		}
		line := rest[:nl+1]
		rest = rest[nl+1:]
		// A line that starts with a space continues the header above it, which
		// only happens to headers that are dropped.
		name, _, _ := bytes.Cut(line, []byte(" "))
		switch string(name) {
		case "author", "committer", "encoding":
			tail = append(tail, line...)
		}
	}
	return append(tail, rest...), nil
}

// newCommit is the bytes of a commit with another tree and other parents.
func newCommit(tree repo.Hash, parents []repo.Hash, tail []byte) []byte {
	b := make([]byte, 0, 46+48*len(parents)+len(tail))
	b = append(b, "tree "...)
	b = hex.AppendEncode(b, tree[:])
	b = append(b, '\n')
	for _, p := range parents {
		b = append(b, "parent "...)
		b = hex.AppendEncode(b, p[:])
		b = append(b, '\n')
	}
	return append(b, tail...)
}
