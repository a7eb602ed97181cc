package hclparse

// An Edit replaces the bytes [Start, End) of a file.
type Edit struct {
	Start, End int
	New        []byte
}

// Apply returns src with the edits made. Bytes outside the edits are
// untouched. Edits that overlap or leave src are an error.
func Apply(src []byte, edits []Edit) ([]byte, error) { return nil, nil }
