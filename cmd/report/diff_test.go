package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/change"
)

// What a module says reaches neither the terminal nor the markup.
func TestDiffHostile(t *testing.T) {
	changes := []change.Change{
		{Kind: change.VariableType, Level: change.Major, Module: ".", Subject: "variable.x", File: "a|b`.tf", Line: 1, Old: "\x1b[2J|`x`\n## h", New: "<script>", Summary: "the | \x1b type_of *x* [l](u) <b>"},
		{Kind: change.DescriptionChanged, Level: change.Patch, Module: "modules/\x1bm", Subject: "variable.x", Line: 1, Summary: "s"},
	}
	breaks := []change.Break{{File: "x\x1b.tf", Line: 3, Summary: "a | b\nc"}}
	d := NewDiff("m\x1b", "v1", "v2|", changes, breaks)
	for _, format := range []string{"text", "markdown", "json"} {
		var out bytes.Buffer
		if err := WriteDiff(&out, d, format, Style{Width: 80}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "\x1b") {
			t.Errorf("%s: an escape in\n%s", format, &out)
		}
		if format != "markdown" {
			continue
		}
		if strings.Contains(out.String(), "<b>") || strings.Contains(out.String(), "\n## h") {
			t.Errorf("markup in\n%s", &out)
		}
		for _, line := range strings.Split(out.String(), "\n") {
			if cells := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"); strings.HasPrefix(line, "|") && cells != 3 && cells != 5 {
				t.Errorf("%d bars in %s", cells, line)
			}
		}
	}
	if err := WriteDiff(&bytes.Buffer{}, d, "yaml", Style{}); err == nil {
		t.Error("a format that there is not")
	}
}

// One line for what all submodules have, and no more patch changes than fit.
func TestDiffText(t *testing.T) {
	var changes []change.Change
	for i := range 30 {
		changes = append(changes, change.Change{Kind: change.ProviderVersion, Level: change.Major, Module: fmt.Sprintf("modules/%02d", i), Subject: "provider.aws", File: "x.tf", Line: 1, Summary: "the version changed"})
	}
	for i := range 30 {
		changes = append(changes, change.Change{Kind: change.LocalChanged, Level: change.Patch, Module: ".", Subject: "local.x", File: "x.tf", Line: i + 1, Summary: fmt.Sprintf("local.x%d changed", i)})
	}
	d := NewDiff("m", "v1", "v2", changes, nil)
	for _, c := range []struct {
		verbose bool
		lines   int
		want    string
	}{
		{false, 28, "  20 more changes (-v shows all)"},
		{true, 67, "  the version changed, in modules/00, modules/01 and 28 more submodules"},
	} {
		var out bytes.Buffer
		if err := WriteDiff(&out, d, "text", Style{Width: 80, Verbose: c.verbose}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(out.String(), "\n"); got != c.lines || !strings.Contains(out.String(), c.want+"\n") {
			t.Errorf("%d lines, want %d with %q:\n%s", got, c.lines, c.want, &out)
		}
	}
	var out bytes.Buffer
	if err := WriteDiff(&out, NewDiff("m", "v1", "v2", nil, nil), "json", Style{}); err != nil {
		t.Fatal(err)
	}
	if want := "{\n  \"format_version\": \"1.0\",\n  \"module\": \"m\",\n  \"old\": \"v1\",\n  \"new\": \"v2\",\n  \"level\": \"none\",\n  \"changes\": [],\n  \"callers\": []\n}\n"; out.String() != want {
		t.Error(&out)
	}
}
