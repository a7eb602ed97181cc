package lint

import "github.com/hashicorp/hcl/v2"

// columns is how many columns hcl counts for text, which is in one line: one
// for each grapheme cluster, of the Unicode version that hcl has chosen.
func columns(text []byte) int {
	whole := func(data []byte, _ bool) (int, []byte, error) { return len(data), data, nil }
	sc := hcl.NewRangeScannerFragment(text, "", hcl.InitialPos, whole)
	if len(text) == 0 || !sc.Scan() {
		return 0
	}
	return sc.Range().End.Column - 1
}
