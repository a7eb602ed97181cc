package rules

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
)

// A row is one case of a rule's table.
type row struct {
	name string
	// files is a txtar of the tree; text before the first file is main.tf.
	files string
	// want are the findings: `main.tf:2:12-2:40 what the summary contains`, the
	// columns of the range's first and behind its last character.
	want []string
	// fixed is the file of the only fix afterwards; "" where there is none.
	fixed string
	// with changes the input: settings, lock, remotes.
	with func(*lint.Input)
}

// table runs the rule over each row.
func table(t *testing.T, rule *lint.Rule, rows []row) {
	t.Helper()
	clean := 0
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			in := input(r.files)
			if r.with != nil {
				r.with(in)
			}
			var got []string
			fixed := ""
			for i, f := range lint.Run(in, []*lint.Rule{rule}) {
				want := ""
				if i < len(r.want) {
					_, want, _ = strings.Cut(r.want[i], " ")
				}
				place := fmt.Sprintf("%s:%d:%d-%d:%d", f.Range.Filename, f.Range.Start.Line, f.Range.Start.Column, f.Range.End.Line, f.Range.End.Column)
				if want != "" && strings.Contains(f.Summary, want) {
					got = append(got, place+" "+want)
				} else {
					got = append(got, place+" "+f.Summary)
				}
				if f.Fix != nil {
					if !rule.Fixes {
						t.Errorf("%s has a fix, and does not say so", rule.Name)
					}
					fixed = apply(t, in, f)
				}
				if strings.TrimSpace(f.Summary) == "" || strings.HasSuffix(f.Summary, ".") || f.Subject == "" {
					t.Errorf("finding without summary or subject, or a summary with a full stop: %+v", f)
				}
			}
			if diff := cmp.Diff(r.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(r.fixed, fixed); diff != "" {
				t.Errorf("fixed (-want +got):\n%s", diff)
			}
		})
		if len(r.want) == 0 {
			clean++
		}
	}
	if clean == 0 {
		t.Errorf("%s: no row looks as if it should be found, and passes", rule.Name)
	}
}

// input makes the input of a txtar's files.
func input(files string) *lint.Input {
	ar := txtar.Parse([]byte(files))
	fsys := fstest.MapFS{}
	if len(bytes.TrimSpace(ar.Comment)) > 0 {
		fsys["main.tf"] = &fstest.MapFile{Data: ar.Comment}
	}
	for _, f := range ar.Files {
		// A symlink: -- b/main.tf -> ../main.tf --
		if name, target, ok := strings.Cut(f.Name, " -> "); ok {
			fsys[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
			continue
		}
		fsys[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	tree, diags := hclparse.Load(fsys)
	return &lint.Input{
		Graph: modules.NewGraph(tree, nil), Diags: diags,
		Today: time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC),
	}
}

func apply(t *testing.T, in *lint.Input, f lint.Finding) string {
	t.Helper()
	for _, m := range in.Graph.Tree.Modules {
		for _, file := range m.Files {
			if file.Path != f.Range.Filename {
				continue
			}
			out, err := hclparse.Apply(file.Bytes, f.Fix.Edits)
			if err != nil {
				t.Fatal(err)
			}
			return string(out)
		}
	}
	t.Fatalf("a fix in %s, which is no file", f.Range.Filename)
	return ""
}

func TestRules(t *testing.T) {
	last := ""
	for _, r := range All {
		if r.Name <= last {
			t.Errorf("%s is not in its place", r.Name)
		}
		last = r.Name
		if len(r.Summary) > 70 || strings.HasSuffix(r.Summary, ".") || r.Summary == "" {
			t.Errorf("%s: its summary is no line of at most 70 characters without a full stop: %d", r.Name, len(r.Summary))
		}
		if !strings.HasPrefix(r.Doc, "# "+r.Name+"\n") {
			t.Errorf("%s: its page does not begin with its name", r.Name)
		}
		for _, part := range []string{"\n## Found\n", "\n## Not found\n", "\n## What to do\n"} {
			if !strings.Contains(r.Doc, part) {
				t.Errorf("%s: its page has no %q", r.Name, strings.TrimSpace(part))
			}
		}
	}
}
