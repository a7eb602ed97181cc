package modules

import (
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// reaches returns what the terragrunt files lead to, the sources aside: a file
// that is read, a dependency, an argument. The functions that give such paths
// keep their values, since a unit stays where it is.
func (t *terragruntTree) reaches() []Reach {
	var out []Reach
	seen := map[Reach]bool{}
	for _, u := range t.units {
		for i := -1; i < len(u.includes); i++ {
			var in *terragruntFile
			if i >= 0 {
				if in = u.includes[i].file; in == nil {
					continue
				}
			}
			for _, r := range t.scope(u, in).reaches() {
				if !seen[r] {
					seen[r] = true
					out = append(out, r)
				}
			}
		}
	}
	return out
}

func (s *terragruntScope) reaches() []Reach {
	f := s.here()
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok || body == nil {
		return nil
	}
	var sources, locals []hcl.Range
	for _, src := range f.sources {
		sources = append(sources, src.Expr.Range())
	}
	for _, blk := range body.Blocks {
		if blk.Type == "locals" {
			locals = append(locals, blk.Body.Range())
		}
	}
	var out []Reach
	var taken hcl.Range // of a path whose parts are only steps on its way
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		e, ok := n.(hclsyntax.Expression)
		if !ok || slices.ContainsFunc(sources, e.Range().Overlaps) || taken.Overlaps(e.Range()) {
			return nil
		}
		switch e.(type) {
		case *hclsyntax.TemplateExpr, *hclsyntax.TemplateWrapExpr, *hclsyntax.FunctionCallExpr, *hclsyntax.ScopeTraversalExpr:
		default:
			return nil
		}
		text, whole := s.text(e)
		if !whole {
			text = text[:strings.LastIndexByte(text, '/')+1]
		}
		if !strings.HasPrefix(text, repoMark+"/") && !isLocal(text) || strings.ContainsAny(text, "\n") || strings.Contains(text, "://") {
			return nil
		}
		p, ok := s.t.g.Follow(s.t.join(s.dir(), text))
		if s.t.g.dirs[p] && slices.ContainsFunc(locals, e.Range().Overlaps) {
			return nil // where the local is used it counts, but in the source
		}
		if ok && s.t.g.exists(p) {
			if whole {
				taken = e.Range()
			}
			out = append(out, Reach{Dir: s.dir(), File: f.Path, Line: e.Range().Start.Line, Expr: "a path in the terragrunt file " + path.Base(f.Path), Func: "terragrunt",
				Path: p, Whole: true, way: relativePath(s.dir(), p)})
		}
		return nil
	})
	return out
}
