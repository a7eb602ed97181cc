package lint

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
)

// A Span is the bytes from From up to To of a file.
type Span struct{ From, To int }

// Secrets are the bytes in which the sources and versions of calls have
// credentials, by path, in order and without overlap. A path that is a symlink
// and the one that it leads to both have them.
//
// A line of a file tells an address by its looks alone; what is put together by
// an expression, or written with escapes, does not look like one. Of such a
// source all is taken.
func Secrets(in *Input) map[string][]Span {
	out := map[string][]Span{}
	add := func(f *hclparse.File, at hcl.Range, s Span) {
		out[at.Filename] = append(out[at.Filename], s)
		if f.Path == at.Filename && f.Real != f.Path {
			out[f.Real] = append(out[f.Real], s)
		}
	}
	for _, c := range Calls(in) {
		if s, ok := c.secret(); ok {
			add(c.File(), c.SourceRange(), s)
		}
		if r := c.VersionRange; c.Version != "" && hclparse.Redact(c.Version) != c.Version {
			add(c.File(), r, Span{r.Start.Byte, r.End.Byte})
		}
	}
	for p, spans := range out {
		out[p] = merge(spans)
	}
	return out
}

// secret is the part of the source's expression that has credentials.
func (c *Call) secret() (Span, bool) {
	if text, start, ok := c.Literal(); ok {
		from, to, ok := hclparse.RedactedSpan(text)
		return Span{start + from, start + to}, ok
	}
	r, text := c.SourceRange(), c.Text()
	whole := Span{r.Start.Byte, r.End.Byte}
	inner := strings.TrimSuffix(strings.TrimPrefix(text, `"`), `"`)
	from, to, plain := hclparse.RedactedSpan(inner)
	known := c.Source.Redacted() != c.Source.String()
	// Something stands between what is known before and behind.
	parts := c.Head + "x" + c.Tail
	switch {
	case !known && !plain && hclparse.Redact(parts) == parts:
		return Span{}, false
	case !plain || strings.ContainsAny(inner, "\"\\\n"):
		return whole, true
	}
	begin := r.Start.Byte + strings.Index(text, inner)
	return Span{begin + from, begin + to}, true
}

func merge(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out
}
