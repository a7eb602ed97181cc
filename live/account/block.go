package account

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	tfjson "github.com/hashicorp/terraform-json"
	"github.com/zclconf/go-cty/cty"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/static"
)

// A block is a provider block with its override files laid over it.
type block struct {
	at     *static.Block
	bodies []hcl.Body // the block, then its overrides
	twice  bool
	file   *hclparse.File
	line   int
}

// blockOf is the block of a provider in a directory, nil where there is none.
func blockOf(s *static.Scope, name, alias string, tofu bool) *block {
	var b *block
	for _, override := range []bool{false, true} {
		for _, p := range s.Module().Providers {
			f := p.File
			if p.Name != name || p.Alias != alias || f.Override != override || f.Tofu && !tofu || tofu && f.Twin != "" {
				continue
			}
			switch {
			case override && b != nil:
				b.bodies = append(b.bodies, p.Body)
			case override:
			case b != nil:
				b.twice = true
			default:
				b = &block{bodies: []hcl.Body{p.Body}, file: f, line: p.Range.Start.Line}
			}
		}
	}
	if b == nil {
		return nil
	}
	for _, at := range s.Providers() {
		if at.Type == name && at.Name == alias {
			b.at = at
		}
	}
	return b
}

// broken names a file of a module that does not parse: what it says is not
// known, and could be an override.
func broken(s *static.Scope, tofu bool) string {
	for _, f := range s.Module().Files {
		if f.Broken() && f.Syntax != hclparse.Terragrunt && (tofu || !f.Tofu) {
			return f.Path + " cannot be parsed"
		}
	}
	return ""
}

// instances are those of one entry of the plan, one at least. block says
// whether there is a block for it.
func (w *walk) instances(ctx context.Context, pc *tfjson.ProviderConfig) (found []Instance, has bool) {
	i := Instance{Address: address(pc.ModuleAddress, pc.Name, pc.Alias), Source: pc.FullName}
	s, base, why := w.scope(pc.ModuleAddress)
	if why != "" {
		i.Why = why
		return []Instance{i}, len(pc.Expressions) > 0
	}
	if why := broken(s, w.in.Tofu); why != "" {
		i.Why = why
		return []Instance{i}, true
	}
	b := blockOf(s, pc.Name, pc.Alias, w.in.Tofu)
	if b == nil {
		if pc.ModuleAddress == "" {
			if len(pc.Expressions) > 0 || pc.Alias != "" {
				i.Why = "its block is not in the files: they are not the ones that were planned"
				return []Instance{i}, true
			}
			return []Instance{w.byProcess(i)}, false
		}
		return []Instance{i}, false
	}
	i.File, i.Line = b.file.Path, b.line
	if base != "" {
		i.File = path.Join(w.in.Dir, base, i.File)
	}
	if b.twice || b.at == nil {
		i.Why = "the provider block is there twice"
		return []Instance{i}, true
	}
	if b.expression("for_each") == nil {
		return []Instance{w.judgeBlock(ctx, i, pc, s, b)}, true
	}
	for _, inst := range s.Instances(b.at) {
		one := i
		key, ok, why := inst.Text(eachKey)
		if !ok {
			one.Why = "its for_each is not known: " + why
		} else {
			one.Address += "[" + string(hclparse.QuoteJSON(key)) + "]"
			one = w.judgeBlock(ctx, one, pc, inst, b)
		}
		found = append(found, one)
	}
	if len(found) == 0 { // for_each is empty: there is no instance, and none to check
		return nil, true
	}
	return found, true
}

// expression is that of an argument, nil where there is none.
func (b *block) expression(name string) hcl.Expression {
	for _, body := range slices.Backward(b.bodies) {
		if body == nil {
			continue
		}
		content, _, _ := body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: name}}})
		if content != nil && content.Attributes[name] != nil {
			return content.Attributes[name].Expr
		}
	}
	return nil
}

// text evaluates an argument that is a text. set says that it is there and not
// null or empty, why that this is not known.
func text(s *static.Scope, b *block, name string) (value string, set bool, why string) {
	x := b.expression(name)
	if x == nil {
		return "", false, ""
	}
	v, why := s.Value(x)
	if why == "" && v.IsNull() {
		return "", false, ""
	}
	value, ok, why := static.TextOf(v, why)
	if !ok {
		return "", false, name + " is not known: " + why
	}
	return value, value != "", ""
}

// judgeBlock finds the account of one instance. The order is that of
// aws-sdk-go-base: keys, profile, environment; then the roles on top of these,
// by web identity first.
func (w *walk) judgeBlock(ctx context.Context, i Instance, pc *tfjson.ProviderConfig, s *static.Scope, b *block) Instance {
	i = w.reaches(ctx, i, pc, s, b)
	if i.AccountID != "" || path.Base(pc.FullName) != "aws" {
		return i
	}
	// The provider itself refuses other accounts.
	if skip, set, why := text(s, b, "skip_requesting_account_id"); why != "" || set && skip != "false" {
		return i
	}
	x := b.expression("allowed_account_ids")
	if x == nil {
		return i
	}
	v, why := s.Value(x)
	if why != "" || v.IsNull() || !v.CanIterateElements() || !v.IsWhollyKnown() {
		return i
	}
	var ids []string
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		id, ok, _ := static.TextOf(e, "")
		if !ok || !accountID.MatchString(id) {
			return i
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	switch len(ids) {
	case 0:
	case 1:
		i.AccountID, i.How, i.Why = ids[0], "allowed_account_ids", ""
	default:
		i.Among, i.How = ids, "allowed_account_ids"
	}
	return i
}

func (w *walk) reaches(ctx context.Context, i Instance, pc *tfjson.ProviderConfig, s *static.Scope, b *block) Instance {
	unknown := func(why string) Instance { i.Why = why; return i }
	if why := endpoints(s, b); why != "" {
		return unknown(why)
	}
	for _, name := range []string{"assume_role", "assume_role_with_web_identity"} {
		arns, why := roles(s, b, name)
		// The plan has what is written out: the files must say the same.
		for _, c := range constants(pc, name) {
			if why == "" && !slices.Contains(arns, c) {
				return unknown(name + " is another in the plan than in the files")
			}
		}
		if why != "" {
			return unknown(name + ": " + why)
		}
		// Roles are assumed one after the other; the last one counts. One that
		// is null or empty is either refused by the provider or not assumed.
		for _, role := range slices.Backward(arns) {
			if role == "" {
				continue
			}
			parsed, err := parseRole(role)
			if err != nil {
				return unknown(name + " has a role_arn that is " + err.Error())
			}
			i.AccountID, i.How = parsed.AccountID, name
			return i
		}
	}
	for _, name := range []string{"access_key", "secret_key", "token"} {
		if _, set, why := text(s, b, name); why != "" {
			return unknown(why)
		} else if set {
			return unknown("whose its " + name + " is, is not known")
		}
	}
	profile, set, why := text(s, b, "profile")
	if why != "" {
		return unknown(why)
	}
	if e := pc.Expressions["profile"]; e != nil && e.ExpressionData != nil {
		if c, ok := e.ConstantValue.(string); ok && c != profile {
			return unknown("profile is another in the plan than in the files")
		}
	}
	if !set {
		return w.byProcess(i)
	}
	for _, name := range []string{"shared_config_files", "shared_credentials_files", "shared_credentials_file"} {
		if b.expression(name) != nil {
			return unknown("its profile is looked for in " + name + ", which are not read")
		}
	}
	if w.in.Profile == nil {
		return unknown("which account its profile leads to was not asked")
	}
	id, how, err := w.in.Profile(ctx, profile)
	if err != nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return unknown(fmt.Sprintf("its profile %q: %s", profile, line))
	}
	if !accountID.MatchString(id) {
		return unknown(fmt.Sprintf("its profile %q leads to no account", profile))
	}
	i.AccountID, i.How = id, "profile "+profile+" ("+how+")"
	return i
}

// constants are the role ARNs that the plan has written out in an argument or
// in blocks of a name.
func constants(pc *tfjson.ProviderConfig, name string) []string {
	e := pc.Expressions[name]
	if e == nil || e.ExpressionData == nil {
		return nil
	}
	var out []string
	for _, n := range e.NestedBlocks {
		if r := n["role_arn"]; r != nil && r.ExpressionData != nil {
			if s, ok := r.ConstantValue.(string); ok {
				out = append(out, s)
			}
		}
	}
	list, _ := e.ConstantValue.([]any)
	if list == nil {
		list = []any{e.ConstantValue}
	}
	for _, v := range list {
		if m, ok := v.(map[string]any); ok {
			if s, ok := m["role_arn"].(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

// roles are the role ARNs of the blocks, or of the object or list of objects,
// of a name, in order; "" for one that is null. why says that one is not known.
func roles(s *static.Scope, b *block, name string) (arns []string, why string) {
	for _, body := range slices.Backward(b.bodies) {
		if body == nil {
			return nil, "its block cannot be read"
		}
		content, _, _ := body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: name}}})
		if content != nil && content.Attributes[name] != nil {
			v, why := s.Value(content.Attributes[name].Expr)
			return rolesOf(v, why, 0)
		}
		native, ok := body.(*hclsyntax.Body)
		if !ok {
			continue
		}
		found := false
		for _, n := range native.Blocks {
			var v cty.Value
			switch {
			case n.Type == name:
				v, why = cty.NullVal(cty.String), ""
				if a := n.Body.Attributes["role_arn"]; a != nil {
					v, why = s.Value(a.Expr)
				}
			case n.Type == "dynamic" && len(n.Labels) == 1 && n.Labels[0] == name:
				v, why = dynamic(s, n)
			default:
				continue
			}
			found = true
			more, why := roleTexts(v, why)
			if why != "" {
				return nil, why
			}
			arns = append(arns, more...)
		}
		if found { // blocks of an override replace all of their type
			return arns, ""
		}
	}
	return nil, ""
}

// rolesOf is roles of an object, or a list of objects.
func rolesOf(v cty.Value, why string, depth int) ([]string, string) {
	switch {
	case !v.IsKnown() && why == "", depth > 1:
		return nil, "it is not known before a plan"
	case !v.IsKnown():
		return nil, why
	case v.IsNull():
		return nil, ""
	}
	t := v.Type()
	switch {
	case t.IsObjectType():
		if !t.HasAttribute("role_arn") {
			return nil, ""
		}
		return roleTexts(v.GetAttr("role_arn"), why)
	case t.IsMapType():
		if key := cty.StringVal("role_arn"); v.HasIndex(key).True() {
			return roleTexts(v.Index(key), why)
		}
		return nil, ""
	case t.IsTupleType(), t.IsListType(), t.IsSetType():
		var out []string
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			more, why := rolesOf(e, why, depth+1)
			if why != "" {
				return nil, why
			}
			out = append(out, more...)
		}
		return out, ""
	}
	return nil, "it is no object"
}

// roleTexts are the texts of a value, or of the lists in it.
func roleTexts(v cty.Value, why string) ([]string, string) {
	if v.IsKnown() && !v.IsNull() && (v.Type().IsTupleType() || v.Type().IsListType()) {
		var out []string
		for it := v.ElementIterator(); it.Next(); {
			_, e := it.Element()
			more, why := roleTexts(e, why)
			if why != "" {
				return nil, why
			}
			out = append(out, more...)
		}
		return out, ""
	}
	if v.IsKnown() && v.IsNull() {
		return []string{""}, ""
	}
	text, ok, why := static.TextOf(v, why)
	if !ok {
		return nil, why
	}
	return []string{text}, ""
}

// dynamic evaluates the role_arn of a dynamic block: as a for expression, which
// is put together of the block's own parts.
func dynamic(s *static.Scope, n *hclsyntax.Block) (cty.Value, string) {
	each := n.Body.Attributes["for_each"]
	var content *hclsyntax.Body
	for _, b := range n.Body.Blocks {
		if b.Type == "content" {
			content = b.Body
		}
	}
	if each == nil || content == nil {
		return cty.DynamicVal, "its dynamic block is not complete"
	}
	iterator := n.Labels[0]
	if a := n.Body.Attributes["iterator"]; a != nil {
		if iterator = hcl.ExprAsKeyword(a.Expr); iterator == "" {
			return cty.DynamicVal, "the iterator of its dynamic block is no name"
		}
	}
	var role hclsyntax.Expression = &hclsyntax.LiteralValueExpr{Val: cty.NullVal(cty.String), SrcRange: n.Range()}
	if a := content.Attributes["role_arn"]; a != nil {
		role = a.Expr
	}
	x, diags := hclsyntax.ParseExpression([]byte("[for terrier_key, terrier_value in null : [for "+iterator+" in [{ key = terrier_key, value = terrier_value }] : null]]"), "<dynamic>", hcl.InitialPos)
	outer, ok := x.(*hclsyntax.ForExpr)
	if diags.HasErrors() || !ok {
		return cty.DynamicVal, "its dynamic block cannot be read"
	}
	inner, ok := outer.ValExpr.(*hclsyntax.ForExpr)
	if !ok {
		return cty.DynamicVal, "its dynamic block cannot be read"
	}
	outer.CollExpr, inner.ValExpr = each.Expr, role
	return s.Value(outer)
}

var eachKey = func() hcl.Expression {
	x, diags := hclsyntax.ParseExpression([]byte("each.key"), "<each>", hcl.InitialPos)
	if diags.HasErrors() {
		panic(diags)
	}
	return x
}()

// awsHost are the hosts of AWS itself, its private endpoints included.
var awsHost = regexp.MustCompile(`^[a-z0-9.-]+\.(amazonaws\.com|amazonaws\.com\.cn|api\.aws)$`)

// endpoints says why an instance has endpoints that are not AWS's: who answers
// there gives credentials and accounts as it likes.
func endpoints(s *static.Scope, b *block) string {
	other := func(v cty.Value, why string) string {
		text, ok, why := static.TextOf(v, why)
		if v.IsKnown() && v.IsNull() || ok && text == "" {
			return ""
		}
		if !ok {
			return "one of its endpoints is not known: " + why
		}
		if !strings.Contains(text, "://") {
			text = "https://" + text
		}
		u, err := url.Parse(text)
		if err != nil || !awsHost.MatchString(strings.ToLower(u.Hostname())) {
			return "one of its endpoints is not AWS's"
		}
		return ""
	}
	for _, body := range b.bodies {
		if body == nil {
			return "its block cannot be read"
		}
		if native, ok := body.(*hclsyntax.Body); ok {
			for _, n := range native.Blocks {
				switch {
				case n.Type == "dynamic" && len(n.Labels) == 1 && n.Labels[0] == "endpoints":
					return "its endpoints are a dynamic block"
				case n.Type == "endpoints":
					for _, name := range sortedNames(n.Body.Attributes) {
						if why := other(s.Value(n.Body.Attributes[name].Expr)); why != "" {
							return why
						}
					}
				}
			}
		}
	}
	x := b.expression("endpoints")
	if x == nil {
		return ""
	}
	v, why := s.Value(x)
	if v.IsKnown() && v.IsNull() {
		return ""
	}
	if why != "" || !v.IsWhollyKnown() {
		return "its endpoints are not known: " + why
	}
	list := []cty.Value{v}
	if t := v.Type(); t.IsTupleType() || t.IsListType() || t.IsSetType() {
		list = v.AsValueSlice()
	}
	for _, v := range list {
		if !v.Type().IsObjectType() && !v.Type().IsMapType() {
			return "its endpoints are not known: they are no object"
		}
		for it := v.ElementIterator(); it.Next(); {
			if _, e := it.Element(); e.Type().IsPrimitiveType() || e.IsNull() {
				if why := other(e, ""); why != "" {
					return why
				}
			} else {
				return "its endpoints are not known: they are no texts"
			}
		}
	}
	return ""
}

func sortedNames(m hclsyntax.Attributes) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
