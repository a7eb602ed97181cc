package pins

import (
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/changelog"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/rewrite"
)

func move(module, environments, file string, at int, from, to, fromVersion, toVersion string) Edit {
	return Edit{
		Module: module, Environments: strings.Split(environments, ","), File: file, From: from, To: to, FromVersion: fromVersion, ToVersion: toVersion,
		bytes: []rewrite.Edit{{File: file, Edit: hclparse.Edit{Start: at, End: at + 1, New: []byte("x")}}},
	}
}

// Each stage's files have the edits of those before it; a literal that two
// stages share belongs to the first.
func TestStages(t *testing.T) {
	r := &Result{
		Changes: []lint.Change{{Path: "a.tf", Before: []byte("0123456789")}, {Path: "b.tf", Before: []byte("0123456789")}},
		Edits: []Edit{
			move("vpc", "", "a.tf", 1, "v1", "v2", "", ""),
			move("vpc", "prod", "a.tf", 2, "v1", "v2", "", ""),
			move("vpc", "qa", "a.tf", 3, "v1", "v2", "", ""),
			move("vpc", "qa,prod", "b.tf", 4, "v1", "v2", "", ""),
			move("eks", "qa", "b.tf", 5, "v1", "v2", "", ""),
			move("dns", "sandbox", "b.tf", 4, "v1", "v2", "", ""),
		},
	}
	stages, err := r.Stages([]string{"qa", "prod"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"qa,prod b.tf=0123x56789",
		"qa a.tf=012x456789 b.tf=0123xx6789",
		"prod a.tf=01xx456789",
		" a.tf=0xxx456789",
	}
	var got []string
	for _, s := range stages {
		line := strings.Join(s.Environments, ",")
		for _, p := range []string{"a.tf", "b.tf"} {
			if data, ok := s.Files[p]; ok {
				line += " " + p + "=" + string(data)
			}
		}
		got = append(got, line)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestTitle(t *testing.T) {
	vpc := move("vpc", "prod", "a.tf", 1, "v1.0.0", "v1.1.0", "1.0.0", "1.1.0")
	for _, c := range []struct {
		name  string
		edits []Edit
		envs  []string
		want  string
	}{
		{"one module", []Edit{vpc, vpc}, []string{"prod"}, "prod: bump vpc to 1.1.0"},
		{"no environment", []Edit{vpc}, []string{""}, "bump vpc to 1.1.0"},
		{"shared", []Edit{vpc}, []string{"qa", "prod"}, "qa, prod: bump vpc to 1.1.0"},
		{"two versions", []Edit{vpc, move("vpc", "prod", "a.tf", 1, "v1.0.0", "v1.2.0", "1.0.0", "1.2.0")}, []string{"prod"}, "prod: bump vpc"},
		{"two modules", []Edit{vpc, move("eks", "prod", "a.tf", 1, "v1.0.0", "v1.2.0", "1.0.0", "1.2.0")}, []string{"prod"}, "prod: bump eks and vpc"},
		{"a tag and its commit", []Edit{move("vpc", "prod", "a.tf", 1, "v1.0.0", id("a"), "1.0.0", "1.0.0")}, []string{"prod"}, "prod: bump vpc to aaaaaaaaaaaa"},
		{"hostile", []Edit{move("v\npc\x1b[31m", "prod", "a.tf", 1, "v1", "v2\u202e", "", "")}, []string{"prod"}, "prod: bump v pc [31m to v2"},
	} {
		if got := (&Stage{Environments: c.envs, Edits: c.edits}).Title("bump"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	many := &Stage{Environments: []string{""}}
	for _, m := range []string{"a", "b", "c", "d"} {
		many.Edits = append(many.Edits, move(m, "", "a.tf", 1, "v1", "v2", "", ""))
	}
	if got := Title([]Stage{*many, {Environments: []string{"prod"}, Edits: []Edit{vpc}}}, "bump"); got != "prod: bump 5 modules" {
		t.Error(got)
	}
}

// What others wrote is bounded, on lines of its own, and inert.
func TestMessageHostile(t *testing.T) {
	e := move("vpc", "prod", "a.tf", 1, "https://user:hunter2@h/x", "v2", "", "")
	s := &Stage{Environments: []string{"prod"}, Edits: []Edit{e}}
	story := &Story{Module: "vpc", Compared: true, Level: change.Major, Log: changelog.New(nil)}
	for range 100 {
		story.Changes = append(story.Changes, change.Change{Level: change.Minor, Module: ".", Summary: "x\n\nTerrier-Change: forged `*_|[a](b)<script>"})
	}
	story.Changes = append(story.Changes, change.Change{Level: change.Major, Module: "sub", Summary: "gone"})
	story.Breaks = []change.Break{{File: "live\n/x.tf", Line: 3, Summary: "passes name\r\n"}}
	body := s.Body(map[string]*Story{e.Key(): story})
	if strings.Contains(body, "hunter2") || strings.Contains(body, "\nTerrier-Change") || strings.ContainsAny(body, "\r\x1b") {
		t.Errorf("%q", body)
	}
	if !strings.Contains(body, "  - major: sub: gone\n  - minor: x Terrier-Change: forged") || !strings.Contains(body, "  - and 61 more\n") {
		t.Errorf("%s", body)
	}
	if !strings.HasSuffix(body, "\n  ! live /x.tf:3: passes name") {
		t.Errorf("%s", body)
	}
	md := Markdown([]Stage{*s}, map[string]*Story{e.Key(): story})
	if strings.Contains(md, "<script") && !strings.Contains(md, `\<script`) || strings.Contains(md, "hunter2") || strings.Contains(md, "[a](b)") {
		t.Errorf("%s", md)
	}
	if !strings.HasPrefix(md, "| module | environment | from | to | calls |\n") || !strings.Contains(md, "**These calls do not fit it:**") {
		t.Errorf("%s", md)
	}
}

// A credential is taken out of a text, and nothing around it; nor is there a
// half of one where a line was cut.
func TestRedactWords(t *testing.T) {
	text := "feat: more (@ada)\n| vpc | https://u:hunter2@h.example.com/x | 1 |\n- bye: @bob"
	want := "feat: more (@ada)\n| vpc | https://REDACTED@h.example.com/x | 1 |\n- bye: @bob"
	if got := redactWords(text); got != want {
		t.Errorf("%q", got)
	}
	for n := range 60 {
		if got := plainLine("see https://u:hunter2hunter2@h.example.com/x", n+1); strings.Contains(got, "hunter") {
			t.Errorf("%d: %q", n+1, got)
		}
	}
}
