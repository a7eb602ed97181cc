package lint

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/terrier-iac/terrier/hclparse"
)

// IgnoreMark begins a comment that ignores a rule:
//
//	# terrier:ignore RULE[,RULE…] reason [until=2026-12-31]
//
// It holds for findings that begin in its own line, or in the next line where
// nothing but the comment stands in its own. On the last day it still holds.
const IgnoreMark = "terrier:ignore"

// The rules that Run itself reports.
const (
	UnusedIgnore  = "unused-ignore"  // hits nothing
	ExpiredIgnore = "expired-ignore" // past its date
	InvalidIgnore = "invalid-ignore" // no such rule, no reason, no date
)

type ignore struct {
	rules []string
	rng   hcl.Range // of the comment
	line  int       // the line that it holds for
	until time.Time // zero for ever
	hit   map[string]bool
}

// applyIgnores takes what the files ignore out of found, and returns what is
// wrong with the ignores.
func applyIgnores(in *Input, rules []*Rule, found *[]Finding) []Finding {
	var own []Finding
	report := func(rule string, at hcl.Range, subject, summary, detail string) {
		for _, r := range rules {
			if r.Name == rule {
				own = append(own, Finding{Rule: rule, Severity: r.Severity, Range: at, Subject: subject, Summary: summary, Detail: detail})
			}
		}
	}
	ignores := map[string][]*ignore{}
	seen := map[string]bool{}
	for _, dir := range in.Graph.Tree.Paths() {
		for _, f := range in.Graph.Tree.Modules[dir].Files {
			// A link's own bytes are those of another file.
			if f.Syntax == hclparse.JSON || f.Real != f.Path || seen[f.Path] || !bytes.Contains(f.Bytes, []byte(IgnoreMark)) {
				continue
			}
			seen[f.Path] = true
			ignores[f.Path] = readIgnores(f, rules, report)
		}
	}
	kept := (*found)[:0]
	for _, f := range *found {
		ignored := false
		for _, ig := range ignores[f.Range.Filename] {
			if ig.line != f.Range.Start.Line || !slices.Contains(ig.rules, f.Rule) {
				continue
			}
			ig.hit[f.Rule] = true
			if ig.until.IsZero() || !in.Today.After(ig.until.AddDate(0, 0, 1).Add(-1)) {
				ignored = true
			}
		}
		if !ignored {
			kept = append(kept, f)
		}
	}
	*found = kept
	for _, file := range sortedKeys(ignores) {
		for _, ig := range ignores[file] {
			for _, rule := range ig.rules {
				switch {
				case !ig.hit[rule]:
					if runs(rules, rule) {
						report(UnusedIgnore, ig.rng, rule, fmt.Sprintf("This ignore of %s hits nothing", rule),
							"Nothing of this rule is found in the line that it holds for: take it out, so that it does not hide the next one.")
					}
				case !ig.until.IsZero() && in.Today.After(ig.until.AddDate(0, 0, 1).Add(-1)):
					report(ExpiredIgnore, ig.rng, rule, fmt.Sprintf("This ignore of %s held until %s", rule, ig.until.Format(time.DateOnly)),
						"What it ignored is reported again. Mend it, or give the ignore a new date and a new reason.")
				}
			}
		}
	}
	return own
}

func runs(rules []*Rule, name string) bool {
	return slices.ContainsFunc(rules, func(r *Rule) bool { return r.Name == name && r.Check != nil })
}

var untilWord = regexp.MustCompile(`(?:^|\s)until=(\S+)`)

// readIgnores finds the ignores of a file, in its comments alone.
func readIgnores(f *hclparse.File, rules []*Rule, report func(rule string, at hcl.Range, subject, summary, detail string)) []*ignore {
	tokens, _ := hclsyntax.LexConfig(f.Bytes, f.Path, hcl.InitialPos)
	var out []*ignore
	lastLine := 0 // of the last token that is no comment
	for _, t := range tokens {
		if t.Type != hclsyntax.TokenComment {
			if t.Type != hclsyntax.TokenNewline {
				lastLine = t.Range.End.Line
			}
			continue
		}
		text := strings.TrimSpace(strings.TrimRight(strings.TrimLeft(string(t.Bytes), "#/* \t"), "*/ \t\r\n"))
		rest, ok := strings.CutPrefix(text, IgnoreMark)
		if !ok || rest != "" && !strings.ContainsAny(rest[:1], " \t:") {
			continue
		}
		at := t.Range
		if end := bytes.TrimRight(t.Bytes, "\r\n"); len(end) < len(t.Bytes) {
			// hcl counts the line's end to the comment.
			at.End = hcl.Pos{Line: at.Start.Line, Column: at.Start.Column + columns(end), Byte: at.Start.Byte + len(end)}
		}
		ig := &ignore{rng: at, line: t.Range.Start.Line, hit: map[string]bool{}}
		if lastLine != t.Range.Start.Line {
			ig.line = at.End.Line + 1
		}
		names, reason, _ := strings.Cut(strings.TrimLeft(rest, ": \t"), " ")
		for _, name := range strings.Split(names, ",") {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			if !slices.ContainsFunc(rules, func(r *Rule) bool { return r.Name == name }) {
				detail := "It ignores nothing. `terrier lint --rules` lists the rules."
				if near := Nearest(name, rules); near != "" {
					detail = fmt.Sprintf("It ignores nothing. Did you mean %s?", near)
				}
				report(InvalidIgnore, at, name, fmt.Sprintf("There is no rule %q to ignore", name), detail)
				continue
			}
			ig.rules = append(ig.rules, name)
		}
		if m := untilWord.FindStringSubmatchIndex(reason); m != nil {
			day, err := time.Parse(time.DateOnly, reason[m[2]:m[3]])
			if err != nil {
				report(InvalidIgnore, at, "until", fmt.Sprintf("%q is no date", reason[m[2]:m[3]]), "It ignores nothing. Write until=2026-12-31.")
				continue
			}
			ig.until = day
			reason = reason[:m[0]] + reason[m[1]:]
		}
		switch {
		case strings.Trim(names, ", ") == "":
			report(InvalidIgnore, at, "rule", "This ignore names no rule", "It ignores nothing. Write `# terrier:ignore RULE reason`.")
		case strings.Trim(reason, " \t-–—:") == "":
			report(InvalidIgnore, at, "reason", "This ignore gives no reason", "It ignores nothing. Say behind the rule's name why it is right here: whoever comes next has to judge it.")
		case len(ig.rules) > 0:
			out = append(out, ig)
		}
	}
	return out
}

// Nearest is the name of the rule that is most like name, "" where none is
// near.
func Nearest(name string, rules []*Rule) string {
	best, most := "", 0.7
	for _, r := range rules {
		if s := levenshtein.Similarity(strings.ToLower(name), r.Name, nil); s > most {
			best, most = r.Name, s
		}
	}
	return best
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
