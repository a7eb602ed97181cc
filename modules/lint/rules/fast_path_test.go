package rules

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/fixtures"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
)

// What lint finds in a tree of which only the calls were read is what it finds
// in one that was read in full, fixes and fingerprints included.
func TestFastPath(t *testing.T) {
	for _, name := range fixtures.Names() {
		t.Run(name, func(t *testing.T) {
			fsys, err := fixtures.FS(name)
			if err != nil {
				t.Fatal(err)
			}
			comparePaths(t, fsys)
		})
	}
}

// TERRIER_CALLS_TREE names directories to compare as well, separated as in
// PATH: checkouts of real repositories.
func TestFastPathReal(t *testing.T) {
	for _, dir := range append(filepath.SplitList(os.Getenv("TERRIER_CALLS_TREE")), filepath.Join("..", "..", "..", "hclparse", "testdata")) {
		files, calls, found, silent := comparePaths(t, os.DirFS(dir))
		t.Logf("%s: %d files, %d calls, %d findings; %d parse errors where no call can be", dir, files, calls, found, silent)
	}
}

// comparePaths runs all rules over a tree that LoadCalls made and over one that
// Load made: once as they are with no configuration, and once with all that
// makes a rule speak.
func comparePaths(t *testing.T, fsys fs.FS) (files, calls, found, silent int) {
	t.Helper()
	for _, know := range []func(*lint.Input){func(*lint.Input) {}, knowing} {
		judge := func(tree *hclparse.Tree, diags hcl.Diagnostics) []lint.Finding {
			in := &lint.Input{Graph: modules.NewGraph(tree, nil), Diags: diags}
			know(in)
			return lint.Run(in, All)
		}
		full, diags := hclparse.Load(fsys)
		want := judge(full, diags)
		got := judge(hclparse.LoadCalls(fsys, lint.IgnoreMark))
		want, silent = withoutSilent(full, want, got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("findings (-full +calls):\n%s", diff)
		}
		found += len(got)
		files, calls = 0, 0
		for _, m := range full.Modules {
			files += len(m.Files)
			calls += len(m.Calls) + len(m.Terragrunt)
		}
	}
	return files, calls, found, silent
}

// withoutSilent drops the parse errors of files that have no call, which
// LoadCalls promises nothing about.
func withoutSilent(full *hclparse.Tree, want, got []lint.Finding) (kept []lint.Finding, silent int) {
	calls := map[string]bool{}
	for _, m := range full.Modules {
		for _, c := range m.Calls {
			calls[c.File.Path] = true
		}
	}
	told := map[string]bool{}
	for _, f := range got {
		if f.Rule == ParseError {
			told[f.Range.Filename] = true
		}
	}
	for _, f := range want {
		if f.Rule == ParseError && !told[f.Range.Filename] && !calls[f.Range.Filename] {
			silent++
			continue
		}
		kept = append(kept, f)
	}
	return kept, silent
}

// knowing gives an input remotes, releases, copies and settings.
func knowing(in *lint.Input) {
	in.Today = time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	in.Refs = map[string]map[string]repo.Ref{}
	in.Changed, in.Copies = map[string]bool{}, map[string]lint.Copy{}
	for _, c := range in.Graph.Calls {
		if s := c.Source(); s.Kind == hclparse.KindGit && lock.Address(s) != "" {
			in.Refs[lock.Address(s)] = map[string]repo.Ref{"HEAD": {}, "refs/tags/v1.0.0": {}, "refs/heads/v1.0.0": {}, "refs/heads/main": {}}
		}
	}
	for _, m := range in.Graph.Tree.Modules {
		for _, f := range m.Files {
			in.Changed[f.Path] = true
			in.Copies[f.Path] = lint.Copy{Owner: "modules/x.git", Digest: "sha256:0"}
		}
	}
	in.Pinned = func(dir string) (string, bool) { return "git::https://h.example/" + dir + ".git?ref=v1.0.0", true }
	in.Settings.Rules = map[string]lint.RuleSettings{
		"disallowed-host": {Hosts: []string{"h.example"}},
		"frozen-path":     {Paths: []string{"**/modules/**", "modules/**"}},
	}
	in.Environment = func(dir string) string { return dir }
	after := map[string][]string{}
	last := ""
	for _, d := range in.Graph.Sorted() {
		if last != "" {
			after[d.Path] = []string{last}
		}
		last = d.Path
	}
	in.After = after
}
