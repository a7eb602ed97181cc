package modules

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/terrier-iac/terrier/hclparse"
)

func itoa(i int) string { return strconv.Itoa(i) }

// function evaluates a call of a function. join and format keep the parts of
// what they join; of the others all arguments must be known.
func (e *addressEval) function(x *hclsyntax.FunctionCallExpr, in addressScope, depth int) []piece {
	if x.ExpandFinal {
		return unknownPieces
	}
	switch {
	case x.Name == "tostring" && len(x.Args) == 1:
		return e.eval(x.Args[0], in, depth)
	case x.Name == "join" && len(x.Args) == 2:
		list, diags := hcl.ExprList(x.Args[1])
		if diags.HasErrors() {
			return unknownPieces
		}
		return e.joined(max(0, 2*len(list)-1), func(i int) []piece {
			if i%2 == 1 {
				return e.eval(x.Args[0], in, depth)
			}
			return e.eval(list[i/2], in, depth)
		})
	case x.Name == "format" && len(x.Args) > 0:
		if layout, ok := e.whole(x.Args[0], in, depth); ok {
			return e.format(layout, x.Args[1:], in, depth)
		}
		return unknownPieces
	}
	args := make([]string, len(x.Args))
	for i, a := range x.Args {
		text, ok := e.whole(a, in, depth)
		if !ok {
			return unknownPieces
		}
		args[i] = text
	}
	text, ok := textFunctionOf(x.Name, args)
	if !ok {
		text, ok = in.call(x.Name, args)
	}
	if !ok || len(text) > mostAddress {
		return unknownPieces
	}
	return []piece{{text: text}}
}

// format is the function, with %s and %% alone.
func (e *addressEval) format(layout string, args []hclsyntax.Expression, in addressScope, depth int) []piece {
	parts := strings.Split(strings.ReplaceAll(layout, "%%", "\x00"), "%")
	if len(parts) != len(args)+1 {
		return unknownPieces
	}
	for i, p := range parts {
		if i > 0 && (p == "" || p[0] != 's') {
			return unknownPieces
		}
	}
	return e.joined(2*len(parts)-1, func(i int) []piece {
		if i%2 == 1 {
			return e.eval(args[i/2], in, depth)
		}
		text := parts[i/2]
		if i > 0 {
			text = text[1:]
		}
		return []piece{{text: strings.ReplaceAll(text, "\x00", "%")}}
	})
}

// textFunctionOf is a function that both terraform and terragrunt have. What
// it makes is never longer than mostAddress but in replace.
func textFunctionOf(name string, args []string) (string, bool) {
	switch {
	case len(args) == 1 && name == "lower":
		return strings.ToLower(args[0]), true
	case len(args) == 1 && name == "upper":
		return strings.ToUpper(args[0]), true
	case len(args) == 1 && name == "trimspace":
		return strings.TrimSpace(args[0]), true
	case len(args) == 2 && name == "trimprefix":
		return strings.TrimPrefix(args[0], args[1]), true
	case len(args) == 2 && name == "trimsuffix":
		return strings.TrimSuffix(args[0], args[1]), true
	case len(args) == 2 && name == "trim":
		return strings.Trim(args[0], args[1]), true
	case len(args) == 3 && name == "replace":
		if old := args[1]; old == "" || len(old) > 1 && old[0] == '/' && old[len(old)-1] == '/' {
			return "", false // a regular expression
		}
		if strings.Count(args[0], args[1])*len(args[2]) > mostAddress {
			return "", false
		}
		return strings.ReplaceAll(args[0], args[1], args[2]), true
	}
	return "", false
}

// directoryNames are the locals and const variables of a directory.
type directoryNames struct {
	locals, variables map[string]hcl.Expression
}

func (d directoryNames) named(names []string) (hcl.Expression, addressScope, int) {
	if len(names) < 2 {
		return nil, nil, 0
	}
	switch names[0] {
	case "local":
		return d.locals[names[1]], d, 2
	case "var":
		return d.variables[names[1]], d, 2
	}
	return nil, nil, 0
}

func (directoryNames) call(string, []string) (string, bool) { return "", false }

// directoryNames reads the directory once more, and once for all its calls of
// one kind: those of OpenTofu's own files do not see a .tf file with a twin.
func (g *Graph) directoryNames(dir string, tofu bool) directoryNames {
	g.namesMu.Lock()
	defer g.namesMu.Unlock()
	key := dirNames{dir, tofu}
	if d, ok := g.names[key]; ok {
		return d
	}
	d := directoryNames{locals: map[string]hcl.Expression{}, variables: map[string]hcl.Expression{}}
	if m := g.Tree.Reload(dir); m != nil {
		d.read(m, tofu)
	}
	if g.names == nil {
		g.names = map[dirNames]directoryNames{}
	}
	g.names[key] = d
	return d
}

type dirNames struct {
	dir  string
	tofu bool
}

func (d directoryNames) read(m *hclparse.Module, tofu bool) {
	// Of what is written twice nothing is known, unless an override decides.
	set := func(into map[string]hcl.Expression, overridden map[string]bool, name string, f *hclparse.File, x hcl.Expression) {
		if tofu && f.Twin != "" {
			return
		}
		_, twice := into[name]
		switch {
		case f.Override:
			overridden[name] = true
			into[name] = x
		case overridden[name]:
		case twice:
			into[name] = nil
		default:
			into[name] = x
		}
	}
	overridden := map[string]bool{}
	for _, l := range m.Locals {
		set(d.locals, overridden, l.Name, l.File, l.Expr)
	}
	overridden = map[string]bool{}
	for _, v := range m.Variables {
		var x hcl.Expression
		if v.Const {
			x = v.Default
		}
		set(d.variables, overridden, v.Name, v.File, x)
	}
}

// terragruntNames are the names of a terragrunt file in a unit.
type terragruntNames struct{ s *terragruntScope }

func (t terragruntNames) named(names []string) (hcl.Expression, addressScope, int) {
	from, x := t.s.local(names)
	if x == nil {
		return nil, nil, 0
	}
	used := 2 // local.NAME
	if names[0] == "include" {
		used = 4 // include.LABEL.locals.NAME
	}
	return x, terragruntNames{from}, used
}

func (t terragruntNames) call(name string, args []string) (string, bool) {
	if _, pure := pureFunctions[name]; pure && name != "dirname" {
		return "", false // function knows those that are to be known
	}
	f, ok := t.s.functions()[name]
	if !ok {
		return "", false
	}
	values := make([]cty.Value, len(args))
	for i, a := range args {
		values[i] = cty.StringVal(a)
	}
	v, err := f.Call(values)
	if err != nil || v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
		return "", false
	}
	return v.AsString(), true
}

// jsonTemplate is the template that a JSON string is.
func jsonTemplate(text []byte, r hcl.Range) hcl.Expression {
	var s string
	if json.Unmarshal(text, &s) != nil {
		return nil
	}
	return templateOf(s, r, string(text) == `"`+s+`"`)
}

// templateOf parses the template of the JSON string at r; nil where it is none.
// Its ranges are in no file but where the string stands just as it is.
func templateOf(s string, r hcl.Range, stands bool) (expr hcl.Expression) {
	defer func() {
		if recover() != nil {
			expr = nil // the parser is others' code
		}
	}()
	name, at := "", r.Start
	if stands {
		name = r.Filename
		at.Byte, at.Column = at.Byte+1, at.Column+1 // the quote
	}
	x, diags := hclsyntax.ParseTemplate([]byte(s), name, at)
	if diags.HasErrors() {
		return nil
	}
	return x
}
