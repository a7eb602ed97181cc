package backend

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"

	"github.com/terrier-iac/terrier/hclparse"
)

// A body is a place where arguments stand: a backend block, or a file of
// backend_config.
type body struct {
	path string // where it stands
	real string // where its bytes are
	src  []byte
	json bool
	line int // of the block's header; 1 for a file
	// header is where the native block's braces are; nil for a file and JSON.
	header *hclsyntax.Block
	attrs  map[string]setting
	last   hcl.Range // of the last argument, zero where there is none
	fresh  bool      // the file is not there yet
	fixed  string    // why nothing can be changed in it, "" where it can
	// block says that it is the backend block, which all units of the code have.
	block bool
	note  string // what there is to say about it
}

// A setting is one argument as it is written.
type setting struct {
	value string
	known bool
	bool_ bool      // written without quotes
	rng   hcl.Range // of the value
	expr  string    // of one that is not known, or cannot be changed: why
}

// settingsOf reads the arguments of a body, those of objects and blocks by
// "name.inner". Null is as if it were not there.
func settingsOf(b hcl.Body, src []byte) (map[string]setting, hcl.Range, hcl.Diagnostics) {
	out := map[string]setting{}
	var last hcl.Range
	native, ok := b.(*hclsyntax.Body)
	if !ok {
		attrs, diags := b.JustAttributes()
		for name, a := range attrs {
			add(out, name, a.Expr, src)
			if r := a.Expr.Range(); r.End.Byte > last.End.Byte {
				last = hcl.RangeBetween(a.NameRange, r)
			}
		}
		return out, last, diags
	}
	for name, a := range native.Attributes {
		add(out, name, a.Expr, src)
		if a.SrcRange.End.Byte > last.End.Byte {
			last = a.SrcRange
		}
	}
	for _, inner := range native.Blocks {
		for name, a := range inner.Body.Attributes {
			add(out, inner.Type+"."+name, a.Expr, src)
		}
		out[inner.Type] = setting{rng: inner.DefRange(), expr: "it is a block"}
	}
	return out, last, nil
}

// add adds an argument to out.
func add(out map[string]setting, name string, e hcl.Expression, src []byte) {
	s := setting{rng: e.Range()}
	if len(e.Variables()) > 0 {
		s.expr = "it is computed"
		out[name] = s
		return
	}
	v, diags := e.Value(nil)
	switch {
	case diags.HasErrors() || !v.IsWhollyKnown():
		s.expr = "it is computed"
	case v.IsNull():
		return
	case v.Type() == cty.String:
		s.known, s.value = true, v.AsString()
		if text(src, s.rng, 2) == "<<" {
			s.expr = "it is a heredoc"
		}
	case v.Type() == cty.Bool:
		s.known, s.bool_, s.value = true, true, fmt.Sprint(v.True())
	case v.Type() == cty.Number:
		// As it is written: 1e999999999 spelt out would fill the memory.
		s.known, s.bool_, s.value = true, true, text(src, s.rng, 0)
	case v.Type().IsObjectType() && !strings.Contains(name, "."):
		s.expr = "it is an object"
		if items, diags := hcl.ExprMap(e); !diags.HasErrors() {
			for _, item := range items {
				if key, diags := item.Key.Value(nil); !diags.HasErrors() && key.Type() == cty.String && key.IsKnown() && !key.IsNull() {
					add(out, name+"."+key.AsString(), item.Value, src)
				}
			}
		}
	default:
		s.expr = "it is a list"
	}
	out[name] = s
}

// text is what stands in a range, the first n bytes of it; n is 0 for all.
func text(src []byte, r hcl.Range, n int) string {
	if r.Start.Byte < 0 || r.End.Byte > len(src) || r.Start.Byte > r.End.Byte {
		return ""
	}
	s := src[r.Start.Byte:r.End.Byte]
	if n > 0 && len(s) > n {
		s = s[:n]
	}
	return string(s)
}

// blockBody is a backend block as a body.
func blockBody(k *hclparse.Backend) (*body, string) {
	b := &body{path: k.File.Path, real: k.File.Real, src: k.File.Bytes, json: k.File.Syntax == hclparse.JSON, line: k.Range.Start.Line, block: true}
	var diags hcl.Diagnostics
	if b.attrs, b.last, diags = settingsOf(k.Body, b.src); diags.HasErrors() {
		return nil, diags.Errs()[0].Error()
	}
	if native, ok := k.Body.(*hclsyntax.Body); ok {
		if b.header = findBlock(k.File, native); b.header == nil {
			b.header = enclosing(b.src, k, native)
		}
		if b.header == nil {
			b.fixed = "where the block ends cannot be told"
		}
	}
	return b, ""
}

// findBlock finds a block by its body in a file that was kept.
func findBlock(f *hclparse.File, want *hclsyntax.Body) *hclsyntax.Block {
	root, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return nil
	}
	for _, b := range root.Blocks {
		for _, inner := range b.Body.Blocks {
			if inner.Body == want {
				return inner
			}
		}
	}
	return nil
}

// enclosing finds a block by its place: of a file that was not kept, its text
// is parsed once more.
func enclosing(src []byte, k *hclparse.Backend, _ *hclsyntax.Body) *hclsyntax.Block {
	file, _ := hclsyntax.ParseConfig(src, k.File.Path, hcl.InitialPos)
	if file == nil {
		return nil
	}
	for _, b := range file.Body.(*hclsyntax.Body).Blocks {
		for _, inner := range b.Body.Blocks {
			if inner.DefRange().Start.Byte == k.Range.Start.Byte {
				return inner
			}
		}
	}
	return nil
}

// A place finds files of a tree, through the symlinks in it.
type place struct {
	fsys    fs.FS
	entries map[string]hclparse.Entry
	onDisk  func(string) bool
}

// ignored says that a file is there which the tree leaves out.
func (p place) ignored(name string) bool {
	_, known := p.entries[name]
	return !known && p.onDisk != nil && p.onDisk(name)
}

func newPlace(t *hclparse.Tree, onDisk func(string) bool) place {
	p := place{fsys: t.FS, entries: map[string]hclparse.Entry{}, onDisk: onDisk}
	for _, e := range t.Entries {
		p.entries[e.Path] = e
	}
	return p
}

// real is where the bytes of a file are; "" where it leads to none in the
// tree. there is false where nothing has that name.
func (p place) real(name string) (real string, there bool) {
	for range 8 {
		e, ok := p.entries[name]
		switch {
		case !ok:
			return "", there
		case e.Mode == 0:
			return name, true
		case e.Mode&fs.ModeSymlink == 0 || path.IsAbs(e.Target):
			return "", true
		}
		there = true
		if name = path.Join(path.Dir(name), e.Target); name == ".." || strings.HasPrefix(name, "../") {
			return "", true
		}
	}
	return "", true
}

// config reads a file of backend_config. A file that is not there is a body
// with nothing in it, which can be written.
func (p place) config(dir, name string) (*body, error) {
	at := path.Join(dir, name)
	if path.IsAbs(name) || !fs.ValidPath(at) {
		return nil, fmt.Errorf("the backend_config %s of %s is not in the repository", name, dir)
	}
	b := &body{path: at, real: at, json: strings.HasSuffix(name, ".json"), line: 1, attrs: map[string]setting{}}
	real, there := p.real(at)
	if !there {
		if p.ignored(at) {
			return nil, fmt.Errorf("%s is ignored by git, so that nobody else has it: what is in it is not looked at", at)
		}
		b.fresh = true
		return b, nil
	}
	if real == "" {
		return nil, fmt.Errorf("%s is no file of the repository", at)
	}
	b.real = real
	src, err := fs.ReadFile(p.fsys, real)
	if err != nil {
		return nil, err
	}
	b.src = src
	var file *hcl.File
	var diags hcl.Diagnostics
	if b.json {
		file, diags = json.Parse(src, at)
	} else {
		file, diags = hclsyntax.ParseConfig(src, at, hcl.InitialPos)
	}
	if !diags.HasErrors() {
		b.attrs, b.last, diags = settingsOf(file.Body, src)
	}
	if diags.HasErrors() {
		return nil, fmt.Errorf("%s: %s", where(at, diags[0].Subject), diags[0].Summary)
	}
	return b, nil
}

// where is FILE:LINE.
func where(file string, r *hcl.Range) string {
	if r == nil {
		return file
	}
	return fmt.Sprintf("%s:%d", file, r.Start.Line)
}

// sortedNames are the names of wanted arguments, in the order in which a block
// has them.
func sortedNames(attrs map[string]string) []string {
	order := []string{"bucket", "key", "region", "workspace_key_prefix", "encrypt", "kms_key_id", "dynamodb_table", "use_lockfile", "profile", "assume_role.role_arn"}
	var out []string
	for name := range attrs {
		out = append(out, name)
	}
	slices.SortFunc(out, func(a, b string) int {
		i, j := slices.Index(order, a), slices.Index(order, b)
		if i >= 0 && j >= 0 {
			return i - j
		}
		if i < 0 && j < 0 {
			return strings.Compare(a, b)
		}
		return j - i // the known ones first
	})
	return out
}
