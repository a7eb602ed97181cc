package change

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/terrier-iac/terrier/hclparse"
)

// A Break is a place in a calling directory that does not fit the new version.
type Break struct {
	File    string
	Line    int
	Call    string // the module block's name
	Summary string // a sentence without its full stop
}

// Breaks says where a call of a module breaks that goes from one version to
// the other. caller is the calling directory with its syntax trees, call one
// of its calls (hclparse.Module.Effective); old and new are the module. What
// was broken before is left out, and so is what cannot be told from the files:
// a value that is computed, or a module that is passed on as a whole.
func Breaks(caller *hclparse.Module, call *hclparse.Call, old, new *hclparse.Module) []Break {
	var out []Break
	for _, tofu := range []bool{false, true} {
		if tofu && !forTofu(old) && !forTofu(new) {
			break
		}
		d := &differ{scope: &scope{dir: "."}, a: see(old, tofu), b: see(new, tofu)}
		b := &breaker{differ: d, caller: caller, call: call}
		b.arguments()
		b.reads()
		b.configurations()
		out = append(out, b.out...)
	}
	return sortBreaks(out)
}

func sortBreaks(breaks []Break) []Break {
	slices.SortFunc(breaks, func(a, b Break) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Call, b.Call), cmp.Compare(a.Summary, b.Summary))
	})
	return slices.Compact(breaks)
}

type breaker struct {
	*differ
	caller *hclparse.Module
	call   *hclparse.Call
	out    []Break
}

func (b *breaker) add(rng hcl.Range, format string, args ...any) {
	b.out = append(b.out, Break{File: rng.Filename, Line: rng.Start.Line, Call: b.call.Name, Summary: fmt.Sprintf("module %q ", b.call.Name) + fmt.Sprintf(format, args...)})
}

// header is where the call stands.
func (b *breaker) header() hcl.Range { return b.call.Block }

// meta are the arguments of a module block that are no variables.
var meta = map[string]bool{"source": true, "version": true, "count": true, "for_each": true, "providers": true, "depends_on": true, "lifecycle": true}

func (b *breaker) arguments() {
	gone, come, _ := both(b.a.variables, b.b.variables)
	renamed := b.renamedVariables(gone, come)
	from := map[string]string{}
	for _, n := range gone {
		if to := renamed[n]; to != "" {
			from[to] = n
		}
		a := b.call.Attributes[n]
		switch {
		case a == nil || meta[n]:
		case renamed[n] != "":
			b.add(a.Range, "passes %s, which is now %s", n, renamed[n])
		default:
			b.add(a.Range, "passes %s, which is gone", n)
		}
	}
	for _, n := range names(b.b.variables) {
		y := b.b.variables[n]
		a := b.call.Attributes[n]
		x := b.a.variables[n]
		if meta[n] {
			continue
		}
		if a == nil {
			// One that was required before and is not passed was an error already.
			if y.Default == nil && (x == nil || x.Default != nil) && (from[n] == "" || b.call.Attributes[from[n]] == nil) {
				b.add(b.header(), "does not pass %s, which is required", n)
			}
			continue
		}
		if x != nil {
			b.value(a, n, x, y)
		}
	}
}

// value looks whether what a call passes still fits the type.
func (b *breaker) value(a *hcl.Attribute, n string, x, y *variable) {
	v, ok := roughly(a.Expr)
	if !ok {
		return
	}
	if v.IsNull() {
		if nullable(x) && !nullable(y) && y.Default == nil {
			b.add(a.Range, "passes null for %s, which no longer takes it", n)
		}
		return
	}
	old, ok1 := typeOf(x.typeFile, x.Type)
	new, ok2 := typeOf(y.typeFile, y.Type)
	if !ok1 || !ok2 || old.ty.Equals(new.ty) {
		return
	}
	if _, err := convertTo(v, old); err != nil {
		return
	}
	if _, err := convertTo(v, new); err != nil {
		b.add(a.Range, "passes a value for %s that its type no longer takes: %s", n, conversionError(err))
		return
	}
	if unread := unread("", v, old.ty, new.ty); len(unread) > 0 {
		b.add(a.Range, "passes %s in %s, which is no longer read", listed(unread), n)
	}
}

func convertTo(v cty.Value, c constraint) (cty.Value, error) {
	if c.ty == cty.DynamicPseudoType {
		return v, nil
	}
	if c.defaults != nil && v.IsWhollyKnown() {
		v = c.defaults.Apply(v)
	}
	return convert.Convert(v, c.ty)
}

func conversionError(err error) string {
	text := err.Error()
	if path, ok := err.(cty.PathError); ok {
		at := ""
		for _, p := range path.Path {
			switch p := p.(type) {
			case cty.GetAttrStep:
				at += "." + p.Name
			case cty.IndexStep:
				switch {
				case !p.Key.IsKnown() || p.Key.IsNull():
					at += "[…]"
				case p.Key.Type() == cty.String:
					at += fmt.Sprintf("[%q]", p.Key.AsString())
				case p.Key.Type() == cty.Number:
					at += "[" + p.Key.AsBigFloat().Text('f', 0) + "]"
				}
			}
		}
		if at != "" {
			text = strings.TrimPrefix(at, ".") + ": " + text
		}
	}
	return text
}

// roughly is the value of an expression in which all that is not written out
// is not known. ok is false where nothing is known of it.
func roughly(e hcl.Expression) (cty.Value, bool) {
	if tooLarge(e) {
		return cty.NilVal, false
	}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{}}
	for _, t := range e.Variables() {
		ctx.Variables[t.RootName()] = cty.DynamicVal
	}
	v, diags := e.Value(ctx)
	if diags.HasErrors() || v == cty.NilVal || v.Type() == cty.DynamicPseudoType && !v.IsKnown() || v.ContainsMarked() {
		return cty.NilVal, false
	}
	return v, true
}

// tooLarge bounds what is evaluated.
func tooLarge(e hcl.Expression) bool {
	node, ok := e.(hclsyntax.Node)
	if !ok {
		return e.Range().End.Byte-e.Range().Start.Byte > 1<<20
	}
	const most = 20_000
	nodes := 0
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		nodes++
		if _, ok := n.(*hclsyntax.ForExpr); ok {
			nodes += most // those in each other multiply
		}
		return nil
	})
	return nodes > most
}

// unread are the attributes in v that old has and new has not, so that they
// are dropped without a word.
func unread(at string, v cty.Value, old, new cty.Type) []string {
	if !v.IsKnown() || v.IsNull() {
		return nil
	}
	var out []string
	switch {
	case old.IsObjectType() && new.IsObjectType() && (v.Type().IsObjectType() || v.Type().IsMapType()):
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			n := k.AsString()
			switch {
			case !old.HasAttribute(n):
			case !new.HasAttribute(n):
				out = append(out, strings.TrimPrefix(at+"."+n, "."))
			default:
				out = append(out, unread(at+"."+n, e, old.AttributeType(n), new.AttributeType(n))...)
			}
		}
	case (sequence(old) || old.IsMapType()) && (sequence(new) || new.IsMapType()) && v.CanIterateElements():
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			out = append(out, unread(at, e, old.ElementType(), new.ElementType())...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// reads looks for outputs that the calling directory reads.
func (b *breaker) reads() {
	gone, come, stay := both(b.a.outputs, b.b.outputs)
	renamed := b.renamedOutputs(gone, come)
	for _, r := range outputsRead(b.caller, b.call.Name) {
		switch {
		case slices.Contains(gone, r.output) && renamed[r.output] != "":
			b.add(r.rng, "is read for its output %s, which is now %s", r.output, renamed[r.output])
		case slices.Contains(gone, r.output):
			b.add(r.rng, "is read for its output %s, which is gone", r.output)
		case slices.Contains(stay, r.output):
			x, y := b.a.outputs[r.output], b.b.outputs[r.output]
			if !x.Ephemeral && y.Ephemeral && r.in != nil && !r.in.Ephemeral {
				b.add(r.rng, "has an output %s that is ephemeral now, and the output %s is not", r.output, r.in.Name)
			}
			if !x.Sensitive && y.Sensitive && r.in != nil && !r.in.Sensitive {
				b.add(r.rng, "has an output %s that is sensitive now, and the output %s is not: of a root module that is an error", r.output, r.in.Name)
			}
			if was, is := shapeOf(x.Value), shapeOf(y.Value); was != "" && is != "" && was != is {
				b.add(r.rng, "has an output %s that is a %s now, and was a %s", r.output, is, was)
			}
		}
	}
}

// configurations looks at the providers that a call passes.
func (b *breaker) configurations() {
	passed := map[string]hcl.Range{}
	whole, computed := b.call.Attributes["providers"], false
	if whole != nil {
		items, diags := hcl.ExprMap(whole.Expr)
		computed = diags.HasErrors()
		for _, item := range items {
			if n := configurationName(item.Key); n != "" {
				passed[n] = item.Key.Range()
			}
		}
	}
	x, y := needed(b.a), needed(b.b)
	at := b.header()
	if whole != nil {
		at = whole.Range
	}
	for _, n := range names(y) {
		for _, alias := range y[n].aliases {
			if _, ok := passed[alias]; !ok && !computed && (x[n] == nil || !slices.Contains(x[n].aliases, alias)) {
				b.add(at, "does not pass the provider configuration %s", alias)
			}
		}
	}
	for _, n := range names(passed) {
		p, _, hasAlias := strings.Cut(n, ".")
		had := x[p] != nil && (!hasAlias || slices.Contains(x[p].aliases, n) || b.a.providers[n] != nil)
		has := y[p] != nil && (!hasAlias || slices.Contains(y[p].aliases, n) || b.b.providers[n] != nil)
		if had && !has {
			b.add(passed[n], "passes the provider configuration %s, which is no longer taken", n)
		}
	}
	_, come, _ := both(b.a.providers, b.b.providers)
	for _, n := range come {
		for _, m := range []string{"count", "for_each", "depends_on"} {
			if a := b.call.Attributes[m]; a != nil {
				b.add(a.Range, "has %s, which is an error where the module configures the provider %s itself", m, n)
			}
		}
	}
}

// configurationName reads aws or aws.east, in JSON as a string.
func configurationName(e hcl.Expression) string {
	traversal, diags := hcl.AbsTraversalForExpr(e)
	if diags.HasErrors() {
		if v, ok := literal(e); ok && isText(v) {
			return v.AsString()
		}
		return ""
	}
	n := ""
	for _, t := range traversal {
		switch t := t.(type) {
		case hcl.TraverseRoot:
			n = t.Name
		case hcl.TraverseAttr:
			n += "." + t.Name
		default:
			return ""
		}
	}
	return n
}
