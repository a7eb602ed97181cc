package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"

	"github.com/terrier-iac/terrier/modules/lint"
)

func severities(rule string) lint.Severity {
	for _, r := range lintRules {
		if r.Name == rule && rule != "version-range" {
			return r.Severity
		}
	}
	return lint.Off
}

func TestWriteRules(t *testing.T) {
	var pipe, terminal, colour bytes.Buffer
	for out, st := range map[*bytes.Buffer]Style{&pipe: {Width: 80}, &terminal: {Terminal: true, Width: 80}, &colour: {Terminal: true, Width: 80, Color: true}} {
		if err := WriteRules(out, lintRules, severities, st); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "rules.pipe", pipe.String())
	golden(t, "rules.terminal", terminal.String())
	if escapes.ReplaceAllString(colour.String(), "") != terminal.String() {
		t.Errorf("in colour: %q", colour.String())
	}
	for _, line := range strings.Split(terminal.String(), "\n") {
		if runewidth.StringWidth(line) > 80 {
			t.Errorf("too wide: %s", line)
		}
	}
}

func TestWriteRule(t *testing.T) {
	show := func(st Style) string {
		var out bytes.Buffer
		if err := WriteRule(&out, lintRules[0], lint.Warn, st); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	golden(t, "rule.pipe", show(Style{Width: 80}))
	golden(t, "rule.terminal", show(Style{Terminal: true, Width: 60}))
	golden(t, "rule.colour", show(Style{Terminal: true, Width: 60, Color: true}))
}

// On a terminal nothing of a table is lost, and links are their text.
func TestWriteRuleTable(t *testing.T) {
	rule := &lint.Rule{Name: "x", Doc: `# x

Or [another](another.md) rule.

| the ref | it is |
|---|---|
| ` + "`v1`, `latest`" + ` | a tag that moves, as [moving-tag](moving_tag.md) says of it |
| ` + "`a-very-long-word-indeed`" + ` | |

The end.
`}
	var out bytes.Buffer
	if err := WriteRule(&out, rule, lint.Warn, Style{Terminal: true, Width: 46}); err != nil {
		t.Fatal(err)
	}
	const want = `x
Severity: warn

Or another rule.

  the ref                  it is
  v1, latest               a tag that moves,
                           as moving-tag says
                           of it
  a-very-long-word-indeed

The end.
`
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
}
