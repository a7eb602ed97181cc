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
// It holds for findings that begin in its own line. Where nothing but comments
// stands there, it holds for the next line too that holds something else, if no
// empty line is between. Where that line begins a block (`module "vpc" {`) it
// holds for the whole block, as in tfsec, trivy and golangci-lint: the finding
// is at the source, and who puts the comment there means the call. On the last
// day it still holds.
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
	line  int       // the line that it holds for, and the block that begins there
	until time.Time // zero for ever
	hit   map[string]bool
	hides map[string]bool // hit, and not turned off or excluded
}

func (ig *ignore) expired(today time.Time) bool {
	return !ig.until.IsZero() && !today.Before(ig.until.AddDate(0, 0, 1))
}

// ignores are those of one file.
type ignores struct {
	all    []*ignore
	byLine map[int][]*ignore
	blocks []block // at the top level, in order
}

type block struct{ first, last int } // lines

// holding calls each with the ignores that hold for a finding in a line.
func (is *ignores) holding(line int, each func(*ignore)) {
	for _, ig := range is.byLine[line] {
		each(ig)
	}
	i, _ := slices.BinarySearchFunc(is.blocks, line, func(b block, line int) int { return b.last - line })
	if i < len(is.blocks) && is.blocks[i].first < line {
		for _, ig := range is.byLine[is.blocks[i].first] {
			each(ig)
		}
	}
}

// applyIgnores takes what the files ignore out of found, and returns what is
// left and what is wrong with the ignores.
func applyIgnores(in *Input, rules []*Rule, found []Finding) (kept, own []Finding) {
	byName := map[string]*Rule{}
	for _, r := range rules {
		byName[r.Name] = r
	}
	report := func(rule string, at hcl.Range, subject, summary, detail string) {
		if r := byName[rule]; r != nil {
			own = append(own, Finding{Rule: rule, Severity: r.Severity, Range: at, Subject: subject, Summary: summary, Detail: detail})
		}
	}
	links := in.links()
	files := in.ignoringFiles()
	byFile := map[string]*ignores{}
	for _, place := range sortedKeys(files) {
		byFile[place] = readIgnores(files[place], byName, report)
	}
	for _, f := range found {
		ignored := false
		if is := byFile[placeOf(links, f)]; is != nil {
			is.holding(f.Range.Start.Line, func(ig *ignore) {
				if !slices.Contains(ig.rules, f.Rule) {
					return
				}
				ig.hit[f.Rule] = true
				if f.Severity != Off {
					ig.hides[f.Rule] = true
				}
				ignored = ignored || !ig.expired(in.Today)
			})
		}
		if !ignored {
			kept = append(kept, f)
		}
	}
	readies := map[string]bool{}
	ready := func(name string) bool {
		is, asked := readies[name]
		if r := byName[name]; !asked {
			is = r.Check != nil && (r.Needs == NeedNothing && r.Ready == nil || r.Ready != nil && r.Ready(in))
			readies[name] = is
		}
		return is
	}
	for _, place := range sortedKeys(byFile) {
		for _, ig := range byFile[place].all {
			for _, rule := range ig.rules {
				switch {
				case !ig.hit[rule]:
					// A rule that had nothing to judge by may hit tomorrow.
					if ready(rule) {
						report(UnusedIgnore, ig.rng, rule, fmt.Sprintf("This ignore of %s hits nothing", rule),
							"Nothing of this rule is found where it holds: take it out, so that it does not hide the next one.")
					}
				case ig.hides[rule] && ig.expired(in.Today):
					report(ExpiredIgnore, ig.rng, rule, fmt.Sprintf("This ignore of %s held until %s", rule, ig.until.Format(time.DateOnly)),
						"What it ignored is reported again. Mend it, or give the ignore a new date and a new reason.")
				}
			}
		}
	}
	return kept, own
}

// ignoringFiles are the files that hold an ignore, by where their bytes are:
// of several symlinks to a file the file itself, or the first. JSON has no
// comments.
func (in *Input) ignoringFiles() map[string]*hclparse.File {
	out := map[string]*hclparse.File{}
	seen := map[*hclparse.File]bool{} // one file may have all the calls
	take := func(f *hclparse.File) {
		if f.Syntax == hclparse.JSON || seen[f] {
			return
		}
		seen[f] = true
		if have := out[f.Real]; have != nil && (have.Path == f.Real || f.Path != f.Real && have.Path <= f.Path) {
			return
		}
		if bytes.Contains(f.Bytes, []byte(IgnoreMark)) {
			out[f.Real] = f
		}
	}
	for _, m := range in.Graph.Tree.Modules {
		for _, f := range m.Files {
			take(f)
		}
	}
	for _, c := range in.Graph.Calls {
		take(c.File()) // one that terragrunt includes is in no module
	}
	return out
}

var (
	ignoreRules = regexp.MustCompile(`^[\s:]*((?:[^\s,]*[ \t]*,[ \t]*)*[^\s,]*)`)
	// secondComment is an ignore that is written behind a comment of the same
	// line, such as the version of a commit: # v1.2.3 # terrier:ignore RULE why
	secondComment = regexp.MustCompile(`^[#/][^\n]*?[ \t]((?:#+|//+)[ \t]*` + IgnoreMark + `)`)
	untilWord     = regexp.MustCompile(`(?:^|\s)until=(\S*)`)
)

// readIgnores finds the ignores of a file, in its comments alone.
func readIgnores(f *hclparse.File, rules map[string]*Rule, report func(rule string, at hcl.Range, subject, summary, detail string)) *ignores {
	src, pos := f.Bytes, hcl.InitialPos
	if rest, ok := bytes.CutPrefix(src, []byte("\ufeff")); ok {
		src, pos.Byte = rest, len(src)-len(rest)
	}
	tokens, _ := hclsyntax.LexConfig(src, f.Path, pos)
	out := &ignores{byLine: map[int][]*ignore{}, blocks: topBlocks(tokens)}
	lines := commentLines(tokens)
	for i, t := range tokens {
		if t.Type != hclsyntax.TokenComment {
			continue
		}
		at, comment := commentRange(t), t.Bytes
		if m := secondComment.FindSubmatchIndex(comment); m != nil && lines[i] == t.Range.Start.Line {
			at.Start.Column += columns(comment[:m[2]])
			at.Start.Byte += m[2]
			comment = comment[m[2]:]
		}
		text := strings.TrimSpace(strings.TrimRight(strings.TrimLeft(string(comment), "#/* \t"), "*/ \t\r\n"))
		rest, ok := strings.CutPrefix(text, IgnoreMark)
		if !ok || rest != "" && !strings.ContainsAny(rest[:1], " \t\r\n:") {
			continue
		}
		if ig := readIgnore(rest, at, rules, report); ig != nil {
			ig.line = lines[i]
			out.all = append(out.all, ig)
			out.byLine[ig.line] = append(out.byLine[ig.line], ig)
			if own := ig.rng.Start.Line; own != ig.line {
				// What is found in a comment's line is about the whole file.
				out.byLine[own] = append(out.byLine[own], ig)
			}
		}
	}
	return out
}

// readIgnore reads what stands behind the mark; nil for what ignores nothing.
func readIgnore(text string, at hcl.Range, rules map[string]*Rule, report func(rule string, at hcl.Range, subject, summary, detail string)) *ignore {
	ig := &ignore{rng: at, hit: map[string]bool{}, hides: map[string]bool{}}
	m := ignoreRules.FindStringSubmatchIndex(text)
	names, reason := text[m[2]:m[3]], text[m[3]:]
	named := 0
	for _, name := range strings.Split(names, ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			continue
		case rules[name] == nil:
			report(InvalidIgnore, at, name, fmt.Sprintf("There is no rule %q to ignore", shortened(name)), noSuchRule(name, rules))
		case !slices.Contains(ig.rules, name):
			ig.rules = append(ig.rules, name)
		}
		named++
	}
	if named == 0 {
		report(InvalidIgnore, at, "rule", "This ignore names no rule", "It ignores nothing. Write `# terrier:ignore RULE reason`.")
		return nil
	}
	if m := untilWord.FindStringSubmatchIndex(reason); m != nil {
		day, err := time.Parse(time.DateOnly, reason[m[2]:m[3]])
		if err != nil {
			report(InvalidIgnore, at, "until", fmt.Sprintf("%q is no date", shortened(reason[m[2]:m[3]])), "It ignores nothing. Write until=2026-12-31.")
			return nil
		}
		ig.until = day
		reason = reason[:m[0]] + reason[m[1]:]
	}
	if strings.Trim(reason, " \t\r\n-–—:#") == "" {
		report(InvalidIgnore, at, "reason", "This ignore gives no reason", "It ignores nothing. Say behind the rule's name why it is right here: whoever comes next has to judge it.")
		return nil
	}
	if len(ig.rules) == 0 {
		return nil
	}
	return ig
}

func noSuchRule(name string, rules map[string]*Rule) string {
	var all []*Rule
	for _, n := range sortedKeys(rules) {
		all = append(all, rules[n])
	}
	if near := Nearest(name, all); near != "" {
		return fmt.Sprintf("It ignores nothing. Did you mean %s?", near)
	}
	return "It ignores nothing. `terrier lint --rules` lists the rules."
}

// shortened is a text from a file that a sentence can hold.
func shortened(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// commentRange is the range of a comment without the line's end, which hcl
// counts to it.
func commentRange(t hclsyntax.Token) hcl.Range {
	at := t.Range
	if text := bytes.TrimRight(t.Bytes, "\r\n"); len(text) < len(t.Bytes) {
		at.End = hcl.Pos{Line: at.Start.Line, Column: at.Start.Column + columns(text), Byte: at.Start.Byte + len(text)}
	}
	return at
}

// commentLines gives for each comment, by its place in tokens, the line that an
// ignore in it holds for.
func commentLines(tokens hclsyntax.Tokens) map[int]int {
	comment := func(i int) bool { return i < len(tokens) && tokens[i].Type == hclsyntax.TokenComment }
	newline := func(i int) bool { return i < len(tokens) && tokens[i].Type == hclsyntax.TokenNewline }
	lines := map[int]int{}
	// Backwards, since a comment above a comment holds for what that one does.
	for i := len(tokens) - 1; i >= 0; i-- {
		if !comment(i) {
			continue
		}
		last := tokens[i].Range.End.Line
		whole := bytes.HasSuffix(tokens[i].Bytes, []byte("\n")) // and ends its line
		if whole {
			last = tokens[i].Range.Start.Line
		}
		next := i + 1
		if !whole && newline(next) {
			whole, next = true, next+1
		}
		switch {
		case !whole && comment(next):
			lines[i] = lines[next]
		case !whole:
			lines[i] = last // the code is behind it
		case comment(next) && tokens[next].Range.Start.Line == last+1:
			lines[i] = lines[next]
		default:
			lines[i] = last + 1
		}
	}
	line := 0 // of the last token that is no comment
	for i, t := range tokens {
		switch {
		case comment(i) && line == t.Range.Start.Line:
			lines[i] = line // the code is before it
		case !comment(i) && !newline(i):
			line = t.Range.End.Line
		}
	}
	return lines
}

// topBlocks are the blocks at the top level of a file, by their lines.
func topBlocks(tokens hclsyntax.Tokens) []block {
	var out []block
	depth, first := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			if depth == 0 {
				first = t.Range.Start.Line
			}
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenTemplateSeqEnd:
			if depth--; depth == 0 {
				out = append(out, block{first, t.Range.End.Line})
			}
			depth = max(depth, 0)
		}
	}
	return out
}

// Nearest is the name of the rule that is most like name, "" where none is
// near.
func Nearest(name string, rules []*Rule) string {
	const longest = 64 // bytes, of what could be a rule's name
	best, most := "", 0.7
	if len(name) > longest {
		return best
	}
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
