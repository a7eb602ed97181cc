package static

import (
	"errors"
	"math/big"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/terrier-iac/terrier/modules"
)

// functions are those of Terraform that depend on nothing but their arguments,
// and whose results are not much larger than these. Those of cty are the very
// ones that Terraform uses; the others follow its documentation.
var functions = func() map[string]function.Function {
	out := modules.TextFunctions()
	for name, f := range map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc,
		"max": stdlib.MaxFunc, "min": stdlib.MinFunc,
		"chomp": stdlib.ChompFunc, "lower": stdlib.LowerFunc, "upper": stdlib.UpperFunc, "title": stdlib.TitleFunc,
		"trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc, "trimsuffix": stdlib.TrimSuffixFunc, "trimspace": stdlib.TrimSpaceFunc,
		"strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc, "split": stdlib.SplitFunc,
		"coalescelist": stdlib.CoalesceListFunc, "compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc,
		"contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc,
		"flatten": stdlib.FlattenFunc, "keys": stdlib.KeysFunc, "values": stdlib.ValuesFunc, "merge": stdlib.MergeFunc,
		"reverse": stdlib.ReverseListFunc, "slice": stdlib.SliceFunc, "sort": stdlib.SortFunc, "zipmap": stdlib.ZipmapFunc,
		"setintersection": stdlib.SetIntersectionFunc, "setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc,
		"jsonencode": stdlib.JSONEncodeFunc, "regex": stdlib.RegexFunc,
		"tostring": stdlib.MakeToFunc(cty.String), "tonumber": stdlib.MakeToFunc(cty.Number), "tobool": stdlib.MakeToFunc(cty.Bool),
		"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
		"tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
		"try":   tryfunc.TryFunc, "can": tryfunc.CanFunc,
		"length": lengthFunc, "lookup": lookupFunc, "coalesce": coalesceFunc, "one": oneFunc,
		"basename": ofPath(path.Base), "dirname": ofPath(path.Dir),
		"startswith": ofTexts(strings.HasPrefix), "endswith": ofTexts(strings.HasSuffix), "strcontains": ofTexts(strings.Contains),
		"sensitive": sameFunc, "nonsensitive": sameFunc,
	} {
		out[name] = f
	}
	for name, f := range out {
		if name != "try" && name != "can" {
			out[name] = careful(f, name == "tonumber")
		}
	}
	for _, name := range impure {
		out[name] = unknownFunc
	}
	return out
}()

// impure are functions of Terraform and OpenTofu that are not evaluated: they
// read files, the clock or chance, make much of little, or are rare.
var impure = []string{
	"abspath", "alltrue", "anytrue", "base64decode", "base64encode", "base64gunzip", "base64gzip", "base64sha256", "base64sha512", "bcrypt",
	"chunklist", "cidrcontains", "cidrhost", "cidrnetmask", "cidrsubnet", "cidrsubnets", "csvdecode", "ephemeralasnull",
	"file", "filebase64", "filebase64sha256", "filebase64sha512", "fileexists", "filemd5", "fileset", "filesha1", "filesha256", "filesha512",
	"formatdate", "formatlist", "indent", "index", "issensitive", "jsondecode", "log", "matchkeys", "md5", "parseint", "pathexpand",
	"plantimestamp", "pow", "range", "regexall", "rsadecrypt", "setproduct", "sha1", "sha256", "sha512", "signum", "sum", "templatefile",
	"templatestring", "textdecodebase64", "textencodebase64", "timeadd", "timecmp", "timestamp", "transpose", "type", "urldecode", "urlencode",
	"uuid", "uuidv5", "yamldecode", "yamlencode",
}

var unknownFunc = function.New(&function.Spec{
	VarParam: &function.Parameter{Name: "args", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true},
	Type:     function.StaticReturnType(cty.DynamicPseudoType),
	Impl:     func([]cty.Value, cty.Type) (cty.Value, error) { return cty.DynamicVal, nil },
})

// exponent is a text that becomes a number of a thousand digits and more:
// written out again it would fill the memory.
var exponent = regexp.MustCompile(`[0-9.][eE][+-]?[0-9]{4,}`)

const mostDigits = 4096 // the bits of a number's exponent

// careful is f for texts that do not grow, and numbers that can be written out:
// where f takes a number, a text with an exponent is unknown.
func careful(f function.Function, number bool) function.Function {
	params, variadic := slices.Clone(f.Params()), f.VarParam()
	numbers := make([]bool, len(params))
	for i, p := range params {
		if p.Type == cty.Number || number {
			params[i].Type, numbers[i] = cty.DynamicPseudoType, true
		}
	}
	if variadic != nil && variadic.Type == cty.Number {
		v := *variadic
		v.Type = cty.DynamicPseudoType
		variadic = &v
	} else if !number && !slices.Contains(numbers, true) {
		return f
	}
	fix := func(args []cty.Value) ([]cty.Value, bool) {
		args = slices.Clone(args)
		for i, a := range args {
			isNumber := i < len(numbers) && numbers[i] || i >= len(numbers)
			if !isNumber || a.Type() != cty.String || !a.IsKnown() || a.IsNull() {
				continue
			}
			if len(a.AsString()) > 64 || exponent.MatchString(a.AsString()) {
				return nil, false
			}
			if n, err := convert.Convert(a, cty.Number); err == nil {
				args[i] = n
			}
		}
		return args, true
	}
	return function.New(&function.Spec{
		Params: params, VarParam: variadic,
		Type: func(args []cty.Value) (cty.Type, error) {
			args, ok := fix(args)
			if !ok {
				return cty.DynamicPseudoType, nil
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, t cty.Type) (cty.Value, error) {
			args, ok := fix(args)
			if !ok {
				return cty.UnknownVal(t), nil
			}
			return f.Call(args)
		},
	})
}

// wild reports whether v holds a number that cannot be written out or, with
// texts, a text that would become one.
func wild(v cty.Value, texts bool) bool {
	if v == cty.NilVal || !v.IsKnown() || v.IsNull() {
		return false
	}
	switch {
	case v.Type() == cty.Number:
		return huge(v.AsBigFloat())
	case v.Type() == cty.String:
		return texts && exponent.MatchString(v.AsString())
	case v.CanIterateElements():
		for it := v.ElementIterator(); it.Next(); {
			if _, e := it.Element(); wild(e, texts) {
				return true
			}
		}
	}
	return false
}

func huge(f *big.Float) bool {
	e := f.MantExp(nil)
	return f.IsInf() || e > mostDigits || e < -mostDigits
}

func ofPath(f func(string) string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.StringVal(f(args[0].AsString())), nil
		},
	})
}

func ofTexts(f func(a, b string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "str", Type: cty.String}, {Name: "part", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(f(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

// anyFunc makes a function whose type is not known before its value.
func anyFunc(params []function.Parameter, variadic *function.Parameter, f func([]cty.Value) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Params: params, VarParam: variadic,
		Type: function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f(args) },
	})
}

var sameFunc = anyFunc([]function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true}}, nil,
	func(args []cty.Value) (cty.Value, error) { return args[0], nil })

var lengthFunc = anyFunc([]function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowUnknown: true}}, nil,
	func(args []cty.Value) (cty.Value, error) {
		v := args[0]
		switch t := v.Type(); {
		case t.IsTupleType():
			return cty.NumberIntVal(int64(len(t.TupleElementTypes()))), nil
		case t.IsObjectType():
			return cty.NumberIntVal(int64(len(t.AttributeTypes()))), nil
		case !v.IsKnown():
			return cty.UnknownVal(cty.Number), nil
		case t == cty.String:
			if n := len(v.AsString()); n < utf8.RuneSelf && isASCII(v.AsString()) {
				return cty.NumberIntVal(int64(n)), nil
			}
			return stdlib.Strlen(v) // in characters as a reader has them
		case t.IsListType() || t.IsMapType() || t.IsSetType():
			return v.Length(), nil
		}
		return cty.NilVal, errors.New("argument must be a string, a collection type, or a structural type")
	})

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

var lookupFunc = anyFunc([]function.Parameter{{Name: "map", Type: cty.DynamicPseudoType, AllowUnknown: true}, {Name: "key", Type: cty.String}},
	&function.Parameter{Name: "default", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true},
	func(args []cty.Value) (cty.Value, error) {
		m, key := args[0], args[1].AsString()
		switch t := m.Type(); {
		case len(args) > 3:
			return cty.NilVal, errors.New("lookup takes two or three arguments")
		case t.IsObjectType():
			if t.HasAttribute(key) {
				return m.GetAttr(key), nil
			}
		case !m.IsKnown():
			return cty.DynamicVal, nil
		case t.IsMapType():
			if m.HasIndex(args[1]).True() {
				return m.Index(args[1]), nil
			}
		default:
			return cty.NilVal, errors.New("lookup() requires a map as the first argument")
		}
		if len(args) < 3 {
			return cty.NilVal, errors.New("the given key does not identify an element")
		}
		if m.Type().IsMapType() { // the default has the type of the elements
			return convert.Convert(args[2], m.Type().ElementType())
		}
		return args[2], nil
	})

// coalesce is Terraform's, which passes over an empty string.
var coalesceFunc = anyFunc(nil, &function.Parameter{Name: "vals", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true},
	func(args []cty.Value) (cty.Value, error) {
		types := make([]cty.Type, len(args))
		for i, a := range args {
			types[i] = a.Type()
		}
		t, _ := convert.UnifyUnsafe(types)
		if t == cty.NilType {
			return cty.NilVal, errors.New("all arguments must have the same type")
		}
		for _, a := range args {
			a, err := convert.Convert(a, t)
			switch {
			case err != nil:
				return cty.NilVal, err
			case !a.IsKnown():
				return cty.DynamicVal, nil
			case a.IsNull() || t == cty.String && a.AsString() == "":
				continue
			}
			return a, nil
		}
		return cty.NilVal, errors.New("no non-null, non-empty-string arguments")
	})

var oneFunc = anyFunc([]function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}}, nil,
	func(args []cty.Value) (cty.Value, error) {
		v := args[0]
		if t := v.Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
			return cty.NilVal, errors.New("the value must be a list, set, or tuple")
		}
		switch v.LengthInt() {
		case 0:
			return cty.NullVal(cty.DynamicPseudoType), nil
		case 1:
			it := v.ElementIterator()
			it.Next()
			_, e := it.Element()
			return e, nil
		}
		return cty.NilVal, errors.New("must be a list, set, or tuple value with either zero or one elements")
	})
