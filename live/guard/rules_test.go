package guard

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStricter(t *testing.T) {
	xmas := Window{Name: "xmas", Until: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)}
	night := Window{Name: "night", Start: 60, End: 120, Zone: time.UTC}
	for name, test := range map[string]struct{ base, head, want Rules }{
		"nothing":                 {},
		"union":                   {Rules{Protect: []string{"b", "a"}, Freeze: []Window{xmas}}, Rules{Protect: []string{"b", "c"}, Freeze: []Window{night, xmas}}, Rules{Protect: []string{"a", "b", "c"}, Freeze: []Window{night, xmas}}},
		"one limit":               {Rules{}, Rules{MaxDestroy: atMost(3)}, Rules{MaxDestroy: atMost(3)}},
		"the least":               {Rules{MaxDestroy: atMost(0)}, Rules{MaxDestroy: atMost(3)}, Rules{MaxDestroy: atMost(0)}},
		"branches":                {Rules{Branches: []string{"main", "release/*"}}, Rules{Branches: []string{"release/1.0", "main", "dev"}}, Rules{Branches: []string{"main", "release/1.0"}}},
		"branches, the other way": {Rules{Branches: []string{"release/1.0"}}, Rules{Branches: []string{"release/*"}}, Rules{Branches: []string{"release/1.0"}}},
		"any branch":              {Rules{}, Rules{Branches: []string{"main"}}, Rules{Branches: []string{"main"}}},
		"no branch":               {Rules{Branches: []string{"main"}}, Rules{Branches: []string{"dev"}}, Rules{Branches: []string{Nobody}}},
		"still no branch":         {Rules{Branches: []string{Nobody}}, Rules{Branches: []string{"*"}}, Rules{Branches: []string{Nobody}}},
		"globs apart":             {Rules{Branches: []string{"a/*"}}, Rules{Branches: []string{"*/b"}}, Rules{Branches: []string{Nobody}}},
		"overrides":               {Rules{Override: []Name{Freeze, Protect, Unapproved}}, Rules{Override: []Name{Unapproved, Freeze}}, Rules{Override: []Name{Freeze}}},
		"no override in base":     {Rules{}, Rules{Override: []Name{Freeze}}, Rules{}},
		"no override in head":     {Rules{Override: []Name{Freeze}}, Rules{}, Rules{}},
		"approvals":               {Rules{Approvals: 1, AuthorApproves: true}, Rules{Approvals: 2, AuthorApproves: true}, Rules{Approvals: 2, AuthorApproves: true}},
		"fewer approvals":         {Rules{Approvals: 2}, Rules{AuthorApproves: true}, Rules{Approvals: 2}},
		"approvers":               {Rules{Approvers: []string{"ada", "bob"}}, Rules{Approvers: []string{"bob", "eve"}}, Rules{Approvers: []string{"bob"}}},
		"approvers of one":        {Rules{Approvers: []string{"bob", "ada"}}, Rules{}, Rules{Approvers: []string{"ada", "bob"}}},
		"no approvers":            {Rules{Approvers: []string{"ada"}}, Rules{Approvers: []string{"eve"}}, Rules{Approvers: []string{Nobody}}},
		"still no approvers":      {Rules{Approvers: []string{Nobody}}, Rules{Approvers: []string{Nobody, "eve"}}, Rules{Approvers: []string{Nobody}}},
	} {
		if d := cmp.Diff(test.want, Stricter(test.base, test.head), cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	limit := 3
	r := Stricter(Rules{MaxDestroy: &limit}, Rules{})
	limit = 100
	if *r.MaxDestroy != 3 {
		t.Error("the limit is shared with what it was made of")
	}
}

// Whatever the two say, what both together allow, each allows.
func TestStricterAllowsNothingMore(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	some := func(all ...string) []string {
		var l []string
		for _, s := range all {
			if r.IntN(3) == 0 {
				l = append(l, s)
			}
		}
		return l
	}
	rules := func() Rules {
		var x Rules
		x.Branches = some("main", "release/*", "release/1", "*", "re*/1", "**", "{main,dev}", Nobody)
		x.Approvers = some("ada", "bob", "eve", Nobody)
		x.Protect = some("a", "b.c")
		if r.IntN(2) == 0 {
			x.MaxDestroy = atMost(r.IntN(3))
		}
		for _, n := range some("freeze", "protect", "unapproved") {
			x.Override = append(x.Override, Name(n))
		}
		x.Approvals, x.AuthorApproves = r.IntN(3), r.IntN(2) == 0
		return x
	}
	approver := func(x Rules, who string) bool { return len(x.Approvers) == 0 || slices.Contains(x.Approvers, who) }
	allowed := 0
	for range 5000 {
		a, b := rules(), rules()
		s := Stricter(a, b)
		for _, branch := range []string{"", "main", "dev", "release/1", "release/2", "x/y/z"} {
			ok := OnBranch(branch, s) == nil
			if ok && (OnBranch(branch, a) != nil || OnBranch(branch, b) != nil) {
				t.Fatalf("%q: %q and %q allow by %q", branch, a.Branches, b.Branches, s.Branches)
			}
			if ok {
				allowed++
			}
		}
		for _, who := range []string{"ada", "bob", "eve"} {
			if approver(s, who) && !(approver(a, who) && approver(b, who)) {
				t.Fatalf("%s: %q and %q allow by %q", who, a.Approvers, b.Approvers, s.Approvers)
			}
			if !approver(s, who) && approver(a, who) && approver(b, who) {
				t.Fatalf("%s: %q and %q refuse by %q", who, a.Approvers, b.Approvers, s.Approvers)
			}
		}
		for _, n := range Names() {
			if s.MayOverride(n) && !(a.MayOverride(n) && b.MayOverride(n)) {
				t.Fatal(n)
			}
		}
		if again := Stricter(s, a); !cmp.Equal(again, s) {
			t.Fatalf("not settled: %s", cmp.Diff(s, again))
		}
		if other := Stricter(b, a); !cmp.Equal(other, s) {
			t.Fatalf("the order counts: %s", cmp.Diff(s, other))
		}
	}
	if allowed < 1000 {
		t.Errorf("%d allowed: the test tests nothing", allowed)
	}
}

func TestOnBranch(t *testing.T) {
	for _, test := range []struct {
		branch   string
		branches []string
		want     string
	}{
		{"anything", nil, ""},
		{"", nil, ""},
		{"main", []string{"main"}, ""},
		{"release/1.0", []string{"main", "release/*"}, ""},
		{"release/1/0", []string{"release/*"}, "release/1/0 is not a branch that may be applied"},
		{"mainly", []string{"main"}, "mainly is not a branch that may be applied"},
		{"", []string{"*", "**", ""}, "no branch is checked out"},
		{"", []string{Nobody}, "no branch is checked out"},
		{"main", []string{Nobody}, "main is not a branch that may be applied"},
		{"main", []string{"[main"}, "main is not a branch that may be applied"},
	} {
		got := ""
		if r := OnBranch(test.branch, Rules{Branches: test.branches}); r != nil {
			got = r.Reason
			if r.Guard != Branch || r.Hint == "" || strings.Contains(r.Hint, "from ,") {
				t.Errorf("%+v", r)
			}
		}
		if got != test.want {
			t.Errorf("%q of %q: %q", test.branch, test.branches, got)
		}
	}
	for _, bad := range []string{"", "[a", "a\x1b"} {
		if CheckBranches([]string{"main", bad}) == nil {
			t.Errorf("%q is a glob", bad)
		}
	}
	if err := CheckBranches([]string{"main", "release/*", "**"}); err != nil {
		t.Error(err)
	}
}
