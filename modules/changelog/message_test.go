package changelog

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The first are the examples of conventionalcommits.org, version 1.0.0.
func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		message string
		want    Entry
		ok      bool
		level   Level
	}{
		"description and footer": {
			"feat: allow provided config object to extend other configs\n\nBREAKING CHANGE: `extends` key in config file is now used for extending other config files\n",
			Entry{Type: "feat", Description: "allow provided config object to extend other configs", Breaking: true, BreakingText: "`extends` key in config file is now used for extending other config files"}, true, Major,
		},
		"mark":           {"feat!: send an email to the customer when a product is shipped", Entry{Type: "feat", Description: "send an email to the customer when a product is shipped", Breaking: true}, true, Major},
		"scope and mark": {"feat(api)!: send an email", Entry{Type: "feat", Scope: "api", Description: "send an email", Breaking: true}, true, Major},
		"mark and footer": {
			"chore!: drop support for Node 6\n\nBREAKING CHANGE: use JavaScript features not available in Node 6.",
			Entry{Type: "chore", Description: "drop support for Node 6", Breaking: true, BreakingText: "use JavaScript features not available in Node 6."}, true, Major,
		},
		"no body": {"docs: correct spelling of CHANGELOG", Entry{Type: "docs", Description: "correct spelling of CHANGELOG"}, true, None},
		"scope":   {"feat(lang): add Polish language", Entry{Type: "feat", Scope: "lang", Description: "add Polish language"}, true, Minor},
		"body and footers": {
			"fix: prevent racing of requests\n\nIntroduce a request id.\n\nReviewed-by: Z\nRefs: #123",
			Entry{Type: "fix", Description: "prevent racing of requests"}, true, Patch,
		},
		"revert with a type": {
			"revert: let us never again speak of the noodle incident\n\nRefs: 676104e, a215868",
			Entry{Type: "revert", Description: "let us never again speak of the noodle incident", Reverts: "676104e"}, true, Patch,
		},
		// What others write.
		"git revert":            {"Revert \"feat!: x\"\n\nThis reverts commit 0123456789abcdef0123456789abcdef01234567.\nBREAKING CHANGE: quoted", Entry{Type: "revert", Description: "feat!: x", Reverts: "0123456789abcdef0123456789abcdef01234567"}, true, Patch},
		"squashed":              {"fix: a thing (#123)\n\n* feat: b\n* fix!: c", Entry{Type: "fix", Description: "a thing (#123)"}, true, Patch},
		"case":                  {"Feature: x", Entry{Type: "feat", Description: "x"}, true, Minor},
		"dash in the footer":    {"fix: x\n\nBREAKING-CHANGE: y\nmore\nSigned-off-by: Z <z@example.com>", Entry{Type: "fix", Description: "x", Breaking: true, BreakingText: "y more"}, true, Major},
		"footer on a new line":  {"fix: x\n\nBREAKING CHANGE:\n\n  - y\n  - z", Entry{Type: "fix", Description: "x", Breaking: true, BreakingText: "- y - z"}, true, Major},
		"footer in small":       {"fix: x\n\nbreaking change: y", Entry{Type: "fix", Description: "x"}, true, Patch},
		"footer without a type": {"Rework\n\nBREAKING CHANGE: y", Entry{Description: "Rework", Breaking: true, BreakingText: "y"}, false, Major},
		"CRLF":                  {"feat: x\r\n\r\nBREAKING CHANGE: y\r\n", Entry{Type: "feat", Description: "x", Breaking: true, BreakingText: "y"}, true, Major},
		"no space":              {"feat:x", Entry{Description: "feat:x"}, false, None},
		"two words":             {"Some words: x", Entry{Description: "Some words: x"}, false, None},
		"address":               {"https://example.com/x: y", Entry{Description: "https://example.com/x: y"}, false, None},
		"empty":                 {"\n\n", Entry{}, false, None},
		"nothing behind":        {"feat: ", Entry{Description: "feat:"}, false, None},
		// Hostile.
		"control characters": {"feat: a\x1b[31mb\x00c\u202ed\x07\tx", Entry{Type: "feat", Description: "a[31mbcd x"}, true, Minor},
		"credentials":        {"fix: use https://user:s3cr3t@example.com/x.git?token=abc", Entry{Type: "fix", Description: "use https://REDACTED@example.com/x.git?token=REDACTED"}, true, Patch},
		"long":               {"fix: " + strings.Repeat("x", 1<<20), Entry{Type: "fix", Description: strings.Repeat("x", 199) + "…"}, true, Patch},
		"long type":          {strings.Repeat("x", 50) + ": y", Entry{Description: strings.Repeat("x", 50) + ": y"}, false, None},
		"no text":            {"fix: \xff\xfea", Entry{Type: "fix", Description: "a"}, true, Patch},
	} {
		got, ok := Parse(c.message)
		if d := cmp.Diff(c.want, got); d != "" || ok != c.ok {
			t.Errorf("%s: %v (-want +got):\n%s", name, ok, d)
		}
		if got.Level() != c.level {
			t.Errorf("%s: level %s, want %s", name, got.Level(), c.level)
		}
	}
}

func TestParseMerge(t *testing.T) {
	for message, want := range map[string]Entry{
		"Merge pull request #12 from a/b\n\nfeat(x): y":                                           {Type: "feat", Scope: "x", Description: "y (#12)"},
		"Merge pull request #12 from a/b\n\nfix: y (#12)\n":                                       {Type: "fix", Description: "y (#12)"},
		"Merge branch 'b' into 'main'\n\nfeat!: y\n\nCloses #3\n\nSee merge request group/p!45\n": {Type: "feat", Description: "y (!45)", Breaking: true},
		"Merge branch 'b'": {Description: "Merge branch 'b'"},
		"feat: by hand":    {Type: "feat", Description: "by hand"},
	} {
		got, ok := parseMerge(message)
		if d := cmp.Diff(want, got); d != "" || ok != (want.Type != "") {
			t.Errorf("%q: %v (-want +got):\n%s", message, ok, d)
		}
	}
}

func TestLog(t *testing.T) {
	id := func(b byte) (h [20]byte) { h[0] = b; return }
	entries := []Entry{
		{Type: "fix", Description: "z [x](javascript:y) <b>@ada `c` $d$ &amp; (#12) https://example.com/", Commit: id(1)},
		{Type: "feat", Scope: "api", Description: "a", Breaking: true, BreakingText: "callers pass b", Commit: id(2)},
		{Description: "-----BEGIN PGP SIGNATURE-----", Commit: id(3)},
		{Type: "feat", Description: "later in the order, and long enough that it does not fit on one line of these", Commit: id(4)},
		{Type: "docs", Description: "# heading", Commit: id(5)},
		{Type: "perf", Description: "p", Commit: id(6)},
		{Type: "revert", Description: "feat: q", Commit: id(7)},
	}
	l := New(entries)
	if l.Level() != Major || New(nil).Level() != None || New(entries[5:]).Level() != Patch {
		t.Errorf("levels: %s", l.Level())
	}
	const text = `Breaking changes

  - api: callers pass b

Features

  - later in the order, and long enough
    that it does not fit on one line of
    these
  - api: a

Fixes

  - z [x](javascript:y) <b>@ada ` + "`c`" + ` $d$
    &amp; (#12) https://example.com/

Performance

  - p

Reverts

  - feat: q

Other changes

  - # heading
  - -----BEGIN PGP SIGNATURE-----
`
	if d := cmp.Diff(text, l.Text(40)); d != "" {
		t.Errorf("text (-want +got):\n%s", d)
	}
	md := l.Markdown()
	for _, want := range []string{
		"### Breaking changes\n\n- api: callers pass b (02000000)\n\n### Features\n",
		"- z \\[x\\](javascript:y) &lt;b&gt;@\u200bada \\`c\\` \\$d\\$ &amp;amp; (#12) https:\u200b//example.com/ (01000000)\n",
	} {
		if !strings.Contains(md, want) {
			t.Errorf("no %q in\n%s", want, md)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"feat(x)!: y\n\nBREAKING CHANGE: z", "Revert \"x\"\n\nThis reverts commit 0123456", "Merge branch 'a'\n\nfix: b", "\xff\x00: "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, message string) {
		for _, parse := range []func(string) (Entry, bool){Parse, parseMerge} {
			e, _ := parse(message)
			l := New([]Entry{e})
			for _, out := range []string{l.Text(72), l.Markdown()} {
				if strings.ContainsAny(out, "\x00\x1b\r\u202e") || len(out) > 20_000 {
					t.Errorf("%q", out)
				}
			}
			if lines := strings.Split(strings.TrimSuffix(l.Text(72), "\n"), "\n"); !strings.HasPrefix(lines[2], "  -") {
				t.Errorf("%q", lines)
			}
		}
	})
}
