package split

import (
	"slices"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/repo"
)

func TestInheritAttributes(t *testing.T) {
	for name, test := range map[string]struct {
		root  string
		files map[string]string // .gitattributes by path; "=" before the path: held
		paths []string
		want  string // "" for none
	}{
		"nothing above":      {"m/a", map[string]string{"=m/a/.gitattributes": "*.tf text\n"}, []string{"m/a/x.tf"}, ""},
		"of no consequence":  {"m/a", map[string]string{".gitattributes": "*.tf linguist-language=HCL\n"}, []string{"m/a/x.tf"}, ""},
		"of others":          {"m/a", map[string]string{".gitattributes": "/m/b/* eol=crlf\n*.sh eol=lf\n"}, []string{"m/a/x.tf"}, ""},
		"a base name":        {"m/a", map[string]string{".gitattributes": "# all\n*.tf eol=crlf\n"}, []string{"m/a/x.tf"}, "*.tf eol=crlf\n"},
		"a path":             {"m/a", map[string]string{".gitattributes": "m/a/x.* eol=lf\n"}, []string{"m/a/x.tf", "m/a/y.tf"}, "/x.* eol=lf\n"},
		"a wildcard above":   {"m/a", map[string]string{".gitattributes": "m/*/x.tf eol=lf\n"}, []string{"m/a/x.tf", "m/a/b/x.tf"}, "/x.tf eol=lf\n"},
		"two stars":          {"m/a", map[string]string{".gitattributes": "m/**/x.tf eol=lf\n"}, []string{"m/a/b/x.tf", "m/a/x.tf"}, "/**/x.tf eol=lf\n"},
		"a directory's all":  {"m/a", map[string]string{".gitattributes": "m/** -text\n"}, []string{"m/a/b/x.tf"}, "/** -text\n"},
		"in between":         {"m/a", map[string]string{".gitattributes": "* text=auto\n", "m/.gitattributes": "*.tf -text\n/b/y eol=lf\n"}, []string{"m/a/x.tf", "m/a/y"}, "* text=auto\n*.tf -text\n"},
		"own lines win":      {"m/a", map[string]string{".gitattributes": "*.tf eol=crlf\n", "=m/a/.gitattributes": "x.tf eol=lf\n"}, []string{"m/a/x.tf", "m/a/y.tf"}, "*.tf eol=crlf\nx.tf eol=lf\n"},
		"a macro":            {"m/a", map[string]string{".gitattributes": "[attr]raw -text ident\n*.tf raw\n"}, []string{"m/a/x.tf"}, "[attr]raw -text ident\n*.tf raw\n"},
		"quoted":             {"m/a", map[string]string{".gitattributes": "\"m/a/x y.tf\" eol=lf\n"}, []string{"m/a/x y.tf", "m/a/x.tf"}, "\"/x y.tf\" !text !crlf eol=lf !working-tree-encoding !ident !filter\n"},
		"odd names":          {"m/a", map[string]string{".gitattributes": "\"m/a/q\\\"?*\\\\n.tf\" eol=lf\n"}, []string{"m/a/q\"?*\\n.tf"}, ""},
		"one macro too many": {"m/a", map[string]string{".gitattributes": "*.tf eol=lf\n", "=m/a/.gitattributes": "[attr]raw -text\n*.tf raw\n"}, []string{"m/a/x.tf"}, "*"},
		"the root is held":   {".", map[string]string{"=.gitattributes": "* text\n"}, []string{"x.tf"}, ""},
		"the root is not":    {".", map[string]string{".gitattributes": "a/*.tf eol=crlf\n"}, []string{"a/x.tf"}, "/a/*.tf eol=crlf\n"},
	} {
		t.Run(name, func(t *testing.T) {
			m := attributesMove{root: test.root, files: map[string][]byte{}, held: map[string]bool{}, paths: test.paths, hasID: func(string) bool { return false }}
			for p, data := range test.files {
				if q, held := strings.CutPrefix(p, "="); held {
					p, m.held[q] = q, true
				}
				m.files[p] = []byte(data)
			}
			got, err := m.inherit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			switch name {
			case "odd names", "one macro too many": // that it says the same is checked below
			default:
				if string(got) != test.want {
					t.Errorf("got\n%swant\n%s", got, test.want)
				}
			}
			before, err := repo.Attributes(t.Context(), m.files, m.paths)
			if err != nil {
				t.Fatal(err)
			}
			own := m.files[".gitattributes"]
			if got != nil {
				own = got
			} else if !m.held[test.root+"/.gitattributes"] && test.root != "." {
				own = nil
			} else if test.root != "." {
				own = m.files[test.root+"/.gitattributes"]
			}
			differ, err := m.differ(t.Context(), before, own)
			if err != nil || len(differ) > 0 {
				t.Errorf("attributes of %v differ: %v", differ, err)
			}
			if slices.Contains([]string{"quoted", "a path"}, name) {
				if differ, _ := m.differ(t.Context(), before, nil); len(differ) != 1 {
					t.Errorf("without the file %d paths differ, want 1", len(differ))
				}
			}
		})
	}
}
