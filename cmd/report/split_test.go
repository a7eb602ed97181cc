package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/split"
	"github.com/terrier-iac/terrier/split/proof"
)

// aSplit is a split with something of everything, its names long.
func aSplit() Split {
	long := strings.Repeat("long", 12)
	value := split.Finding{ID: "path-value", File: "modules/" + long + "/main.tf", Line: 22, Summary: "is used once, " + strings.Repeat("and may change, ", 6)}
	s := Split{Out: "out", Plan: &split.Plan{
		Commit: strings.Repeat("a", 40),
		Packages: []*split.Package{
			{Name: "vpc", Path: "modules/vpc", Root: "modules/vpc", Tag: "v1.0.0", Requires: []string{"naming", long}},
			{Name: long, Path: "modules/" + long, Root: ".", Tag: "v1.0.0", Copies: []split.Copy{{Path: "a"}, {Path: "b"}, {Path: "c"}, {Path: "d"}, {Path: "e"}}},
			{Name: "modules", Path: "a", Root: ".", Modules: []string{"a", "b"}, Tags: []split.ModuleTag{{Tag: "a/v1.0.0"}, {Tag: "b/v1.0.0"}}},
		},
		Blocked: []*split.Blocked{
			{Path: "modules/x", Reasons: []split.Finding{{ID: "unevaluated-path", File: "modules/x/main.tf", Line: 3, Summary: strings.Repeat("may lead anywhere, ", 6)}}},
			{Path: "live/qa", Reasons: []split.Finding{{ID: "stripped-path", File: "live/qa/main.tf", Line: 4, Summary: "depends on the path"}}},
		},
		Live: []*split.Live{
			{Name: "live", Repository: "live/live", Root: ".", Branch: "main"},
			{Name: "live-prod", Repository: "live/live-prod", Environments: []string{"prod"}, Root: "live/prod", Branch: "main", Copies: []split.Copy{{Path: "shared/x"}}},
		},
		Edits:    []split.Edit{{File: "live/a/main.tf", Live: "live-prod"}, {File: "x", Package: "vpc"}, {File: "README.md", Doc: true}},
		Unproved: []split.Finding{value},
		Tags:     []split.CarriedTag{{Name: "v1", As: "monorepo/v1"}},
		Mentions: []split.Finding{{File: "CODEOWNERS", Line: 1}},
	}, Result: &split.Result{}, Proof: &split.Proof{Level: "static", Files: 1234}}
	for range s.Plan.Packages {
		s.Result.Packages = append(s.Result.Packages, split.PackageResult{Tip: strings.Repeat("b", 40), Commits: 1, Followed: []string{"old/" + long}})
	}
	for range s.Plan.Live {
		s.Result.Live = append(s.Result.Live, split.LiveResult{Tip: strings.Repeat("c", 40)})
	}
	for i := range 6 {
		stack := fmt.Sprintf("live/%d", i)
		s.Plan.Stacks = append(s.Plan.Stacks, &split.Stack{Path: stack, Repository: "live/live-prod"})
		s.Proof.Stacks = append(s.Proof.Stacks, split.StackProof{Path: stack, Verdict: "unproved",
			Reasons: []string{fmt.Sprintf("%s: %s:%d: %s", value.ID, value.File, value.Line, value.Summary)}})
	}
	return s
}

func text(t *testing.T, s Split, st Style) (split, plan string) {
	t.Helper()
	var a, b strings.Builder
	if err := WriteSplit(&a, s, "text", st); err != nil {
		t.Fatal(err)
	}
	if err := WritePlan(&b, s.Plan, "text", st); err != nil {
		t.Fatal(err)
	}
	return a.String(), b.String()
}

func TestSplitText(t *testing.T) {
	got, plan := text(t, aSplit(), Style{Width: 80})
	for _, want := range []string{
		"Blocked  1 module stays in live, and its callers stay relative\n  modules/x\n",
		"Blocked  1 environment gets no repository of its own; its stacks stay in live\n  live/qa\n",
		"copies a, b, c, d and 1 more",
		"live/live-prod  cccccccc  6 stacks, 1 call pinned",
		"its root is the monorepo's live/prod",
		"unproved 6 stacks: live/0, live/1, live/2, live/3 and 2 more",
		"Mentions  of a path that moved in 1 other file (1 line), not rewritten\n  ×1  CODEOWNERS\n",
		"Carried over  1 tag of the monorepo: monorepo/v1\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("not in the report: %q\n%s", want, got)
		}
	}
	if n := strings.Count(got, "is used once"); n != 1 {
		t.Errorf("the same reason is told %d times\n%s", n, got)
	}
	if want := "Sources  3 would change: 1 in live, 1 in packages, 1 in documentation\n"; !strings.Contains(plan, want) {
		t.Errorf("not in the plan: %q\n%s", want, plan)
	}
}

// No line is wider than the terminal, but for a single word: a path that was
// broken could not be copied.
func TestSplitTextWidth(t *testing.T) {
	s := aSplit()
	s.Proof.Mismatches = []proof.Mismatch{
		{Kind: "live-branch", File: ".", Summary: strings.Repeat("is at another commit, ", 6)},
		{Kind: "repository-unreadable", File: strings.Repeat("dir/", 15) + "main.tf", Line: 1234, Summary: "no"},
	}
	for _, width := range []int{60, 80, 120} {
		got, plan := text(t, s, Style{Width: width})
		for _, line := range strings.Split(got+plan, "\n") {
			if len([]rune(line)) > width && len(strings.Fields(line)) > 2 && !strings.Contains(line, "v1.0.0") {
				t.Errorf("%d columns of %d: %s", len([]rune(line)), width, line)
			}
		}
	}
}

func TestNext(t *testing.T) {
	steps := []Step{{"git -C out show", "what moved"}, {"terrier push " + strings.Repeat("x", 60), "what would go where"}}
	var got strings.Builder
	Next(&got, steps, Style{Width: 80})
	if want := "\nNext\n  git -C out show\n  " + steps[1].Command + "\n"; got.String() != want {
		t.Errorf("got %q, want %q: a reason has no room, a command is whole", got.String(), want)
	}
	got.Reset()
	Next(&got, steps[:1], Style{Width: 80})
	if want := "\nNext\n  git -C out show  # what moved\n"; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}

// An error is folded where somebody reads it, and one line where a program
// does.
func TestErrorFolds(t *testing.T) {
	err := fmt.Errorf("%s\nhint: do this", strings.Repeat("no remote ", 12))
	var pipe, terminal strings.Builder
	Error(&pipe, err, Style{Width: 80})
	Error(&terminal, err, Style{Width: 80, Terminal: true})
	if n := strings.Count(strings.TrimSpace(pipe.String()), "\n"); n != 2 {
		t.Errorf("in a pipe: %q", pipe.String())
	}
	for _, line := range strings.Split(terminal.String(), "\n") {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}
