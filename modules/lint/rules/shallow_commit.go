package rules

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

var shallowCommit = &lint.Rule{
	Name:     "shallow-commit",
	Summary:  "depth= beside a commit: terraform init fails",
	Severity: lint.Error,
	Fixes:    true,
	Check: func(p *lint.Pass) {
		for _, c := range pinned(p) {
			if c.Source.Kind != hclparse.KindGit {
				continue
			}
			// As go-getter reads it: the first of its name, and what is no
			// number above 0 is no depth.
			if depth, err := strconv.Atoi(param1(c.Source, "depth")); err != nil || depth < 1 {
				continue
			}
			if k := kindOf(p, c); k != refCommit && k != refShort {
				continue
			}
			p.ReportCall(c, c.ParamRange("depth"), withoutDepth(c), "%s asks for a shallow clone of a commit",
				"With depth= git is told `clone --branch REF`, which takes a tag or a branch and no commit: terraform init fails. Take depth= out, or write the tag.",
				upper(c.Module()))
		}
	},
}

// withoutDepth takes every depth out: behind the first another would count.
func withoutDepth(c *lint.Call) *lint.Fix {
	text, start, ok := c.Literal()
	if !ok {
		return nil
	}
	at := strings.IndexByte(text, '?') + 1
	end := len(text)
	if i := strings.IndexByte(text[at:], '#'); i >= 0 {
		end = at + i
	}
	var edits []hclparse.Edit
	pieces := strings.Split(text[at:end], "&")
	// Each goes with the & behind it; the last ones with the & before them.
	behind := 0 // parameters that stay and stand behind
	for _, piece := range pieces {
		if !isDepth(piece) {
			behind++
		}
	}
	from := at
	before := 0
	for i, piece := range pieces {
		to := from + len(piece)
		switch {
		case !isDepth(piece):
			before, behind = before+1, behind-1
		case behind > 0:
			edits = append(edits, hclparse.Edit{Start: start + from, End: start + to + 1})
		case before > 0:
			edits = append(edits, hclparse.Edit{Start: start + from - 1, End: start + to})
		default:
			return nil // there is no ref then
		}
		if i < len(pieces)-1 {
			from = to + 1
		}
	}
	return &lint.Fix{Summary: "Take depth= out", Edits: edits}
}

func isDepth(piece string) bool {
	key, _, _ := strings.Cut(piece, "=")
	name, err := url.QueryUnescape(key)
	return err == nil && name == "depth"
}
