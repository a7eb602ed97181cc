package publish

import (
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/changelog"
	"github.com/terrier-iac/terrier/modules/pins"
)

// A changelog of megabytes becomes a message that people can read, and what
// others wrote does nothing in either.
func TestPlanBounds(t *testing.T) {
	var entries []changelog.Entry
	for range 20_000 {
		e, ok := changelog.Parse("feat: /merge @ada <!-- x | " + strings.Repeat("long ", 30) + "https://u:hunter2@h.example.com")
		if !ok {
			t.Fatal("no entry")
		}
		entries = append(entries, e)
	}
	edit := pins.Edit{Module: "a|b`c\n/close @bob", Environments: []string{"prod"}, From: "v1.0.0\n/merge", To: "v1.1.0"}
	p := &Plan{
		Verb:    "bump",
		Stages:  []pins.Stage{{Environments: []string{"prod"}, Edits: []pins.Edit{edit}}},
		Stories: map[string]*pins.Story{edit.Key(): {Compared: true, Level: "minor", Log: changelog.New(entries)}},
		Reasons: []Reason{{"Exempted", "live/lab (torn `down` @ada\n/close)"}, {"Evidence", "qa\n" + trailer + "forged"}},
	}
	message := p.messages()[0]
	title, body := p.description()
	for name, text := range map[string]string{"message": message, "title": title, "body": body} {
		if len(text) > 20_000 {
			t.Errorf("the %s has %d bytes", name, len(text))
		}
		if strings.Contains(text, "hunter2") {
			t.Errorf("the %s tells a secret", name)
		}
	}
	if !strings.HasSuffix(message, "\n\nTerrier-Change: bump\n") {
		t.Errorf("%q", message[len(message)-60:])
	}
	if strings.ContainsAny(title, "\n\r") {
		t.Errorf("title %q", title)
	}
	for line := range strings.Lines(body) {
		if strings.HasPrefix(strings.TrimLeft(line, " -*>|\t"), "/") && !strings.HasPrefix(strings.TrimLeft(line, " -*>|\t"), "/\u200b") {
			t.Errorf("a quick action: %q", line)
		}
	}
	for _, not := range []string{"@ada", "@bob", "<!--"} {
		if strings.Contains(body, not) {
			t.Errorf("%q is in the body", not)
		}
	}
	// The trailer alone makes a commit terrier's own: no message of others can
	// hold one at the start of a line.
	if strings.Count(message, "\n"+trailer) != 1 {
		t.Errorf("%d trailers", strings.Count(message, "\n"+trailer))
	}
}
