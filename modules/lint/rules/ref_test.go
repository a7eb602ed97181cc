package rules

import (
	"slices"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
)

// callsOf are the calls of an input, as a rule gets them.
func callsOf(in *lint.Input) (calls []*lint.Call) {
	lint.Run(in, []*lint.Rule{{Name: "x", Check: func(p *lint.Pass) { calls = p.Calls }}})
	return calls
}

var refRules = []*lint.Rule{branchRef, movingTag, notSemver, prerelease, shortCommitRule, unsafeRef}

// refFindings are the rules that find something about a ref.
func refFindings(ref string, with func(*lint.Input)) string {
	in := input(call("git::https://h.example/vpc.git?depth=0&ref=" + ref))
	if with != nil {
		with(in)
	}
	var names []string
	for _, f := range lint.Run(in, refRules) {
		names = append(names, f.Rule)
	}
	return strings.Join(names, " ")
}

func lockedAs(ref string, kind lock.Kind) func(*lint.Input) {
	return func(in *lint.Input) {
		in.Lock = &lock.File{Entries: []*lock.Entry{{Address: vpcAddress, Ref: ref, Kind: kind, Commit: sha}}}
	}
}

func remoteHas(names ...string) func(*lint.Input) {
	return func(in *lint.Input) {
		refs := map[string]repo.Ref{}
		for _, n := range names {
			refs[n] = repo.Ref{}
		}
		in.Refs = map[string]map[string]repo.Ref{vpcAddress: refs}
	}
}

// TestRefs holds which rule tells of which ref: the table of branch_ref.md.
func TestRefs(t *testing.T) {
	for _, c := range []struct {
		ref                    string
		unknown, tag, branches string
	}{
		// What pins.
		{sha, "", "", ""},
		{strings.ToUpper(sha), "", "", ""},
		{sha + sha[:24], "", "", ""}, // SHA-256
		{"v1.2.3", "", "", "branch-ref"},
		{"1.2.3", "", "", "branch-ref"},
		{"V4.5.0", "", "", "branch-ref"},
		{"vpc/v1.2.3", "", "", "branch-ref"},
		{"vpc-v1.2.3", "", "", "branch-ref"},
		{"tags/1.2.3", "", "", "branch-ref"},
		{"v1.2.3+build.7", "unsafe-ref", "", ""}, // + is a blank in a query
		{"v1.2.3%2Bbuild.7", "", "", "branch-ref"},
		{"v1.2.3-rc1", "prerelease", "prerelease", "branch-ref"},
		{"vpc-v1.2.3-beta.2", "prerelease", "prerelease", "branch-ref"},
		{"v1.2.3-1", "prerelease", "prerelease", "branch-ref"},

		// Branches.
		{"HEAD", "branch-ref", "branch-ref", "branch-ref"},
		{"refs/heads/v1.2.3", "branch-ref", "branch-ref", "branch-ref"},
		{"refs/pull/1/head", "branch-ref", "branch-ref", "branch-ref"},
		{"origin/v1.2.3", "branch-ref", "", "branch-ref"},
		{"main", "branch-ref", "not-semver", "branch-ref"},
		{"pinned", "branch-ref", "not-semver", "branch-ref"},
		{"feedback", "branch-ref", "not-semver", "branch-ref"},
		{"decade-rewrite", "branch-ref", "not-semver", "branch-ref"},
		{"wip/rel-1.2-main", "branch-ref", "not-semver", "branch-ref"},
		{"rel-1.2.3-main", "branch-ref", "not-semver", "branch-ref"},
		{"feature/1.2.3", "branch-ref", "", "branch-ref"},
		{"issue-42", "branch-ref", "not-semver", "branch-ref"},
		{"JIRA-1234", "branch-ref", "not-semver", "branch-ref"},
		{"fix-1.2.3-bug", "branch-ref", "not-semver", "branch-ref"},
		{"dependabot/npm_and_yarn/x-1.2.3", "branch-ref", "", "branch-ref"},
		{"cafe", "branch-ref", "not-semver", "branch-ref"},
		{"beefed", "branch-ref", "not-semver", "branch-ref"},
		{"babe", "branch-ref", "not-semver", "branch-ref"},
		{"production", "branch-ref", "not-semver", "branch-ref"},
		{"add-s3-v2-support", "branch-ref", "not-semver", "branch-ref"},
		{"terraform-0.12-upgrade", "branch-ref", "not-semver", "branch-ref"},

		// Moving tags.
		{"v1", "moving-tag", "moving-tag", "branch-ref"},
		{"1", "moving-tag", "moving-tag", "branch-ref"},
		{"v2", "moving-tag", "moving-tag", "branch-ref"},
		{"v1.2", "moving-tag", "moving-tag", "branch-ref"},
		{"1.2", "moving-tag", "moving-tag", "branch-ref"},
		{"v1.x", "moving-tag", "moving-tag", "branch-ref"},
		{"1.2.x", "moving-tag", "moving-tag", "branch-ref"},
		{"vpc/v1", "moving-tag", "moving-tag", "branch-ref"},
		{"vpc-v1", "moving-tag", "moving-tag", "branch-ref"},
		{"vpc-1.2", "moving-tag", "moving-tag", "branch-ref"},
		{"release-1.2", "moving-tag", "moving-tag", "branch-ref"},
		{"latest", "moving-tag", "moving-tag", "branch-ref"},
		{"vpc-latest", "moving-tag", "moving-tag", "branch-ref"},
		{"stable", "moving-tag", "moving-tag", "branch-ref"},
		{"tags/v1", "moving-tag", "moving-tag", "branch-ref"},
		{"refs/tags/v1", "moving-tag", "moving-tag", "moving-tag"},
		{"refs/tags/latest", "moving-tag", "moving-tag", "moving-tag"},

		// Short commits.
		{"1234567", "short-commit", "not-semver", "branch-ref"},
		{"abcdef1", "short-commit", "not-semver", "branch-ref"},
		{"ABCDEF1", "short-commit", "not-semver", "branch-ref"},
		{"deadbeef", "short-commit", "not-semver", "branch-ref"},
		{sha[:39], "short-commit", "not-semver", "branch-ref"},
		{sha + "0", "short-commit", "not-semver", "branch-ref"},
		{"v1.2.3-4-gabcdef1", "short-commit", "prerelease", "branch-ref"},

		// Tags that are no semantic versions.
		{"refs/tags/1234567", "not-semver", "not-semver", "not-semver"},
		{"refs/tags/main", "not-semver", "not-semver", "not-semver"},
		{"20240101", "not-semver", "not-semver", "branch-ref"},
		{"v20240101", "not-semver", "not-semver", "branch-ref"},
		{"20240101123000", "not-semver", "not-semver", "branch-ref"},
		{"20241301", "short-commit", "not-semver", "branch-ref"}, // no month 13
		{"2024-01-15", "not-semver", "not-semver", "branch-ref"},
		{"2024.1", "not-semver", "not-semver", "branch-ref"},
		{"v2024.01", "not-semver", "not-semver", "branch-ref"},
		{"release-2024-01", "not-semver", "not-semver", "branch-ref"},
		{"release-42", "not-semver", "not-semver", "branch-ref"},
		{"release_123", "not-semver", "not-semver", "branch-ref"},
		{"v1.2.3.4", "not-semver", "not-semver", "branch-ref"},
		{"v01.2.3", "not-semver", "not-semver", "branch-ref"},
		{"v.1.2.3", "not-semver", "not-semver", "branch-ref"},
		{"1.2.3rc1", "not-semver", "not-semver", "branch-ref"},
		{"v1.2-rc1", "not-semver", "not-semver", "branch-ref"},
		{"1.2.3_4", "not-semver", "not-semver", "branch-ref"},
		{"vpc_1.2.3", "not-semver", "not-semver", "branch-ref"},
		{"vpc@1.2.3", "not-semver", "not-semver", "branch-ref"},
		{"v1.2.3.RELEASE", "not-semver", "not-semver", "branch-ref"},
		{"4711", "not-semver", "not-semver", "branch-ref"},

		// What no repository can have.
		{"--upload-pack=x", "unsafe-ref", "unsafe-ref", "unsafe-ref"},
		{"-v1.2.3", "unsafe-ref", "unsafe-ref", "unsafe-ref"},
		{"a..b", "unsafe-ref", "unsafe-ref", "unsafe-ref"},
		{"v1.0.0^{}", "unsafe-ref", "unsafe-ref", "unsafe-ref"},
		{"main@%7byesterday%7D", "unsafe-ref", "unsafe-ref", "unsafe-ref"},
		{"v1.2.3%20", "unsafe-ref", "unsafe-ref", "unsafe-ref"},
		{"v1.2.3%00", "unsafe-ref", "unsafe-ref", "unsafe-ref"},
		{"v1.2.3%E2%80%8B", "unsafe-ref", "unsafe-ref", "unsafe-ref"},
	} {
		if got := refFindings(c.ref, nil); got != c.unknown {
			t.Errorf("%s, not known: found by %q, want %q", c.ref, got, c.unknown)
		}
		if strings.Contains(c.ref, "%") || strings.Contains(c.ref, "+") {
			continue
		}
		name := strings.TrimPrefix(c.ref, "refs/tags/")
		for what, with := range map[string]func(*lint.Input){"lock": lockedAs(c.ref, lock.KindTag), "remote": remoteHas("refs/tags/"+name, "HEAD")} {
			if got := refFindings(c.ref, with); got != c.tag {
				t.Errorf("%s, a tag by the %s: found by %q, want %q", c.ref, what, got, c.tag)
			}
		}
		if got := refFindings(c.ref, remoteHas("refs/heads/"+name)); got != c.branches {
			t.Errorf("%s, a branch by the remote: found by %q, want %q", c.ref, got, c.branches)
		}
		if strings.HasPrefix(c.ref, "refs/") {
			continue
		}
		if got := refFindings(c.ref, lockedAs(c.ref, lock.KindBranch)); got != c.branches {
			t.Errorf("%s, a branch by the lock: found by %q, want %q", c.ref, got, c.branches)
		}
	}
}

// TestRefsOfRemoteAndLock: the remote is asked before the lock file, and where
// it has no such ref the lock file counts.
func TestRefsOfRemoteAndLock(t *testing.T) {
	both := func(a, b func(*lint.Input)) func(*lint.Input) {
		return func(in *lint.Input) { a(in); b(in) }
	}
	for _, c := range []struct {
		ref, want string
		with      func(*lint.Input)
	}{
		{"main", "branch-ref", both(lockedAs("main", lock.KindTag), remoteHas("refs/heads/main"))},
		{"main", "not-semver", both(lockedAs("main", lock.KindTag), remoteHas("refs/heads/other"))},
		{"main", "branch-ref", both(lockedAs("other", lock.KindTag), remoteHas())},
		{"v1.2.3", "", remoteHas("refs/heads/v1.2.3", "refs/tags/v1.2.3")},
		{"cafe", "short-commit", lockedAs("cafe", lock.KindCommit)},
		{"1.2", "short-commit", lockedAs("1.2", lock.KindCommit)},
	} {
		if got := refFindings(c.ref, c.with); got != c.want {
			t.Errorf("%s: found by %q, want %q", c.ref, got, c.want)
		}
	}
}

// FuzzRefOnce: whatever a ref is, at most one rule tells of it.
func FuzzRefOnce(f *testing.F) {
	for _, ref := range []string{"v1", "1234567", "2024.1", "main", "v1.2.3-rc1", "a..b", "refs/tags/x", "v1.2.3-4-gabcdef1", "0#\x100"} {
		f.Add(ref)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		if strings.ContainsAny(ref, "\"\\$%\n\r") {
			return
		}
		found := strings.Fields(refFindings(ref, nil))
		slices.Sort(found)
		if len(found) > 1 {
			t.Errorf("%q is found by %v", ref, found)
		}
	})
}
