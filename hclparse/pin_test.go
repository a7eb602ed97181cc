package hclparse

import (
	"strings"
	"testing"
)

func TestPinOfRef(t *testing.T) {
	for want, refs := range map[Pin][]string{
		PinNone: {""},
		PinCommit: {
			strings.Repeat("0123456789", 4),
			strings.Repeat("0123456789ABCDEF", 4),
			strings.Repeat("a", 40),
		},
		PinTag: {
			"1.2.3", "v1.2.3", "V4.5.0", "0.0.0", "v10.20.30",
			"v1.2.3-rc.1", "v1.2.3-alpha", "1.0.0-0.3.7", "1.0.0-x-y-z.--", "v1.2.3+b", "v1.2.3-rc.1+build.5", "v1.0.0-20200101120000-abcdef",
			"tags/1.2.3", "refs/tags/v1.2.3", "refs/tags/vpc/v1.2.3", "tags/vpc/v1.2.3",
			"vpc/v1.2.3", "vpc/1.2.3", "a/b/v1.2.3", "a-b_c.d/v1.2.3-rc.1",
			"vpc-v1.2.3", "name-1.2.3", "vpc-v1.2.3-rc.1", "vpc-v1.2.3-RC1", "vpc-1.2.3-beta", "vpc-1.2.3-20240131", "vpc-1.2.3+b", "a/b-v1.2.3", "release-1.2.3", "ec2-1.2.3", "v1-v1.2.3",
			"größe/v1.2.3", "refs/tags/heads/v1.2.3",
		},
		PinBranch: {
			"v1", "v1.2", "1", "1.2", "latest", "main", "master", "HEAD", "develop",
			"1234567", "abc1234", strings.Repeat("a", 39), strings.Repeat("a", 41), strings.Repeat("g", 40),
			"feedback", "decade-rewrite", "wip/rel-1.2-main", "wip/rel-1.2.3-main", "wip/rel-1.2.3", "rel-1.2.3-main", "rel-1.2.3-rcfix", "release/1.2", "release-1.2", "feature/v1.2.3", "fix/1.2.3", "bugfix/1.2.3", "hotfix/1.2.3",
			"v1.2.3.4", "v1.2.3-", "v1.2.3+", "v01.2.3", "1.2.03", "v1.2.3-01", "vv1.2.3", "v 1.2.3", "v1.2.x", "2024-01-15", "release-2024.01.15",
			"vpc1.2.3", "vpcv1.2.3", "vpc_v1.2.3", "-v1.2.3", "/v1.2.3", "vpc//v1.2.3", "vpc/-1.2.3", "v1.2.3/", "v1.2.3/fix", "v1.2.3~1", "v1.2.3^{commit}", "x:v1.2.3", "--upload-pack=v1.2.3/v1.2.3",
			"heads/v1.2.3", "refs/heads/v1.2.3", "origin/v1.2.3", "refs/remotes/origin/v1.2.3", "refs/pull/1/v1.2.3", "refs/tags/latest", "refs/tags/v1", "tags/v1",
			"v1.2.3\n", "v1.2.3\nx", "x\n/v1.2.3",
		},
	} {
		for _, ref := range refs {
			s := Source{Kind: KindGit, Ref: ref}
			if got := s.Pin(""); got != want {
				t.Errorf("ref %q: %q, want %q", ref, got, want)
			}
			if got := s.Pin("1.2.3"); got != want {
				t.Errorf("ref %q: a version argument makes it %q", ref, got)
			}
		}
	}
}

func TestPinOfVersion(t *testing.T) {
	for want, versions := range map[Pin][]string{
		PinNone:  {""},
		PinExact: {"1.2.3", "= 1.2.3", "=1.2.3", " 1.2.3 ", "v1.2.3", "1.2.3-rc.1", "= 1.2.3, < 2.0.0", ">= 1.0, 1.2.3", "1.2", ">= 1.0, <= 1.0.0"},
		PinRange: {
			"~> 1.2", "~> 1.2.3", ">= 1.2.3", "> 1", "< 2", "<= 2.0.0", "!= 1.2.3", ">= 1.0, < 2.0", ">= 1.0, <= 1.1", ">= 1.2.3, != 1.2.4",
			"= 1.2.3, = 1.2.4", "1.2.3, > 2", // no version meets these
			" ", "latest", "1.x", "^1.2.3", "== 1.2.3", "1.2.3 || 1.2.4", ",", "=",
		},
	} {
		for _, version := range versions {
			s := Source{Kind: KindRegistry}
			if got := s.Pin(version); got != want {
				t.Errorf("version %q: %q, want %q", version, got, want)
			}
		}
	}
}

func TestPinAbsent(t *testing.T) {
	for _, s := range []Source{{}, {Kind: KindLocal, Ref: "v1.2.3"}, {Kind: KindOther, Ref: "v1.2.3"}} {
		if got := s.Pin("1.2.3"); got != PinAbsent {
			t.Errorf("%+v: %q", s, got)
		}
	}
}

// Pin reads the ref that go-getter reads.
func TestPinOfSource(t *testing.T) {
	for raw, want := range map[string]Pin{
		"git::https://h/p.git?depth=1&ref=" + strings.Repeat("c0ffee11", 5): PinCommit,
		"git::https://h/p.git?ref=v1.2.3&depth=1":                           PinTag,
		"git::https://h/p.git?ref=v1.2.3%2Bb":                               PinTag,
		"git::ssh://git@h/p.git?sshkey=x&ref=v1.2.3":                        PinTag,
		"github.com/x/y//s?ref=vpc/v1.2.3":                                  PinTag,
		"github.com/x/y?ref=v2":                                             PinBranch,
		"github.com/x/y?ref=":                                               PinNone,
		"github.com/x/y":                                                    PinNone,
		"https://h/p.zip?ref=v1.2.3":                                        PinAbsent,
		"./x?ref=v1.2.3":                                                    PinAbsent,
	} {
		s, err := ParseSource(raw)
		if err != nil || s.Pin("") != want {
			t.Errorf("%s: %q, %v; want %q", raw, s.Pin(""), err, want)
		}
	}
}
