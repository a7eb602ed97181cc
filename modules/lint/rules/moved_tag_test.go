package rules

import (
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
)

func TestMovedTag(t *testing.T) {
	v1 := func() func(*lint.Input) {
		return locked(&lock.Entry{Ref: "v1.0.0", Kind: lock.KindTag, Commit: commitA})
	}
	table(t, movedTag, []row{
		{
			name:  "moved",
			files: named("vpc", "?ref=v1.0.0", ""),
			with:  with(v1(), remote("v1.0.0 "+commitB)),
			want:  []string{`main.tf:2:48-2:54 The tag "v1.0.0" has moved: the lock has commit aaaaaaaaaaaa, the remote has bbbbbbbbbbbb`},
		},
		{
			name:  "each call of it, in any spelling that is locked; terragrunt too",
			files: "-- a/main.tf --\n" + named("x", "//sub?depth=1&ref=v1.0.0", "") + "-- b/terragrunt.hcl --\nterraform {\n  source = \"git::https://h.example/vpc.git?ref=v1.0.0\"\n}\n-- c/main.tf.json --\n{\"module\": {\"x\": {\"source\": \"git::https://h.example/vpc.git?ref=v1.0.0\"}}}\n",
			with:  with(v1(), remote("v1.0.0 "+commitB)),
			want:  []string{`a/main.tf:2:61-2:67 has moved`, `b/terragrunt.hcl:2:48-2:54 has moved`, `c/main.tf.json:1:65-1:71 has moved`},
		},
		{
			name:  "tags/v1.0.0 is the tag",
			files: named("vpc", "?ref=tags/v1.0.0", ""),
			with:  with(locked(&lock.Entry{Ref: "tags/v1.0.0", Kind: lock.KindTag, Commit: commitA}), remote("v1.0.0 "+commitB)),
			want:  []string{`main.tf:2:48-2:59 The tag "v1.0.0" has moved`},
		},
		{
			name:  "where it was, the case of the digits aside",
			files: named("vpc", "?ref=v1.0.0", ""),
			with:  with(locked(&lock.Entry{Ref: "v1.0.0", Kind: lock.KindTag, Commit: strings.ToUpper(commitA)}), remote("v1.0.0 "+commitA)),
		},
		{
			name:  "a branch moves every day",
			files: named("vpc", "?ref=main", ""),
			with:  with(locked(&lock.Entry{Ref: "main", Kind: lock.KindBranch, Commit: commitA}), remote("refs/heads/main "+commitB)),
		},
		{
			name:  "a tag that is gone is unknown-ref's",
			files: named("vpc", "?ref=v1.0.0", ""),
			with:  with(v1(), remote("v1.1.0 "+commitB)),
		},
		{
			name:  "nobody asked the remote",
			files: named("vpc", "?ref=v1.0.0", ""),
			with:  v1(),
		},
	})
}

// TestMovedTagDetail holds that the detail has both commits in full, and since
// when the lock has the old one.
func TestMovedTagDetail(t *testing.T) {
	in := input(named("vpc", "?ref=v1.0.0", ""))
	with(locked(&lock.Entry{Ref: "v1.0.0", Kind: lock.KindTag, Commit: commitA}), remote("v1.0.0 "+commitB))(in)
	in.LockedSince = func(e *lock.Entry) string { return "since 2026-01-15 (commit 1234567890ab)" }
	found := lint.Run(in, []*lint.Rule{movedTag})
	if len(found) != 1 {
		t.Fatal(found)
	}
	for _, part := range []string{commitA, commitB, "since 2026-01-15 (commit 1234567890ab)"} {
		if !strings.Contains(found[0].Detail, part) {
			t.Errorf("no %q in %q", part, found[0].Detail)
		}
	}
	in.LockedSince = func(e *lock.Entry) string { return "" }
	if d := lint.Run(in, []*lint.Rule{movedTag})[0].Detail; strings.Contains(d, ", .") || strings.Contains(d, ",.") {
		t.Error(d)
	}
}
