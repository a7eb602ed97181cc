package cmd

import (
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/tools/txtar"

	"github.com/terrier-iac/terrier/cmd/report"
)

// FuzzConfig looks for a configuration that makes the decoder or the
// diagnostics panic, that drives the terminal, or that is accepted and then
// gives no address.
func FuzzConfig(f *testing.F) {
	src, err := os.ReadFile("testdata/config/product.hcl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(src))
	operate, err := os.ReadFile("testdata/config/operate.hcl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(operate))
	archive, err := txtar.ParseFile("testdata/config/bad.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range archive.Files {
		if strings.HasSuffix(file.Name, ".hcl") {
			f.Add(string(file.Data))
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		c, diags, file := parseConfig([]byte(src), "terrier.hcl")
		var out strings.Builder
		report.Diagnostics(&out, diags, map[string]*hcl.File{"terrier.hcl": file}, 80, false)
		if i := strings.IndexFunc(out.String(), func(r rune) bool { return unicode.IsControl(r) && r != '\n' }); i >= 0 {
			t.Fatalf("a control character is printed: %q", out.String())
		}
		if diags.HasErrors() {
			return
		}
		c.Environment("live/prod/vpc")
		c.Stack("live/prod/vpc")
		for _, e := range append([]*EnvironmentConfig{{}}, c.Environments...) {
			if b, err := c.BackendFor("live/prod/vpc", e.Name); err == nil && b != nil && (checkKey(b.Key) != nil || b.Bucket == "") {
				t.Fatalf("backend %+v", b)
			}
			for _, n := range c.Rules(e.Name).Override {
				if !n.Overridable() {
					t.Fatalf("%s can be overridden", n)
				}
			}
		}
		if g := (&Guarding{Base: c, Head: c}); len(c.Environments) < 20 {
			if g.compare(); len(g.Weakened) > 0 {
				t.Fatalf("it is weaker than itself: %v", g.Weakened)
			}
		}
		source, err := c.Modules.SourceFor("aws-vpc")
		if c.Modules.Configured() != (err == nil) {
			t.Fatalf("source %q: %v", source, err)
		}
		if err == nil {
			if err := checkSource(source); err != nil {
				t.Fatalf("source %q: %v", source, err)
			}
		}
		remote, err := c.Modules.RemoteFor("aws-vpc")
		if err != nil {
			t.Fatal(err)
		}
		if remote != "" && c.Modules.remote != nil && checkRemote(remote) != nil {
			t.Fatalf("remote %q: %v", remote, checkRemote(remote))
		}
		if strings.HasPrefix(remote, "-") {
			t.Fatalf("remote %q", remote)
		}
		tag, err := c.Modules.TagFor("aws-vpc", "2.3.4")
		if err != nil || !strings.Contains(tag, "2.3.4") {
			t.Fatalf("tag %q: %v", tag, err)
		}
	})
}
