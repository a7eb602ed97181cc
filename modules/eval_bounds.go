package modules

import (
	"regexp"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Values that are made of each other grow without end: "${local.a}${local.a}"
// doubles, and a few dozen locals of that kind are more than any memory. What
// is beyond these bounds is not known. Both are far from any path or address.
const (
	mostValue  = 16 << 10 // the size of a local
	mostResult = 1 << 20  // the sizes of the locals in an expression together
	mostNodes  = 10_000   // the parts of an expression: cty sorts the types of a list in quadratic time
)

// sizeOf is the number of bytes and elements of a value; counting ends behind
// limit.
func sizeOf(v cty.Value, limit int) int {
	v, _ = v.Unmark()
	size := 1
	switch {
	case v == cty.NilVal || !v.IsKnown() || v.IsNull():
	case v.Type() == cty.String:
		size += len(v.AsString())
	case v.CanIterateElements():
		for it := v.ElementIterator(); it.Next() && size <= limit; {
			key, element := it.Element()
			if key.Type() == cty.String {
				size += len(key.AsString())
			}
			size += sizeOf(element, limit-size)
		}
	}
	return size
}

// SizeOf is the number of bytes and elements of a value; counting ends behind
// limit.
func SizeOf(v cty.Value, limit int) int { return sizeOf(v, limit) }

// TextFunctions are format, join and replace of texts that no bound is beyond: a
// result of more than a megabyte is unknown, and so is one of a replacement by
// a regular expression.
func TextFunctions() map[string]function.Function {
	out := map[string]function.Function{}
	for _, name := range []string{"format", "join", "replace"} {
		out[name] = pureFunctions[name]
	}
	return out
}

// bounded is v, or unknown where that is too large.
func bounded(v cty.Value) cty.Value {
	if v != cty.NilVal && sizeOf(v, mostValue) > mostValue {
		return cty.DynamicVal
	}
	return v
}

// beyond reports whether e is too large, or has a for expression or a splat:
// those in each other run as often as their lengths multiplied, and no path is
// made of one.
func beyond(e hcl.Expression) bool {
	node, ok := e.(hclsyntax.Node)
	if !ok {
		return false
	}
	found, nodes := false, 0
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		nodes++
		switch n.(type) {
		case *hclsyntax.ForExpr, *hclsyntax.SplatExpr:
			found = true
		}
		return nil
	})
	return found || nodes > mostNodes
}

// guarded is f where its result has no more than mostResult bytes, as size
// foretells, and unknown where it has. size sees known arguments only.
func guarded(f function.Function, size func([]cty.Value) int) function.Function {
	spec := &function.Spec{
		Type: func(args []cty.Value) (cty.Type, error) { return f.ReturnTypeForValues(args) },
		Impl: func(args []cty.Value, t cty.Type) (cty.Value, error) {
			if size(args) > mostResult {
				return cty.UnknownVal(t), nil
			}
			return f.Call(args)
		},
		Params: f.Params(), VarParam: f.VarParam(),
	}
	return function.New(spec)
}

// formatWidth is the width or precision of a verb.
var formatWidth = regexp.MustCompile(`[0-9]+`)

func formatSize(args []cty.Value) int {
	size := 0
	for _, a := range args {
		size += sizeOf(a, mostResult)
	}
	if args[0].IsKnown() && !args[0].IsNull() {
		for _, digits := range formatWidth.FindAllString(args[0].AsString(), -1) {
			n, err := strconv.Atoi(digits)
			if err != nil {
				return mostResult + 1
			}
			size += min(n, mostResult+1)
		}
	}
	return size
}

func joinSize(args []cty.Value) int {
	elements, size := 0, 0
	for _, list := range args[1:] {
		size += sizeOf(list, mostResult)
		if list.IsKnown() && !list.IsNull() && list.CanIterateElements() {
			elements += list.LengthInt()
		}
	}
	if s := sizeOf(args[0], mostResult); s > 1 && elements > 0 {
		return size + min(s, mostResult+1)*min(elements, mostResult+1)
	}
	return size
}

// replaceSize also refuses a regular expression: in cty it is plain text, in
// terraform and terragrunt it is not.
func replaceSize(args []cty.Value) int {
	if old := args[1].AsString(); len(old) > 1 && old[0] == '/' && old[len(old)-1] == '/' {
		return mostResult + 1
	}
	return sizeOf(args[0], mostResult) * sizeOf(args[2], mostResult)
}
