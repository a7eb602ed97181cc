package hclparse

import (
	"bytes"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
)

// FuzzLoad gives one file's bytes to each language. Load must not panic, every
// range must lie in the file, and what is Static must be a whole string that
// can be cut out and put back.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"",
		"\ufeff",
		"module \"a\" {\n  source = \"../x\"\n  version = \"1\"\n}\n",
		"module \"a\" {\r\n  source = <<EOT\r\n../x\r\nEOT\r\n}",
		"module a { source = (\"..\\u0078${\"b\"}$${c}\") }",
		"terraform {\n  source = a ? \"x\" : (b ? \"y\" : \"${z}\")\n  backend \"s3\" {\n    key = \"k\"\n    n = -1\n  }\n  required_providers {\n    aws = { source = \"hashicorp/aws\", \"version\" = \"1\", configuration_aliases = [aws.x] }\n  }\n}\n",
		"variable \"v\" {\n  type = string\n  default = null\n  const = true\n}\noutput \"o\" { value = 1 }\nlocals {\n  b = 1\n  a = 2\n}\ndata \"x\" \"y\" {}\nprovider \"p\" { alias = \"q\" }\n",
		"module \"a\" {\n  source = \"../x\n}\n",
		"x = [ ( { \"${ %{ if a }b%{ endif }",
		`{"module": {"a": {"source": "../x", "version": "1"}}}`,
		`[{"module": [{"a": [{"source": "\u0078${y}"}]}]}]`,
		`{"terraform": {"backend": {"s3": {"key": "k", "n": 1e9}}, "required_providers": {"a": {"source": "b", "configuration_aliases": ["a.b"]}, "c": "~> 1"}, "required_version": ">= 1"}}`,
		`{"variable": {"v": null}, "locals": [{"a": 1}], "resource": {"a": {"b": [{}, 1]}}, "provider": {"p": {"alias": "q"}}, "output": 1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		tr, _ := Load(fstest.MapFS{
			"n/a.tf":           {Data: src},
			"n/override.tofu":  {Data: src},
			"j/a.tf.json":      {Data: src},
			"t/terragrunt.hcl": {Data: src},
		})
		if len(tr.Modules) != 3 {
			t.Fatalf("%d modules", len(tr.Modules))
		}
		for _, m := range tr.Modules {
			checkModule(t, m)
			for _, tofu := range []bool{false, true} {
				for _, c := range m.Effective(tofu) {
					checkCall(t, c)
				}
			}
		}
	})
}

func checkModule(t *testing.T, m *Module) {
	for _, f := range m.Files {
		for _, d := range f.Diags {
			if d.Subject == nil {
				t.Errorf("diagnostic without a place: %v", d)
				continue
			}
			inside(t, f, *d.Subject)
		}
	}
	for _, c := range m.Calls {
		inside(t, c.File, c.Block)
		checkCall(t, c)
	}
	for _, v := range m.Variables {
		inside(t, v.File, v.Range)
		for _, e := range []hcl.Expression{v.Type, v.Default, v.Nullable} {
			checkExpr(t, v.File, e)
		}
	}
	for _, o := range m.Outputs {
		inside(t, o.File, o.Range)
		checkExpr(t, o.File, o.Value)
	}
	for _, l := range m.Locals {
		inside(t, l.File, l.Range)
		checkExpr(t, l.File, l.Expr)
	}
	for _, r := range m.Resources {
		inside(t, r.File, r.Range)
		if r.Body == nil {
			t.Error("resource without a body")
		}
	}
	for _, r := range m.Providers {
		inside(t, r.File, r.Range)
	}
	for _, r := range m.RequiredProviders {
		inside(t, r.File, r.Range)
	}
	for _, r := range m.RequiredVersions {
		quoted(t, r.File, r.Range)
	}
	for _, k := range m.Backends {
		inside(t, k.File, k.Range)
	}
	for _, s := range m.Terragrunt {
		if s.Static {
			quoted(t, s.File, s.Range)
		} else if inside(t, s.File, s.Range); s.Raw != "" {
			t.Errorf("Raw %q of what is not static", s.Raw)
		}
	}
}

func checkCall(t *testing.T, c *Call) {
	switch {
	case c.Static:
		quoted(t, c.File, c.SourceRange)
		if c.Source.String() != c.Raw || !c.HasSource {
			t.Errorf("Source %q, Raw %q", c.Source, c.Raw)
		}
	case c.Raw != "":
		t.Errorf("Raw %q of what is not static", c.Raw)
	case c.HasSource:
		inside(t, c.File, c.SourceRange)
	}
	for name, a := range c.Attributes {
		if a == nil || name == "source" || name == "version" {
			t.Errorf("attribute %q: %v", name, a)
			continue
		}
		checkExpr(t, nil, a.Expr)
	}
}

// checkExpr also sees to it that a nil in an interface is no expression.
func checkExpr(t *testing.T, f *File, e hcl.Expression) {
	if e != nil {
		if r := e.Range(); f != nil {
			inside(t, f, r)
		}
		e.Variables()
	}
}

func inside(t *testing.T, f *File, r hcl.Range) {
	t.Helper()
	if r.Filename != f.Path || r.Start.Byte < 0 || r.Start.Byte > r.End.Byte || r.End.Byte > len(f.Bytes) {
		t.Errorf("range %#v is not in %s of %d bytes", r, f.Path, len(f.Bytes))
	}
}

func quoted(t *testing.T, f *File, r hcl.Range) {
	t.Helper()
	inside(t, f, r)
	if t.Failed() {
		return
	}
	text := f.Bytes[r.Start.Byte:r.End.Byte]
	heredoc := bytes.HasPrefix(text, []byte("<<"))
	if !heredoc && (len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"') {
		t.Errorf("%q is not a quoted string", text)
	}
	line, col := 1+bytes.Count(f.Bytes[:r.Start.Byte], []byte("\n")), r.Start.Column
	if r.Start.Line != line || col < 1 {
		t.Errorf("range begins on line %d, says %d:%d", line, r.Start.Line, col)
	}
}

// Any terragrunt source, replaced by a plain string, is read back as that
// string, and every byte outside it is as it was.
func FuzzTerragrunt(f *testing.F) {
	for _, s := range []string{
		`"${(a == "b") ? "../x" : "git::https://h/x.git//y?ref=v${c}"}"`,
		`"../modules//x"`, `("${get_repo_root()}/modules/x")`, `a ? "../x" : (b ? local.y : "git::https://h/x.git?ref=v1")`,
		`find_in_parent_folders("x")`, "<<E\n../x\nE\n", `"${dirname(find_in_parent_folders())}/../x"`, `[for x in y : x][0]`,
	} {
		f.Add([]byte("terraform {\r\n  source = "+s+"\n  # π\n}\ninclude \"x\" {\n  path = 1\n}\n"), "git::file:///x//y?ref=v1.0.0")
	}
	f.Add([]byte("\xef\xbb\xbfterraform { source = \"../x\" }"), "${x}\n\"")
	f.Fuzz(func(t *testing.T, src []byte, to string) {
		checkEdits(t, src, to, func(src []byte) (places []Edit, raw []string) {
			file, sources := ParseTerragrunt("terragrunt.hcl", src)
			if file.Broken() {
				return nil, nil // nothing of it is edited
			}
			for _, s := range sources {
				places = append(places, Edit{Start: s.Range.Start.Byte, End: s.Range.End.Byte})
				raw = append(raw, s.Raw)
			}
			return places, raw
		})
	})
}
