package cmd

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/terrier-iac/terrier/live/estate"
)

// Of many stacks that nothing is known of a reader is told a few and their
// number; the data has all.
func TestOrderNotes(t *testing.T) {
	var unresolved, unread []estate.Unresolved
	for i := range 5 {
		u := &estate.Unit{Stack: fmt.Sprintf("live/s%d", i)}
		for line := 1; line <= 5-i; line++ {
			unresolved = append(unresolved, estate.Unresolved{Unit: u, File: u.Stack + "/main.tf", Line: line, Why: "bucket: var.b has no value"})
		}
		unread = append(unread, estate.Unresolved{Unit: u, File: u.Stack + "/main.tf", Line: 9, Why: `module "m" cannot be read`})
	}
	want := []string{
		"live/s0/main.tf:1: what live/s0 comes after is not known for certain: bucket: var.b has no value (and 4 more places like it)",
		"live/s1/main.tf:1: what live/s1 comes after is not known for certain: bucket: var.b has no value (and 3 more places like it)",
		"live/s2/main.tf:1: what live/s2 comes after is not known for certain: bucket: var.b has no value (and 2 more places like it)",
		"nor is it of 2 more stacks; -v names all",
		`live/s0/main.tf:9: whether live/s0 reads a state there is not known: module "m" cannot be read`,
		"nor is it of 4 more module calls; -v names all",
	}
	if diff := cmp.Diff(want, orderNotes(unresolved, unread, false)); diff != "" {
		t.Error(diff)
	}
	all := orderNotes(unresolved, unread, true)
	if len(all) != len(unresolved)+len(unread) || strings.Contains(strings.Join(all, "\n"), "more") {
		t.Errorf("%d notes of %d: %q", len(all), len(unresolved)+len(unread), all)
	}
	if got := orderNotes(unresolved[len(unresolved)-1:], unread[:2], false); got[len(got)-1] != "nor is it of 1 more module call; -v names all" || strings.Contains(got[0], "like it") {
		t.Errorf("%q", got)
	}
	if got := orderNotes(nil, nil, false); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func TestSharedState(t *testing.T) {
	group := func(n int, prefix func(i int) string, workspace string) []*estate.Unit {
		var out []*estate.Unit
		for i := range n {
			u := &estate.Unit{Stack: fmt.Sprintf("live/s%d", i), Workspace: workspace}
			u.Backend = estate.Backend{Type: "s3", File: u.Stack + "/main.tf", Line: 2, Config: map[string]string{"workspace_key_prefix": prefix(i)}}
			out = append(out, u)
		}
		return out
	}
	one := func(int) string { return "" }
	each := func(i int) string { return fmt.Sprint("accounts/", i) }
	for _, c := range []struct {
		name       string
		group      []*estate.Unit
		last, hint string
	}{
		{"two", group(2, one, ""), "live/s1 (live/s1/main.tf:2)", "give each a key of its own"},
		{"six are named", group(6, one, ""), "live/s5 (live/s5/main.tf:2)", "give each a key of its own"},
		{"of more the number", group(120, one, ""), "115 more stacks", "give each a key of its own"},
		{"prefixes without a workspace", group(3, each, ""), "live/s2 (live/s2/main.tf:2)", "give the environment its `workspace`"},
		{"prefixes in a workspace", group(3, each, "prod"), "live/s2 (live/s2/main.tf:2)", "give each a key of its own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, hint, _ := strings.Cut(sharedState(c.group).Error(), "\nhint: ")
			lines := strings.Split(text, "\n  ")
			if got := lines[len(lines)-1]; got != c.last || !strings.Contains(hint, c.hint) {
				t.Errorf("%q, hint %q", lines, hint)
			}
		})
	}
}
