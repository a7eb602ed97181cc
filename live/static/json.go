package static

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// native is an expression of a .tf.json file in native syntax, so that one way
// of looking at expressions serves both: a string is a template. It is nil for
// what cannot be read. That nothing nests too deep was seen when the file was
// loaded.
func (d *directory) native(x hcl.Expression) hcl.Expression {
	r := x.Range()
	f := d.file(r.Filename)
	if f == nil || !r.CanSliceBytes(f.Bytes) {
		return nil
	}
	text := r.SliceBytes(f.Bytes)
	if len(text) > mostValue {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil
	}
	out := nativeOf(v, r)
	if out == nil {
		return nil
	}
	return out
}

func nativeOf(v any, r hcl.Range) hclsyntax.Expression {
	literal := func(v cty.Value) hclsyntax.Expression { return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: r} }
	switch v := v.(type) {
	case nil:
		return literal(cty.NullVal(cty.DynamicPseudoType))
	case bool:
		return literal(cty.BoolVal(v))
	case json.Number:
		if len(v) > 64 || exponent.MatchString(v.String()) {
			return nil
		}
		n, err := cty.ParseNumberVal(v.String())
		if err != nil {
			return nil
		}
		return literal(n)
	case string:
		if !strings.Contains(v, "${") && !strings.Contains(v, "%{") {
			return literal(cty.StringVal(v))
		}
		t, diags := hclsyntax.ParseTemplate([]byte(v), r.Filename, r.Start)
		if diags.HasErrors() {
			return nil
		}
		return t
	case []any:
		out := &hclsyntax.TupleConsExpr{SrcRange: r, OpenRange: r}
		for _, e := range v {
			x := nativeOf(e, r)
			if x == nil {
				return nil
			}
			out.Exprs = append(out.Exprs, x)
		}
		return out
	case map[string]any:
		out := &hclsyntax.ObjectConsExpr{SrcRange: r, OpenRange: r}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			key, x := nativeOf(name, r), nativeOf(v[name], r)
			if key == nil || x == nil {
				return nil
			}
			out.Items = append(out.Items, hclsyntax.ObjectConsItem{KeyExpr: key, ValueExpr: x})
		}
		return out
	}
	return nil
}
