package rewrite

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/hclparse"
)

// FuzzSet writes a text into a file in several ways and sets a ref. Where that
// is not refused, the files are as they were but for the call, which has the
// ref and is else the same.
func FuzzSet(f *testing.F) {
	for _, text := range []string{
		p1 + "//s?ref=v1.2.3&depth=1", "git@h:o/r.git?depth=1&ref=v1", "github.com/o/r//s?a=b", "a/b/c", "./x", "git::ssh://u:p@h/o?%72ef=a%2Fb#c",
		"git::https://h/p?ref=${local.v}", "git::https://h/p?ref=v1.2.3\"\n}\nmodule \"b\" {\n  source = \"git::https://h/p", "tfr:///a/b/c?version=1.2.3",
		`git::https://h/p?\u0072ef=v\"1&x=$${y}`, "${local.s}?ref=v${local.v}.0", "git::https://h/\u00e4?ref=o\u0308", "git::h:o/p?ref&depth", "?ref=", "bitbucket.org/o/r?",
	} {
		for way := range ways {
			f.Add(text, "v1.3.0", " # v1.2.3\n", byte(way))
			f.Add(text, "x+y/ä${a}\"", "", byte(way))
		}
	}
	f.Fuzz(func(t *testing.T, text, ref, tail string, way byte) {
		if len(text) > 2000 || len(ref) > 200 {
			return
		}
		in := ways[int(way)%len(ways)](text, tail)
		pin := Pin{Ref: ref, Version: "1.3.0", Comment: "v1.3.0", AddComment: way&64 != 0, DropDepth: way&128 != 0, Exact: way&32 != 0}
		g, calls := in.load()
		for i, c := range calls {
			if c.Overridden {
				continue
			}
			got, err := Set(g, c, pin)
			var refused *Refused
			if errors.As(err, &refused) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			after := in.applied(t, got.Edits)
			g, now := after.load()
			if len(now) != len(calls) {
				t.Fatalf("%d calls, then %d: %q", len(calls), len(now), after)
			}
			again, err := Set(g, now[i], pin)
			if err != nil || slices.ContainsFunc(again.Edits, func(e Edit) bool { return !strings.HasPrefix(string(e.New), " # ") }) {
				t.Fatalf("a second time: %v, %v: %q", again.Edits, err, after)
			}
			if c.Source.Kind != hclparse.KindGit {
				continue
			}
			s := now[i].Source
			if want := wantedRef(c.Source.Ref, ref); !sameRef(s.Ref, want) || !now[i].Known {
				t.Fatalf("it reads %q, want %q: %q", s.Ref, want, after)
			}
			if s.Kind != c.Source.Kind || s.Host != c.Source.Host || s.Repository != c.Source.Repository || s.Subdir != c.Source.Subdir {
				t.Fatalf("it is another address: %q", after)
			}
			if want := others(c.Source, pin.DropDepth); !slices.Equal(others(s, pin.DropDepth), want) {
				t.Fatalf("its query is %v, want %v but for the ref", s.Query, want)
			}
			for j := range now {
				if j != i && now[j].Text() != calls[j].Text() {
					t.Fatalf("another call changes: %q", after)
				}
			}
		}
	})
}

// others are the parameters but for the first ref.
func others(s hclparse.Source, noDepth bool) []hclparse.Param {
	var out []hclparse.Param
	found := false
	cuts := len(s.ParamCuts("depth"))
	for _, p := range s.Query {
		one, err := hclparse.ParseSource("git::https://h/p?" + p.Key + "=" + p.Value)
		if err == nil && one.Ref != "" || p.Key == "ref" {
			if !found {
				found = true
				continue
			}
		}
		if noDepth && cuts > 0 && len(one.ParamCuts("depth")) > 0 {
			continue
		}
		out = append(out, p)
	}
	return out
}

// ways are those to write a source into files.
var ways = []func(text, tail string) tree{
	func(text, tail string) tree {
		return tree{"main.tf": "module \"a\" {\n  source = " + string(hclparse.QuoteNative(text)) + tail + "\n}\nmodule \"z\" {\n  source = \"./z\"\n}\n"}
	},
	func(text, tail string) tree {
		return tree{"main.tf": "module \"a\" {\n  source = \"" + text + "\"" + tail + "\n}\n", "l.tf": "locals {\n  v = \"1.2.3\" # v1.2.3\n  s = \"" + p1 + "\"\n}\n"}
	},
	func(text, tail string) tree {
		return tree{"main.tf.json": `{"module": {"a": {"source": ` + string(hclparse.QuoteJSON(text)) + `}}}`}
	},
	func(text, tail string) tree {
		return tree{"main.tf.json": `{"locals": {"v": "1.2.3", "s": "` + p1 + `"}, "module": {"a": {"source": "` + text + `"}}}`}
	},
	func(text, tail string) tree {
		return tree{"terragrunt.hcl": "locals {\n  v = \"1.2.3\"\n  s = \"" + p1 + "\"\n}\nterraform {\n  source = \"" + text + "\"" + tail + "\n}\n"}
	},
	func(text, tail string) tree { // in two pieces
		n := len(text) / 2
		if i := strings.Index(text, "ref="); i >= 0 {
			n = i + len("ref=")
		}
		n = min(n+len(tail)%3, len(text))
		return tree{"main.tf": "locals {\n  tail = " + string(hclparse.QuoteNative(text[n:])) + "\n}\nmodule \"a\" {\n  source = \"${local.head}${local.tail}\"\n}\n",
			"l.tf": "locals {\n  head = " + string(hclparse.QuoteNative(text[:n])) + "\n}\n"}
	},
	func(text, tail string) tree { // the version
		return tree{"main.tf": "module \"a\" {\n  source = \"a/b/c\"\n  version = \"" + text + "\"\n}\n", "x_override.tf": "module \"a\" {\n  source = \"d/e/f\"\n" + tail + "}\n"}
	},
}
