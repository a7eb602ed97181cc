package modules

import (
	"testing"

	"github.com/terrier-iac/terrier/hclparse"
)

func TestParseRelease(t *testing.T) {
	for ref, want := range map[string][2]string{
		"v1.2.3":             {"", "1.2.3"},
		"1.2.3":              {"", "1.2.3"},
		"V4.5.0":             {"", "4.5.0"},
		"v1.2.3-rc.1":        {"", "1.2.3-rc.1"},
		"tags/1.2.3":         {"tags/", "1.2.3"},
		"vpc/v1.2.3":         {"vpc/", "1.2.3"},
		"vpc-v1.2.3":         {"vpc-", "1.2.3"},
		"vpc-1.2.3":          {"vpc-", "1.2.3"},
		"aws/vpc-2-v1.2.3":   {"aws/vpc-2-", "1.2.3"},
		"vpc-1.2.3-beta.2":   {"vpc-", "1.2.3-beta.2"},
		"refs/tags/v1.2.3":   {"", "1.2.3"},
		"v1":                 {},
		"v1.2":               {},
		"main":               {},
		"1234567":            {},
		"wip/rel-1.2-main":   {},
		"feature/v1.2.3":     {},
		"":                   {},
		"--upload-pack=x":    {},
		"refs/heads/v1.2.3":  {},
		"vpc/v1.2.3/../main": {},
	} {
		r, ok := ParseRelease(ref)
		if ok != (want[1] != "") {
			t.Errorf("%q: release is %v", ref, ok)
			continue
		}
		if ok && (r.Prefix != want[0] || r.Version.String() != want[1]) {
			t.Errorf("%q: %q %s, want %q", ref, r.Prefix, r.Version, want)
		}
	}
}

func TestIdentity(t *testing.T) {
	groups := [][]string{
		{
			"git::ssh://git@gitlab.example.com/terraform/vpc.git?ref=v1.0.0", "git@gitlab.example.com:terraform/vpc.git?ref=v2.0.0",
			"git::https://gitlab.example.com/terraform/vpc", "git::https://user:secret@gitlab.example.com:443/terraform/vpc.git?depth=1&ref=v1.0.0",
			"git::ssh://git@gitlab.example.com:2222/terraform/vpc.git",
		},
		{"github.com/a/b", "git@github.com:a/b.git", "git::https://github.com/a/b.git?ref=v1"},
		{"github.com/a/b//x", "git::https://github.com/a/b.git//x?ref=v1"},
		{"terraform-aws-modules/vpc/aws"},
		{"terraform-aws-modules/vpc/aws//modules/endpoints"},
		{"git::file:///srv/git/vpc.git?ref=v1.0.0"},
	}
	seen := map[string]int{}
	for i, group := range groups {
		for _, raw := range group {
			s, err := hclparse.ParseSource(raw)
			if err != nil {
				t.Fatal(err)
			}
			id := Identity(s)
			if id == "" {
				t.Errorf("%s: no identity", raw)
			}
			if j, ok := seen[id]; ok && j != i {
				t.Errorf("%s: %q is that of group %d", raw, id, j)
			}
			seen[id] = i
		}
	}
	if len(seen) != len(groups) {
		t.Errorf("%d identities for %d groups: %v", len(seen), len(groups), seen)
	}
	for _, raw := range []string{"./x", "../x", "https://example.com/x.zip"} {
		if s, _ := hclparse.ParseSource(raw); Identity(s) != "" {
			t.Errorf("%s has identity %q", raw, Identity(s))
		}
	}
}
