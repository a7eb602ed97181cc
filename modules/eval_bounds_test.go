package modules

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// Locals that double each other, and functions that multiply, are not known,
// and cost little.
func TestBoundedValues(t *testing.T) {
	double := "locals {\n  l0 = \"0123456789\"\n  m0 = [\"x\"]\n"
	for i := range 40 {
		double += fmt.Sprintf("  l%[1]d = \"${local.l%[2]d}${local.l%[2]d}\"\n  m%[1]d = [local.m%[2]d, local.m%[2]d]\n", i+1, i)
	}
	double += "}\n"
	for name, source := range map[string]string{
		"doubling":      `local.l40`,
		"lists":         `join("", local.m40)`,
		"a list":        `local.m40[0]`,
		"width":         `format("%999999999s", "x")`,
		"no int":        `format("%99999999999999999999s", "x")`,
		"precision":     `format("%.999999999f", 1)`,
		"replace":       `replace(local.l10, "", local.l10)`,
		"regexp":        `replace(local.l10, "/./", local.l10)`,
		"separator":     `join(local.l10, [` + strings.Repeat(`"",`, 10_000) + `])`,
		"many":          `"` + strings.Repeat("${local.l10}", 10_000) + `"`,
		"loops":         `[for a in local.m10 : [for b in local.m10 : [for c in local.m10 : "x"]]][0][0][0]`,
		"long template": `"${local.l10}` + strings.Repeat("${local.l10}", 500) + `"`,
	} {
		g := Load(fstest.MapFS{
			"a/terragrunt.hcl": {Data: []byte(double + "terraform {\n  source = " + source + "\n}\n")},
			"b/main.tf":        {Data: []byte(double + "locals {\n  p = " + source + "\n}\nresource \"a_b\" \"c\" {\n  d = file(\"${path.module}/../${local.p}\")\n}\n")},
		}, nil)
		for _, c := range g.Calls {
			if a := g.Address(c); a.Whole && len(a.Text) > mostAddress {
				t.Errorf("%s: %d bytes", name, len(a.Text))
			}
			if c.lead.whole && len(c.lead.text) > mostResult {
				t.Errorf("%s: the lead has %d bytes", name, len(c.lead.text))
			}
		}
		g.Hazards(g.Candidates(Choice{}))
	}
}

// The functions that are guarded do what they did.
func TestGuardedFunctions(t *testing.T) {
	for source, want := range map[string]string{
		`format("%s/%03d/%s", "a", 7, "b")`:                    "a/007/b",
		`join("/", ["a"], ["b", "c"])`:                         "a/b/c",
		`join("/", [])`:                                        "",
		`replace("a.b", ".", "/")`:                             "a/b",
		`replace("a1b", "/[0-9]/", "x")`:                       "", // a regular expression
		`format("git::https://h/x.git//y?ref=%s", local.none)`: "git::https://h/x.git//y?ref",
	} {
		g := Load(fstest.MapFS{"a/terragrunt.hcl": {Data: []byte("terraform {\n  source = " + source + "\n}\n")}}, nil)
		if got := g.Calls[0].lead.text; got != want {
			t.Errorf("%s: %q, not %q", source, got, want)
		}
	}
}
