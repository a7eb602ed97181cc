package rewrite

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
)

// A tree is the files of one, by path. A text that begins with "-> " is a
// symlink.
type tree map[string]string

func (t tree) fs() fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range t {
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			out[name] = &fstest.MapFile{Data: []byte(to), Mode: 0o777 | 1<<27} // fs.ModeSymlink
			continue
		}
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func (t tree) load() (*modules.Graph, []*lint.Call) {
	g := modules.Load(t.fs(), nil)
	return g, lint.Calls(&lint.Input{Graph: g})
}

// applied is the tree after the edits.
func (t tree) applied(tb testing.TB, edits []Edit) tree {
	tb.Helper()
	out := tree{}
	for name, text := range t {
		var in []hclparse.Edit
		for _, e := range edits {
			if e.File == name {
				in = append(in, e.Edit)
				if want := 1 + strings.Count(text[:e.Start], "\n"); e.Line != want {
					tb.Errorf("an edit of %s at byte %d says line %d, want %d", name, e.Start, e.Line, want)
				}
			}
		}
		after, err := hclparse.Apply([]byte(text), in)
		if err != nil {
			tb.Fatal(err)
		}
		out[name] = string(after)
	}
	return out
}

// callNamed is the call of a name; the first one for "".
func callNamed(tb testing.TB, calls []*lint.Call, name string) *lint.Call {
	tb.Helper()
	for _, c := range calls {
		if name == "" || c.Name() == name {
			return c
		}
	}
	tb.Fatalf("no call %q among %d", name, len(calls))
	return nil
}

func TestSetLiteral(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		pin                 Pin
	}{
		{"a ref", `module "a" {
  source = "git::https://h.example/p.git//s?ref=v1.2.3&depth=1"
}
`, `module "a" {
  source = "git::https://h.example/p.git//s?ref=v1.3.0&depth=1"
}
`, Pin{Ref: "v1.3.0"}},
		{"a version", `module "a" {
  source  = "a/b/c"
  version = "1.2.3"
}
`, `module "a" {
  source  = "a/b/c"
  version = "1.3.0"
}
`, Pin{Version: "1.3.0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := tree{"main.tf": c.before}
			g, calls := in.load()
			got, err := Set(g, callNamed(t, calls, ""), c.pin)
			var refused *Refused
			if errors.As(err, &refused) {
				t.Fatal(refused)
			}
			if after := in.applied(t, got.Edits)["main.tf"]; after != c.after {
				t.Errorf("got\n%s\nwant\n%s", after, c.after)
			}
		})
	}
}
