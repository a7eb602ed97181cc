package rules

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/modules/lint"
)

// hostRange is where the host stands in the source; the whole source where it
// is not written there.
func hostRange(c *lint.Call) hcl.Range {
	h := c.Source.Host
	text := strings.ToLower(c.Source.String())
	end := strings.IndexAny(text, "?#")
	if end < 0 {
		end = len(text)
	}
	if i := strings.Index(text[:end], "://"); i >= 0 {
		if j := strings.IndexByte(text[i+len("://"):end], '/'); j >= 0 {
			end = i + len("://") + j
		}
	}
	// The user stands before it, and may look like one.
	if i := strings.LastIndex(text[:end], h); h != "" && i >= 0 && len(text) == len(c.Source.String()) {
		at := i
		if first := strings.Index(text[:end], "@"+h); first >= 0 {
			at = first + 1
		} else if !strings.Contains(text[:end], "://") {
			at = strings.Index(text[:end], h)
		}
		return c.RangeOf(at, at+len(h))
	}
	return c.SourceRange()
}

// quoteOdd quotes what cannot be printed.
func quoteOdd(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
