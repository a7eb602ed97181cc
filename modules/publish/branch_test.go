package publish

import (
	"os/exec"
	"strings"
	"testing"
)

// Names of branches are names for git, the same for the same words in any
// order, and others for others.
func TestBranchName(t *testing.T) {
	long := strings.Repeat("x", 250)
	seen := map[string]string{}
	for _, tc := range []struct {
		modules, environments []string
		want                  string // "" for any
	}{
		{nil, nil, "terrier/bump"},
		{[]string{"vpc"}, nil, "terrier/bump-vpc"},
		{[]string{"vpc"}, []string{"prod"}, "terrier/bump-vpc@prod"},
		{[]string{"vpc-prod"}, nil, "terrier/bump-vpc-prod"},
		{[]string{"vpc-peering"}, nil, "terrier/bump-vpc-peering"},
		{[]string{"vpc", "peering", "vpc"}, nil, "terrier/bump-peering+vpc"},
		{nil, []string{"qa", "prod"}, "terrier/bump@prod+qa"},
		{[]string{"a", "b", "c", "d"}, nil, ""},
		{[]string{"a", "b", "c", "e"}, nil, ""},
		{[]string{"a", "b", "c"}, []string{"d"}, "terrier/bump-a+b+c@d"},
		{[]string{"ünï"}, nil, ""},
		{[]string{"モジュール"}, nil, ""},
		{[]string{"モジュ"}, nil, ""},
		{[]string{"a..b"}, nil, ""},
		{[]string{"a.b"}, nil, "terrier/bump-a.b"},
		{[]string{"@{-1}"}, nil, ""},
		{[]string{"x.lock"}, nil, ""},
		{[]string{"x"}, nil, "terrier/bump-x"},
		{[]string{"modules/x"}, nil, ""},
		{[]string{"modules-x"}, nil, "terrier/bump-modules-x"},
		{[]string{"repository@prefix"}, nil, ""},
		{[]string{"--upload-pack=x", "-", "."}, nil, ""},
		{[]string{"https://u:hunter2@h/x"}, nil, ""},
		{[]string{long}, nil, ""},
		{[]string{long + "y"}, nil, ""},
		{nil, []string{"-"}, ""},
		{[]string{"a\x00b\n"}, nil, ""},
	} {
		got := BranchName("bump", tc.modules, tc.environments)
		if tc.want != "" && got != tc.want {
			t.Errorf("%q %q: %s, want %s", tc.modules, tc.environments, got, tc.want)
		}
		if out, err := exec.Command("git", "check-ref-format", "--branch", got).CombinedOutput(); err != nil {
			t.Errorf("%q: %s", got, out)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("%s tells a secret", got)
		}
		if len(got) > 150 {
			t.Errorf("%q has %d bytes", got, len(got))
		}
		words := strings.Join(tc.modules, " ") + "@" + strings.Join(tc.environments, " ")
		if other, ok := seen[got]; ok {
			t.Errorf("%s for both %q and %q", got, other, words)
		}
		seen[got] = words
	}
	a, b := BranchName("bump", []string{"b", "a"}, nil), BranchName("bump", []string{"a", "b"}, nil)
	if a != b {
		t.Errorf("%s and %s", a, b)
	}
}
