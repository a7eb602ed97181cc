package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
)

// TestPeers holds where we differ from other linters: see ../PEERS.md.
func TestPeers(t *testing.T) {
	for _, c := range []struct {
		source, version string
		want            []string // rules, sorted
	}{
		// Deliberate.
		{"git::https://h.example/vpc.git?ref=some-name", "", []string{"branch-ref"}},
		{"git::ssh://git@h.example/vpc.git?ref=some-name", "", []string{"branch-ref"}},
		{"git://h.example/vpc.git?ref=some-name", "", []string{"branch-ref", "insecure-transport"}},
		{"git@github.com:a/vpc.git?ref=some-name", "", []string{"branch-ref"}},
		{"github.com/a/vpc.git?ref=some-name", "", []string{"branch-ref"}},
		{"bitbucket.org/a/vpc?ref=some-name", "", []string{"branch-ref"}},
		{"hg::https://h.example/vpc?rev=some-name", "", []string{"branch-ref"}},
		{"${var.source}", "", []string{"computed-source"}},
		{"a/b/c", "~> 1", []string{"version-range"}},
		{"a/b/c", "1.0, 2.0, 3.0", []string{"version-range"}},
		{"a/b/c", "1.0", nil},
		{"a/b/c", "${var.version}", nil},
		{"github.com/a/vpc?ref=v1.0.0", "", nil},
		{"git@github.com:a/vpc.git?ref=v1.0.0", "", nil},
		{"git::https://h.example/vpc.git?ref=v5.0.0", "", nil},
		{"a/b/c//modules/x", "4.3.0", nil},

		// What other rules say.
		{"hashicorp/consul", "~> 1.0", []string{"invalid-source"}},
		{"a/b/c", "2.0.0-pre", []string{"prerelease"}},
		{"git://h.example/vpc.git?ref=v1.2.3", "", []string{"insecure-transport"}},
		{"github.com/a/vpc?ref=feed", "", []string{"branch-ref"}},
		{"https://h.example/vpc-module.zip", "", []string{"unpinned-source"}},

		// Their defects.
		{"github.com/a/vpc?ref=v1", "", []string{"moving-tag"}},
		{"github.com/a/vpc?ref=v1.2", "", []string{"moving-tag"}},
		{"github.com/a/vpc?ref=v2", "", []string{"moving-tag"}},
		{"github.com/a/vpc?ref=1234567", "", []string{"short-commit"}},
		{"github.com/a/vpc?ref=vpc/v1.2.3", "", nil},
		{"github.com/a/vpc?ref=" + sha, "", nil},
		{"github.com/a/vpc?ref=feedback", "", []string{"branch-ref"}},
		{"github.com/a/vpc?ref=decade-rewrite", "", []string{"branch-ref"}},
		{"github.com/a/vpc?ref=wip/rel-1.2-main", "", []string{"branch-ref"}},
		{"github.com/a/vpc?depth=1&ref=v1.2.3", "", nil},
		{"github.com/a/vpc?ref=v1.2.3&depth=1", "", nil},
		{"github.com/a/vpc?depth=1&ref=" + sha, "", []string{"shallow-commit"}},
		{"git@h.example:vpc.git?sshkey=LS0tLS1CRUdJTiBP&ref=main", "", []string{"branch-ref", "credentials-in-source"}},
		{"git@h.example:vpc.git?ref=v1.2.3&sshkey=LS0tLS1CRUdJTiBP", "", []string{"credentials-in-source"}},
		{"a/b/c", "~> 1.2", []string{"version-range"}},
	} {
		files := fmt.Sprintf("module \"m\" {\n  source  = \"%s\"\n", c.source)
		if c.version != "" {
			files += fmt.Sprintf("  version = \"%s\"\n", c.version)
		}
		var got []string
		for _, f := range lint.Run(input(files+"}\n"), All) {
			got = append(got, f.Rule)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %s: found by %s, want %s", c.source, c.version, strings.Join(got, " "), strings.Join(c.want, " "))
		}
	}
}
