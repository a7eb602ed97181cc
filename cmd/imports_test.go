package cmd

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// TestImportDirection holds the house's floors: a package imports only what
// stands below it.
func TestImportDirection(t *testing.T) {
	const module = "github.com/terrier-iac/terrier/"
	// For each package, what of ours it may import. A package that is not
	// here is an error: give it a floor first.
	allowed := map[string][]string{
		"cmd/terrier":        {"cmd"},
		"cmd":                {"cmd/report", "split", "split/proof", "live/terraform", "modules", "modules/lint", "modules/lint/rules", "modules/lock", "modules/change", "modules/versions", "modules/rewrite", "modules/pins", "modules/publish", "modules/repo", "modules/forge", "modules/registry", "hclparse", "modules/fetch", "modules/changelog", "modules/release", "live/runs", "live/promotion", "live/guard", "live/approval", "live/store", "live/estate", "live/share", "live/backend", "live", "live/account", "live/install", "live/static"},
		"cmd/report":         {"split", "split/proof", "modules", "modules/lint", "modules/lock", "modules/change", "modules/versions", "modules/pins", "modules/changelog", "modules/release", "modules/repo", "hclparse", "live", "live/estate", "live/guard", "live/promotion", "live/runs", "live/store", "live/backend"},
		"split":              {"split/history", "split/proof", "modules", "modules/repo", "hclparse"},
		"split/history":      {"modules/repo"},
		"split/proof":        {}, // the judge shares no code with what it judges
		"live":               {"live/account", "live/estate", "live/fingerprint", "live/guard", "live/install", "live/runs", "live/static", "live/store", "live/terraform"},
		"live/promotion":     {"live/runs", "modules", "modules/change", "modules/fetch", "modules/lint", "modules/lock", "modules/pins", "modules/repo", "modules/versions", "hclparse"},
		"live/estate":        {"live/static", "modules", "modules/fetch", "modules/lock", "modules/repo", "hclparse"},
		"live/fingerprint":   {},
		"live/guard":         {"live/fingerprint"},
		"live/install":       {"modules", "modules/lock", "modules/repo", "modules/fetch", "modules/registry", "hclparse", "live/terraform"},
		"live/backend":       {"hclparse"},
		"live/runs":          {},
		"live/static":        {"modules", "hclparse"},
		"live/store":         {},
		"live/share":         {"live/runs", "live/store"},
		"live/approval":      {"live/guard", "live/store", "modules/forge"},
		"live/terraform":     {},
		"live/account":       {"hclparse", "modules", "live/static"},
		"modules":            {"hclparse"},
		"modules/lint":       {"modules", "modules/lock", "modules/repo", "hclparse"},
		"modules/lint/rules": {"modules/lint", "modules", "modules/lock", "modules/repo", "hclparse"},
		"modules/lock":       {"modules", "modules/repo", "modules/registry", "hclparse"},
		"modules/change":     {"modules", "hclparse"},
		"modules/fetch":      {"modules", "modules/lock", "modules/repo", "modules/registry", "hclparse", "modules/change"},
		"modules/versions":   {"modules", "modules/lint", "modules/lock", "modules/repo", "modules/registry", "hclparse", "modules/fetch"},
		"modules/rewrite":    {"modules", "modules/lint", "hclparse"},
		"modules/pins":       {"modules", "modules/lint", "modules/rewrite", "modules/versions", "modules/change", "modules/changelog", "hclparse"},
		"modules/publish":    {"modules", "modules/lint", "modules/lock", "modules/pins", "modules/change", "modules/changelog", "modules/fetch", "modules/forge", "modules/repo", "hclparse"},
		"modules/changelog":  {"modules/repo"},
		"modules/release":    {"modules", "modules/change", "modules/changelog", "modules/fetch", "modules/lint", "modules/repo", "modules/rewrite", "hclparse"},
		"modules/repo":       {},
		"modules/forge":      {},
		"modules/registry":   {},
		"hclparse":           {},
		"fixtures":           {},
		"fixtures/githttp":   {},
		"fixtures/sts":       {},
	}
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports", "../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		seen++
		name := strings.TrimPrefix(p.ImportPath, module)
		may, ok := allowed[name]
		if !ok {
			t.Errorf("%s has no floor in this test", name)
			continue
		}
		for _, imp := range p.Imports {
			own, ours := strings.CutPrefix(imp, module)
			if !ours {
				if strings.Contains(imp, "/hcl/v2/hclparse") {
					t.Errorf("%s imports %s, which has the name of our own package", name, imp)
				}
				if imp == "os/exec" && name != "modules/repo" && name != "live/terraform" && !strings.HasPrefix(name, "fixtures") {
					t.Errorf("%s starts processes: only modules/repo (git) and live/terraform may", name)
				}
				continue
			}
			found := false
			for _, m := range may {
				found = found || m == own
			}
			if !found {
				t.Errorf("%s imports %s, which does not stand below it", name, own)
			}
		}
	}
	if seen < 8 {
		t.Fatalf("only %d packages listed", seen)
	}
}
