package promotion

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/versions"
)

const (
	vpc = "git::https://git.example.com/vpc.git"
	one = "1111111111111111111111111111111111111111"
	two = "2222222222222222222222222222222222222222"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// tree has files of directories: "v1.1.0" is a stack that calls vpc there,
// "../x" one that calls a module of the tree.
func tree(calls map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for dir, at := range calls {
		text := "terraform {\n  backend \"local\" {}\n}\n"
		if strings.HasPrefix(dir, "modules/") {
			text = ""
		}
		if at != "" {
			source := vpc + "?ref=" + at
			if strings.HasPrefix(at, "../") {
				source = at
			}
			text += fmt.Sprintf("module \"vpc\" {\n  source = %q\n}\n", source)
		}
		fsys[dir+"/main.tf"] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// first is the environment of a directory: its first part. What is in shared/ is
// in both qa and prod, as with a workspace for each.
func first(dir string) []string {
	switch part, _, _ := strings.Cut(dir, "/"); part {
	case "qa", "eu", "prod":
		return []string{part}
	case "shared":
		return []string{"qa", "prod"}
	}
	return nil
}

func load(fsys fs.FS) (*modules.Graph, hcl.Diagnostics) {
	t, diags := hclparse.LoadCalls(fsys)
	return modules.NewGraph(t, nil), diags
}

func cloneOf(fsys fs.FS, root string) *Clone {
	g, _ := load(fsys)
	all := []string{"qa", "eu", "prod"}
	return &Clone{
		Dir: root, Root: root, Graph: g, Environments: all, EnvironmentsOf: first, Load: load,
		AccountOf: func(string) string { return "main" },
		Set:       versions.New(versions.Input{Graph: g, Calls: lint.Calls(&lint.Input{Graph: g}), Environments: all, EnvironmentsOf: first}),
	}
}

// said is what a promotion of the one module comes to.
func said(ctx context.Context, q Question) (string, *Promotion) {
	p, err := Gather(ctx, q)
	if err != nil {
		return "error: " + err.Error(), nil
	}
	shared := p.Share(q.Here.Set)
	running, err := p.Running(ctx, shared.Modules)
	if err != nil {
		return "error: " + err.Error(), nil
	}
	if len(shared.Modules) != 1 {
		return fmt.Sprintf("%d modules; %v; %v", len(shared.Modules), shared.From, shared.To), p
	}
	return text(running[shared.Modules[0]]), p
}

func text(r pins.Running) string {
	switch {
	case r.Reason != "":
		return "held: " + r.Reason
	case r.Release == nil:
		return "neither a release nor a reason"
	}
	return strings.Join(append([]string{r.Release.Version.String()}, r.Notes...), "; ")
}

// write puts records into a file: "HOURS STACK ACTION RESULT REF [COMMIT
// [ACCOUNT [ENVIRONMENT]]]", hours from noon.
func write(t *testing.T, dir string, lines []string) {
	t.Helper()
	for i, line := range lines {
		var hours float64
		var stack, action, result, ref, commit string
		account, environment := "", "qa"
		if n, err := fmt.Sscan(line, &hours, &stack, &action, &result, &ref, &commit, &account, &environment); n < 5 {
			t.Fatal(line, err)
		}
		r := runs.Record{Run: fmt.Sprintf("r%d", i), Time: noon.Add(time.Duration(hours * float64(time.Hour))), Action: runs.Action(action), Stack: stack, Environment: environment, Account: account, Result: runs.Result(result)}
		if ref != "-" {
			r.Modules = []runs.Module{{Source: "git::ssh://git@git.example.com/vpc", Ref: ref, Commit: strings.Trim(commit, "-")}}
		}
		if err := runs.Append(dir, r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestApplied(t *testing.T) {
	usual := map[string]string{"qa/a": "v1.1.0", "qa/b": "v1.1.0", "qa/none": "", "prod/a": "v1.0.0", "tools/x": "v0.1.0"}
	both := []string{"-30 qa/a apply applied v1.1.0", "-26 qa/b apply applied v1.1.0"}
	with := func(more ...string) []string { return append(append([]string{}, both...), more...) }
	for name, test := range map[string]struct {
		calls   map[string]string
		records []string
		soak    time.Duration
		exempt  string
		want    string
		note    string
	}{
		"both":               {usual, both, 0, "", "1.1.0", ""},
		"one only":           {usual, both[:1], 0, "", "held: 1.1.0 is not applied in qa: qa/b was never applied, as far as the records go", ""},
		"neither":            {usual, []string{"-1 qa/none apply applied -"}, 0, "", "held: 1.1.0 is not applied in qa: qa/a was never applied, as far as the records go, and 1 more", ""},
		"of stacks gone":     {usual, []string{"-9 qa/gone apply applied v1.1.0"}, 0, "", "held: 1.1.0 is not applied in qa: qa/a was never applied, as far as the records go, and 1 more", ""},
		"one gone beside":    {usual, with("-1 qa/gone apply failed v9.9.9"), 0, "", "1.1.0", ""},
		"soaked":             {usual, both, 26 * time.Hour, "", "1.1.0", ""},
		"not soaked":         {usual, both, 27 * time.Hour, "", "held: it is in qa since 2026-11-22 10:00 UTC, 26 h; --soak wants 27 h", ""},
		"again":              {usual, with("-1 qa/a apply applied v1.1.0", "-1 qa/a apply applied v1.1.0"), 26 * time.Hour, "", "1.1.0", ""},
		"not in order":       {usual, []string{"-2 qa/a apply applied v1.1.0", "-50 qa/a apply applied v1.0.0", "-2 qa/b apply applied v1.1.0"}, 0, "", "1.1.0", ""},
		"the old came later": {usual, with("-20 qa/a apply applied v1.0.0"), 0, "", "held: 1.1.0 is not applied in qa: qa/a was applied with v1.0.0 (2026-11-22 16:00 UTC)", ""},
		"failed":             {usual, with("-1 qa/b apply failed v1.1.0"), 0, "", "held: 1.1.0 is not applied in qa: the apply of qa/b failed (2026-11-23 11:00 UTC)", ""},
		"changes":            {usual, with("-1 qa/b plan changes v1.1.0"), 0, "", "held: 1.1.0 is not applied in qa: qa/b has changes to apply (planned 2026-11-23 11:00 UTC)", ""},
		"changes, applied":   {usual, with("-2 qa/b plan changes v1.1.0", "-1 qa/b apply applied v1.1.0"), 0, "", "1.1.0", ""},
		"only planned":       {usual, append(both[:1:1], "-1 qa/b plan changes v1.1.0"), 0, "", "held: 1.1.0 is not applied in qa: qa/b was never applied, only planned (2026-11-23 11:00 UTC)", ""},
		"destroyed":          {usual, with("-1 qa/b destroy applied -"), 0, "", "held: 1.1.0 is not applied in qa: qa/b was destroyed (2026-11-23 11:00 UTC)", ""},
		"destroyed in part":  {usual, with("-1 qa/b destroy failed -"), 0, "", "held: 1.1.0 is not applied in qa: the destroy of qa/b failed (2026-11-23 11:00 UTC)", ""},
		"destroyed, planned": {usual, with("-2 qa/b destroy applied -", "-1 qa/b plan changes v1.1.0"), 0, "", "held: 1.1.0 is not applied in qa: qa/b has changes to apply (planned 2026-11-23 11:00 UTC)", ""},
		"applied as nothing": {usual, with("-1 qa/b apply applied -"), 0, "", "held: 1.1.0 is not applied in qa: qa/b was applied with none of it (2026-11-23 11:00 UTC)", ""},
		"to come":            {usual, with("9000 qa/b apply applied v1.1.0"), 0, "", "held: 1.1.0 is not applied in qa: the newest record of qa/b is of 2027-12-03 12:00 UTC, which is still to come", ""},
		"a little ahead":     {usual, with("0.1 qa/b apply applied v1.1.0"), 0, "", "1.1.0", ""},
		"a little ahead, 1h": {usual, append(both[:1:1], "0.1 qa/b apply applied v1.1.0"), time.Hour, "", "held: it is in qa since 2026-11-23 12:06 UTC, 0 min; --soak wants 1 h", ""},
		"own account":        {usual, []string{"-3 qa/a apply applied v1.1.0 - main", "-3 qa/b apply applied v1.1.0 - main"}, 0, "", "1.1.0", ""},
		"another account": {usual, append(both[:1:1], "-3 qa/b apply applied v1.1.0 - sandbox"), 0, "", "held: 1.1.0 is not applied in qa: qa/b was never applied, as far as the records go",
			".terrier/runs.jsonl: records of qa in the account sandbox do not count: it is in main"},
		"of prod":              {usual, with("-1 qa/b apply applied v1.0.0 - - prod", "-1 qa/b apply failed v1.1.0 - - prod"), 0, "", "1.1.0", ""},
		"exempt":               {usual, both[:1], 0, "qa/b", "1.1.0", ""},
		"exempt, a glob":       {usual, both[:1], 0, "*/b/", "1.1.0", ""},
		"exempt, of both":      {usual, both, 0, "*/a", "1.1.0", ""},
		"all exempt":           {usual, both, 0, "qa/**", "held: every stack of qa that calls it is exempt, so that nothing tells whether 1.1.0 works there", ""},
		"exempt elsewhere":     {usual, both, 0, "prod/*", "error: --exempt prod/*: qa has no such stack: it names those of prod\nhint: it has \"qa/a\", \"qa/b\", \"qa/none\"", ""},
		"exempt nothing":       {usual, both, 0, "lab/*", "error: --exempt lab/*: qa has no such stack\nhint: it has \"qa/a\", \"qa/b\", \"qa/none\"", ""},
		"several, one exempt":  {map[string]string{"qa/a": "v1.1.0", "qa/b": "v1.0.0", "prod/a": "v1.0.0"}, both[:1], 0, "qa/b", "1.1.0", ""},
		"through a module":     {map[string]string{"qa/a": "../../modules/net", "modules/net": "v1.1.0", "prod/a": "v1.0.0"}, both[:1], 0, "", "1.1.0", ""},
		"one module of both":   {map[string]string{"qa/a": "../../modules/net", "modules/net": "v1.1.0", "prod/a": "../../modules/net"}, both[:1], 0, "", "1.1.0", ""},
		"through one, missing": {map[string]string{"qa/a": "../../modules/net", "qa/b": "../../modules/net", "modules/net": "v1.1.0", "prod/a": "v1.0.0"}, both[:1], 0, "", "held: 1.1.0 is not applied in qa: qa/b was never applied, as far as the records go", ""},
		"one stack of both":    {map[string]string{"shared/a": "v1.1.0"}, []string{"-3 shared/a apply applied v1.1.0"}, 0, "", "1.1.0", ""},
		"of both, in prod":     {map[string]string{"shared/a": "v1.1.0"}, []string{"-3 shared/a apply applied v1.1.0 - main prod", "-9 shared/b plan changes v1.1.0"}, 0, "", "held: 1.1.0 is not applied in qa: shared/a was never applied, as far as the records go", ""},
		"no stacks in prod":    {map[string]string{"qa/a": "v1.1.0"}, both, 0, "", "error: prod has no stack in this clone\nhint: the globs of its block in terrier.hcl (stacks) say which are its own", ""},
		"no stacks in qa":      {map[string]string{"prod/a": "v1.0.0"}, both, 0, "", "error: qa has no stack in this clone\nhint: --from-dir DIR names the clone that it is in", ""},
		"not called in prod":   {map[string]string{"qa/a": "v1.1.0", "prod/a": ""}, both, 0, "", "0 modules; [vpc]; []", ""},
		"not called in qa":     {map[string]string{"qa/a": "", "prod/a": "v1.0.0"}, both, 0, "", "0 modules; []; [vpc]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, test.records)
			q := Question{From: "qa", To: "prod", Before: []string{"qa"}, Here: cloneOf(tree(test.calls), dir), Soak: test.soak, Now: func() time.Time { return noon }}
			if test.exempt != "" {
				q.Exempt = []Exemption{{test.exempt, "a reason"}}
			}
			got, p := said(t.Context(), q)
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if p == nil {
				return
			}
			if notes := strings.Join(p.Notes, "\n"); notes != test.note {
				t.Errorf("notes: %s", notes)
			}
			if len(p.Evidence) != 1 || p.Evidence[0] != (Evidence{Environment: "qa"}) {
				t.Errorf("evidence: %+v", p.Evidence)
			}
			for _, x := range p.Exempted {
				if !strings.HasPrefix(x.Stack, "qa/") || x.Reason != "a reason" {
					t.Errorf("exempted: %+v", x)
				}
			}
		})
	}
}

// What a tag means can change: where both commits are known, those count.
func TestIsAt(t *testing.T) {
	release := func(tag, commit string) pins.Running {
		v, ok := modules.ParseRelease(tag)
		if !ok {
			t.Fatal(tag)
		}
		return pins.Running{Release: &versions.Release{Version: v.Version, Prefix: v.Prefix, Tag: tag}, Commit: commit}
	}
	for name, test := range map[string]struct {
		recorded runs.Module
		running  pins.Running
		want     bool
	}{
		"the tag":                 {runs.Module{Ref: "v1.1.0"}, release("v1.1.0", ""), true},
		"in full":                 {runs.Module{Ref: "refs/tags/v1.1.0"}, release("v1.1.0", two), true},
		"another":                 {runs.Module{Ref: "v1.0.0"}, release("v1.1.0", two), false},
		"the commit":              {runs.Module{Ref: strings.ToUpper(two), Commit: strings.ToUpper(two)}, release("v1.1.0", two), true},
		"moved since":             {runs.Module{Ref: "v1.1.0", Commit: one}, release("v1.1.0", two), false},
		"two tags of one commit":  {runs.Module{Ref: "v1.1.1", Commit: two}, release("v1.1.0", two), true},
		"a branch at the commit":  {runs.Module{Ref: "main", Commit: two}, release("v1.1.0", two), true},
		"a branch":                {runs.Module{Ref: "main"}, release("v1.1.0", two), false},
		"nothing":                 {runs.Module{}, release("v1.1.0", two), false},
		"of another prefix":       {runs.Module{Ref: "dns/v1.1.0"}, release("vpc/v1.1.0", ""), false},
		"other build information": {runs.Module{Ref: "v1.1.0+a"}, release("v1.1.0+b", ""), false},
	} {
		if got := isAt(test.recorded, test.running); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestDamagedRecords(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, []string{"-3 qa/a apply applied v1.1.0"})
	name := filepath.Join(dir, runs.Name)
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(f, "\x00\x00\n{}\n[]\n7\nx\ny\n{\"format_ver")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	q := Question{From: "qa", To: "prod", Before: []string{"qa"}, Here: cloneOf(tree(map[string]string{"qa/a": "v1.1.0", "prod/a": "v1.0.0"}), dir), Now: func() time.Time { return noon }}
	got, p := said(t.Context(), q)
	if want := ".terrier/runs.jsonl: lines 2, 3, 4, 5, 6, 2 more hold no record, and do not count"; got != "1.1.0" || len(p.Notes) != 1 || p.Notes[0] != want {
		t.Errorf("%s, %v", got, p.Notes)
	}
}

// All that come right before have to have it.
func TestOthers(t *testing.T) {
	for name, test := range map[string]struct {
		eu   string
		want string
	}{
		"equal":   {"v1.1.0", "1.1.0"},
		"behind":  {"v1.0.0", "held: eu comes before prod as well, and has 1.0.0, not 1.1.0"},
		"nothing": {"", "1.1.0"},
		"branch":  {"main", "held: eu comes before prod as well: eu has it at main, which is no release (eu/a/main.tf:5)"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, []string{"-3 qa/a apply applied v1.1.0", "-3 eu/a apply applied " + map[bool]string{true: "-", false: test.eu}[test.eu == ""] + " - main eu"})
			q := Question{From: "qa", To: "prod", Before: []string{"eu", "qa"}, Here: cloneOf(tree(map[string]string{"qa/a": "v1.1.0", "eu/a": test.eu, "prod/a": "v1.0.0"}), dir), Now: func() time.Time { return noon }}
			if got, _ := said(t.Context(), q); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
