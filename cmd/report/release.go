package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/changelog"
	"github.com/terrier-iac/terrier/modules/release"
)

// Release is the result of `terrier release`.
type Release struct {
	release.Plan
	DryRun bool
	Made   bool
	Pushed string // the remote that has it all now, "" for none
}

// releaseJSON and the types below are what JSON has.
type releaseJSON struct {
	FormatVersion string           `json:"format_version"`
	Releases      []releaseItem    `json:"releases"`
	Nothing       []releaseSkipped `json:"nothing"`
	Skipped       []releaseSkipped `json:"skipped"`
	Refused       []releaseRefusal `json:"refused"`
}

type releaseItem struct {
	Module    string          `json:"module"`
	Directory string          `json:"directory"`
	Previous  string          `json:"previous"` // the last tag; "" for the first release
	Version   string          `json:"version"`
	Tag       string          `json:"tag"`
	Level     string          `json:"level"`
	Dependent bool            `json:"dependent"` // not named, but comes after one that is
	After     []string        `json:"after"`     // tags of this run that it uses
	Reasons   []releaseReason `json:"reasons"`
	Changelog []releaseEntry  `json:"changelog"`
	Edits     []releaseEdit   `json:"edits"`
	Checked   string          `json:"checked,omitempty"` // the tag that --check judged
	OK        *bool           `json:"ok,omitempty"`      // what it found
	Made      bool            `json:"made"`
}

type releaseReason struct {
	Level   string `json:"level"`
	Source  string `json:"source"`
	Summary string `json:"summary"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Gone    bool   `json:"gone"`
	Commit  string `json:"commit"`
}

type releaseEntry struct {
	Type         string `json:"type"`
	Scope        string `json:"scope"`
	Description  string `json:"description"`
	Breaking     bool   `json:"breaking"`
	BreakingText string `json:"breaking_text"`
	Commit       string `json:"commit"`
}

type releaseEdit struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Call string `json:"call"`
	From string `json:"from"`
	To   string `json:"to"`
}

type releaseSkipped struct {
	Module    string `json:"module"`
	Directory string `json:"directory"`
	Reason    string `json:"reason"`
}

type releaseRefusal struct {
	Reason string `json:"reason"`
	Hint   string `json:"hint"`
}

// WriteRelease writes what is or would be released, and why. The format
// markdown is the changelogs, for a release's page.
func WriteRelease(w io.Writer, r Release, format string, st Style) error {
	switch format {
	case "json":
		return JSON(w, r.json())
	case "markdown":
		return markdownRelease(w, r)
	case "text":
		return textRelease(w, r, st)
	}
	return errFormat
}

// WriteReleaseCheck writes which tags are right, and what the others would have
// to be.
func WriteReleaseCheck(w io.Writer, verdicts []release.Verdict, format string, st Style) error {
	var r Release
	for _, v := range verdicts {
		r.Releases = append(r.Releases, v.Release)
		if v.Wrong != nil {
			r.Refused = append(r.Refused, v.Wrong)
		}
	}
	switch format {
	case "json":
		doc := r.json()
		for i, v := range verdicts {
			ok := v.Wrong == nil
			doc.Releases[i].Checked, doc.Releases[i].OK, doc.Releases[i].Dependent = v.Tag, &ok, false
		}
		return JSON(w, doc)
	case "markdown":
		return markdownRelease(w, r)
	case "text":
		return textReleaseCheck(w, verdicts, st)
	}
	return errFormat
}

func (r Release) json() releaseJSON {
	doc := releaseJSON{FormatVersion: FormatVersion, Releases: []releaseItem{}, Nothing: skippedJSON(r.Nothing), Skipped: skippedJSON(r.Skipped), Refused: []releaseRefusal{}}
	for _, err := range r.Refused {
		text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
		doc.Refused = append(doc.Refused, releaseRefusal{mask(text), mask(hint)})
	}
	for _, x := range r.Releases {
		doc.Releases = append(doc.Releases, releaseJSONOf(x, r.Made))
	}
	return doc
}

func skippedJSON(list []release.Skipped) []releaseSkipped {
	out := []releaseSkipped{}
	for _, x := range list {
		out = append(out, releaseSkipped{x.Name, x.Dir, x.Reason})
	}
	return out
}

func releaseJSONOf(x *release.Release, made bool) releaseItem {
	item := releaseItem{
		Module: x.Name, Directory: x.Dir, Tag: x.Tag, Level: string(x.Level), Dependent: !x.Asked, Made: made,
		After: append([]string{}, x.Uses...), Reasons: []releaseReason{}, Changelog: []releaseEntry{}, Edits: []releaseEdit{},
	}
	if x.Version != nil {
		item.Version = x.Version.String()
	}
	if x.Previous != nil {
		item.Previous = x.Previous.Name
	}
	for _, y := range x.Reasons {
		z := releaseReason{Level: string(y.Level), Source: string(y.Source), Summary: y.Summary, File: y.File, Line: y.Line, Gone: y.Gone}
		if !y.Commit.IsZero() {
			z.Commit = y.Commit.String()
		}
		item.Reasons = append(item.Reasons, z)
	}
	for _, e := range x.Entries {
		item.Changelog = append(item.Changelog, releaseEntry{e.Type, e.Scope, e.Description, e.Breaking, e.BreakingText, e.Commit.String()})
	}
	for _, p := range x.Pins {
		item.Edits = append(item.Edits, releaseEdit{p.File, p.Line, p.Call, p.From, p.To})
	}
	return item
}

func textRelease(w io.Writer, r Release, st Style) error {
	p := &printer{w: w}
	for i, x := range r.Releases {
		if i > 0 {
			p.f("\n")
		}
		releaseHead(p, x, st)
		// Once it is made the tag has the rest.
		if !r.Made || st.Verbose {
			releaseReasons(p, x, st)
			if log := changelogText(x, st.Width-2); log != "" {
				p.f("\n  %s\n\n%s", st.bold("Changelog"), indent(log, "  "))
			}
		}
	}
	for i, x := range r.Nothing {
		if i == 0 && len(r.Releases) > 0 {
			p.f("\n")
		}
		p.f("%s\n", fold(x.Name+": "+x.Reason+".", st.Width, 2))
	}
	if len(r.Skipped) > 0 {
		p.f("\n%s  %s\n", st.yellow("Left as they are"), count(len(r.Skipped), "module"))
		for _, x := range r.Skipped {
			p.f("  %s\n", fold(x.Name+": "+x.Reason, st.Width, 4))
		}
	}
	switch {
	case len(r.Releases) == 0 && len(r.Refused)+len(r.Skipped)+len(r.Nothing) == 0:
		p.f("%s\n", st.green("Nothing to release."))
	case len(r.Releases) > 0 && r.Made:
		p.f("\n%s  %s\n", st.bold("Tagged"), r.made())
	case len(r.Releases) > 0:
		p.f("\n%s\n", st.faint("Nothing was written."))
	}
	return p.err
}

// made says what is there now, and where.
func (r Release) made() string {
	commits := 0
	for _, x := range r.Releases {
		if len(x.Pins) > 0 {
			commits++
		}
	}
	text := count(len(r.Releases), "tag")
	if commits > 0 {
		text += " and " + count(commits, "commit")
	}
	if r.Pushed != "" {
		text += ", pushed to " + oneLine(mask(r.Pushed))
	}
	return text
}

// releaseHead is the line that says it all.
func releaseHead(p *printer, x *release.Release, st Style) {
	from := "the first release, "
	if x.Previous != nil {
		from = clean(x.Previous.Name) + " → "
	}
	move := from + clean(x.Tag)
	width := columns(move)
	if x.Previous != nil {
		step, but := release.Between(x.Previous.Version, x.Version), ""
		if step != x.Level {
			but = fmt.Sprintf(", the changes are %s", x.Level)
		}
		move += "  " + levelPaint(st, string(step)) + but
		width += 2 + columns(string(step)+but)
	}
	p.f("%s\n", st.heading(x.Name, move, width))
	for _, pin := range x.Pins {
		p.f("  %s  %s → %s\n", clean(fmt.Sprintf("%s:%d", pin.File, pin.Line)), clean(pin.From), clean(pin.To))
	}
}

// releaseReasons says why, the highest level first.
func releaseReasons(p *printer, x *release.Release, st Style) {
	const few = 10
	for i, y := range x.Reasons {
		if i == 0 {
			p.f("\n")
		}
		if i == few && !st.Verbose {
			p.f("  %s\n", st.faint(fmt.Sprintf("%s (-v shows all)", more(len(x.Reasons)-few, "reason"))))
			break
		}
		text := y.Summary
		switch {
		case !y.Commit.IsZero():
			text += " (" + y.Commit.String()[:8] + ")"
		case y.File != "" && y.Gone && x.Previous != nil:
			text += fmt.Sprintf(" (%s:%d at %s)", y.File, y.Line, x.Previous.Name)
		case y.File != "" && y.Line == 0: // a symlink
			text += fmt.Sprintf(" (%s)", y.File)
		case y.File != "":
			text += fmt.Sprintf(" (%s:%d)", y.File, y.Line)
		}
		p.f("  %s\n", levelled(st, string(y.Level), text))
	}
}

// levelled is a text behind its level; the lines of the text are below each
// other, two columns from the left.
func levelled(st Style, level, text string) string {
	return levelPaint(st, level) + strings.Repeat(" ", max(0, 7-len(level))) + fold(text, st.Width, 9)
}

func textReleaseCheck(w io.Writer, verdicts []release.Verdict, st Style) error {
	p := &printer{w: w}
	for i, v := range verdicts {
		x := v.Release
		if i > 0 {
			p.f("\n")
		}
		since := "it is the first release"
		if x.Previous != nil {
			since = fmt.Sprintf("the changes since %s are %s", x.Previous.Name, x.Level)
			if x.Level == change.None {
				since = "nothing that a caller sees changed since " + x.Previous.Name
			}
		}
		if v.Wrong == nil {
			p.f("%s\n", fold(fmt.Sprintf("%s is right: %s.", v.Tag, since), st.Width, 2))
			continue
		}
		p.f("%s\n", fold(fmt.Sprintf("%s is wrong: %s.", v.Tag, since), st.Width, 2))
		if x.Tag != "" {
			p.f("  %s\n", fold("The right one is "+x.Tag+", or a higher one.", st.Width, 2))
		}
		releaseReasons(p, x, st)
	}
	return p.err
}

// changelogText is the body of a tag's message: what the commits say, and what
// breaks without any of them saying so.
func changelogText(x *release.Release, width int) string {
	var b strings.Builder
	if x.Previous == nil {
		return "First release.\n"
	}
	section := func(title string) {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s\n\n", title)
	}
	line := func(text string) { fmt.Fprintf(&b, "  - %s\n", fold(text, width, 4)) }
	if list := x.Unannounced(); len(list) > 0 {
		section("Breaking changes in the configuration")
		for _, y := range list {
			line(y.Summary)
		}
	}
	if list := followed(x); len(list) > 0 {
		section("Modules that it calls")
		for _, text := range list {
			line(text)
		}
	}
	if log := x.Log().Text(width); log != "" {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(log)
	}
	return b.String()
}

// followed are what a release takes of those before it.
func followed(x *release.Release) []string {
	var out []string
	for _, y := range x.Reasons {
		if y.Source == release.FromDependency {
			out = append(out, y.Summary)
		}
	}
	return out
}

// TagMessage is the message of a release's tag.
func TagMessage(x *release.Release) string {
	body := changelogText(x, 72)
	if body == "" {
		body = "Released with no change that a commit tells of.\n"
	}
	return mask(fmt.Sprintf("%s %s\n\n%s", strings.Join(strings.Fields(clean(x.Name)), " "), x.Version, body))
}

// PinMessage is the message of the commit with a release's new pins.
func PinMessage(x *release.Release) string {
	return fmt.Sprintf("chore(%s): pin %s\n", scopeOf(x.Name), strings.Join(x.Uses, ", "))
}

// scopeOf makes a module's name the scope of a commit.
func scopeOf(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '(' || r == ')' || r < ' ' {
			return -1
		}
		return r
	}, name[strings.LastIndexByte(name, '/')+1:])
}

// markdownRelease is the changelogs.
func markdownRelease(w io.Writer, r Release) error {
	p := &printer{w: w}
	for i, x := range r.Releases {
		if i > 0 {
			p.f("\n")
		}
		p.f("## %s %s\n", escapeMarkdown(x.Name), x.Version)
		if x.Previous == nil {
			p.f("\nFirst release.\n")
			continue
		}
		if list := x.Unannounced(); len(list) > 0 {
			p.f("\n### Breaking changes in the configuration\n\n")
			for _, y := range list {
				p.f("- %s\n", escapeMarkdown(y.Summary))
			}
		}
		if list := followed(x); len(list) > 0 {
			p.f("\n### Modules that it calls\n\n")
			for _, text := range list {
				p.f("- %s\n", escapeMarkdown(text))
			}
		}
		if log := changelog.New(x.Entries).Markdown(); log != "" {
			p.f("\n%s", log)
		}
	}
	return p.err
}

// indent puts something before each line that is not empty.
func indent(text, before string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(before)
		}
		b.WriteString(line)
	}
	return b.String()
}
