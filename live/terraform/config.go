package terraform

import (
	"bytes"
	"path"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
)

// compareConfig says how two contents of a file differ once the source
// literals of module calls are set aside, "" where they do not. A literal may
// differ only where it was a path before. A file that is not configuration, or
// does not parse, has no such literals.
func compareConfig(name string, before, after []byte) string {
	const differs = "has other bytes"
	rb, ra := sources(name, before), sources(name, after)
	if len(rb) == 0 || len(rb) != len(ra) {
		return differs
	}
	var endB, endA int
	for i := range rb {
		if !bytes.Equal(before[endB:rb[i].start], after[endA:ra[i].start]) {
			return differs
		}
		endB, endA = rb[i].end, ra[i].end
		was, is := before[rb[i].start:endB], after[ra[i].start:endA]
		if !bytes.Equal(was, is) && !isLocal(strings.TrimPrefix(string(was), `"`)) {
			return "has another source where none was to be changed"
		}
	}
	if !bytes.Equal(before[endB:], after[endA:]) {
		return differs + " beside its sources"
	}
	return ""
}

// A span is a source literal, quotes included, in bytes.
type span struct{ start, end int }

// sources finds the source literals of the module calls in a configuration
// file, in order. It shares nothing with the code that rewrites them.
func sources(name string, src []byte) []span {
	var spans []span
	add := func(r hcl.Range) {
		if r.Start.Byte >= 0 && r.Start.Byte < r.End.Byte && r.End.Byte <= len(src) {
			spans = append(spans, span{r.Start.Byte, r.End.Byte})
		}
	}
	switch base := path.Base(name); {
	case strings.HasSuffix(base, ".tf"), strings.HasSuffix(base, ".tofu"):
		nativeSources(name, src, "module", add)
	case base == "terragrunt.hcl":
		nativeSources(name, src, "terraform", add)
	case strings.HasSuffix(base, ".tf.json"), strings.HasSuffix(base, ".tofu.json"):
		jsonSources(name, src, add)
	}
	sort.Slice(spans, func(i, j int) bool { return spans[i].start < spans[j].start })
	return spans
}

// nativeSources finds the literals in the source arguments of all top-level
// blocks of one type. A terragrunt source may hold several, in the branches of
// a conditional.
func nativeSources(name string, src []byte, block string, add func(hcl.Range)) {
	f, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	if diags.HasErrors() {
		return
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return
	}
	for _, b := range body.Blocks {
		attr := b.Body.Attributes["source"]
		if b.Type != block || attr == nil {
			continue
		}
		_ = hclsyntax.VisitAll(attr.Expr, func(n hclsyntax.Node) hcl.Diagnostics {
			if t, ok := n.(*hclsyntax.TemplateExpr); ok && t.IsStringLiteral() {
				add(t.Range())
			}
			return nil
		})
	}
}

// jsonSources is nativeSources for the JSON syntax.
func jsonSources(name string, src []byte, add func(hcl.Range)) {
	f, diags := json.Parse(src, name)
	if diags.HasErrors() {
		return
	}
	content, _, _ := f.Body.PartialContent(&hcl.BodySchema{
		Blocks: []hcl.BlockHeaderSchema{{Type: "module", LabelNames: []string{"name"}}},
	})
	for _, b := range content.Blocks {
		call, _, _ := b.Body.PartialContent(&hcl.BodySchema{
			Attributes: []hcl.AttributeSchema{{Name: "source"}},
		})
		if attr := call.Attributes["source"]; attr != nil {
			add(attr.Expr.Range())
		}
	}
}
