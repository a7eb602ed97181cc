package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

// sarifRoot is the base of all paths. GitHub knows this name.
const sarifRoot = "%SRCROOT%"

var sarifLevels = map[lint.Severity]string{lint.Error: sarif.LevelError, lint.Warn: sarif.LevelWarning, lint.Info: sarif.LevelNote, lint.Off: sarif.LevelNone}

// lintSARIF writes SARIF 2.1.0:
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
//
// Columns are UTF-16 code units: what viewers that do not look at columnKind
// take them for. A fix that would show a credential is left out.
func lintSARIF(w io.Writer, l *Lint, _ Style) error {
	s := &sarifWriter{lines: newSnippets(l.Files, 0, Style{}), rules: map[string]int{}}
	s.lines.secrets = l.Secrets
	run := sarif.NewRunWithInformationURI("terrier", "https://github.com/terrier-iac/terrier")
	driver := run.Tool.Driver
	if l.Version != "" {
		driver.WithVersion(l.Version)
	}
	for i, r := range l.rules() {
		s.rules[r.Name] = i
		driver.AddRule(sarifRule(r))
	}
	run.WithColumnKind("utf16CodeUnits")
	root := sarif.NewArtifactLocation().WithDescription(sarif.NewTextMessage("The root of the repository"))
	if l.Root != "" {
		root.WithDescription(sarif.NewTextMessage("The root of " + oneLine(l.Root)))
	}
	run.WithOriginalUriBaseIds(map[string]sarif.ArtifactLocation{sarifRoot: *root})
	ok := len(l.Errors) == 0
	invocation := sarif.NewInvocation().WithExecutionSuccessful(ok)
	for _, e := range l.Errors {
		n := sarif.NewNotification().WithLevel(sarif.LevelError).WithMessage(sarifMessage(prose(e)))
		invocation.AddToolExecutionNotification(n)
	}
	run.AddInvocation(invocation)
	for i := range l.Findings {
		run.AddResult(s.result(&l.Findings[i]))
	}
	return writeSARIF(w, sarif.NewReport().AddRun(run))
}

// sarifUnset are the members that the library writes as -1 or an empty list
// where nothing is set: half of a report, of which validators warn (SARIF2004).
// An empty list of results or rules says something, and stays.
var sarifUnset = func() map[string]bool {
	out := map[string]bool{}
	for _, name := range strings.Fields(`index id rank ruleIndex byteOffset charOffset
		annotations logicalLocations relationships arguments attachments codeFlows fixes graphTraversals graphs
		relatedLocations stacks taxa addresses extensions notificationConfigurationOverrides ruleConfigurationOverrides
		toolConfigurationNotifications toolExecutionNotifications locations policies redactionTokens runAggregates
		taxonomies threadFlowLocations translations versionControlProvenance webRequests webResponses
		supportedTaxonomies notifications`) {
		out[name] = true
	}
	return out
}()

// withoutUnset takes them out of a report without white space. No quote stands
// unescaped inside of a string of JSON, so `":` there has a backslash before.
func withoutUnset(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for {
		i := bytes.Index(data, []byte(`":`))
		if i < 0 {
			return append(out, data...)
		}
		end := i + len(`":-1`)
		if value := data[i+2 : min(end, len(data))]; string(value) == "-1" || string(value) == "[]" {
			key := bytes.LastIndexByte(data[:i], '"')
			if key >= 0 && sarifUnset[string(data[key+1:i])] && end < len(data) && (data[end] == ',' || data[end] == '}') {
				out = append(out, data[:key]...)
				if data[end] == ',' {
					end++
				} else {
					out = bytes.TrimSuffix(out, []byte(","))
				}
				data = data[end:]
				continue
			}
		}
		out, data = append(out, data[:i+2]...), data[i+2:]
	}
}

func writeSARIF(w io.Writer, r *sarif.Report) error {
	var compact, out bytes.Buffer
	enc := json.NewEncoder(&compact)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return err
	}
	if err := json.Indent(&out, withoutUnset(compact.Bytes()), "", "  "); err != nil {
		return err
	}
	_, err := w.Write(escapeJSON(out.Bytes()))
	return err
}

func sarifRule(r *lint.Rule) *sarif.ReportingDescriptor {
	text := func(t string) *sarif.MultiformatMessageString {
		return sarif.NewMultiformatMessageString().WithText(t)
	}
	d := sarif.NewReportingDescriptor().WithID(r.Name).WithShortDescription(text(r.Summary))
	config := sarif.NewReportingConfiguration().WithEnabled(r.Severity != lint.Off).WithLevel(sarifLevels[r.Severity])
	d.WithDefaultConfiguration(config)
	props := sarif.NewPropertyBag().WithTags([]string{"terraform", "modules"})
	props.Add("fixable", r.Fixes)
	if r.Needs != lint.NeedNothing {
		props.Add("needs", string(r.Needs))
	}
	// What GitHub orders rules by.
	if level, ok := map[lint.Severity]string{lint.Error: "error", lint.Warn: "warning", lint.Info: "recommendation"}[r.Severity]; ok {
		props.Add("problem.severity", level)
	}
	d.WithProperties(props)
	if r.Doc != "" {
		_, body, _ := strings.Cut(r.Doc, "\n")
		first, _, _ := strings.Cut(strings.TrimSpace(body), "\n\n")
		if first = strings.Join(strings.Fields(first), " "); first != "" {
			d.WithFullDescription(text(first))
		}
		d.WithHelp(text(r.Doc).WithMarkdown(r.Doc))
	}
	return d
}

type sarifWriter struct {
	lines *snippets
	rules map[string]int
}

func (s *sarifWriter) result(f *lint.Finding) *sarif.Result {
	r := sarif.NewRuleResult(f.Rule).WithRuleIndex(s.rules[f.Rule]).WithLevel(sarifLevels[f.Severity]).WithMessage(sarifMessage(message(f)))
	if f.Fingerprint != "" {
		// GitHub's own primaryLocationLineHash is left to its uploader, which
		// complains about one that it would not compute.
		r.WithPartialFingerprints(map[string]string{"terrier/v1": f.Fingerprint})
	}
	if at := s.location(f.Range); at != nil {
		r.AddLocation(at)
	}
	for i, rel := range f.Related {
		if at := s.location(rel.Range); at != nil {
			at.WithID(i + 1).WithMessage(sarifMessage(oneLine(rel.Text)))
			r.AddRelatedLocation(at)
		}
	}
	if fix := s.fix(f); fix != nil {
		r.AddFixe(fix)
	}
	return r
}

// location is nil for what is in no file.
func (s *sarifWriter) location(at hcl.Range) *sarif.Location {
	if at.Filename == "" {
		return nil
	}
	p := sarif.NewPhysicalLocation().WithArtifactLocation(sarifFile(at.Filename))
	if at.Start.Line > 0 {
		p.WithRegion(s.region(at))
	}
	return sarif.NewLocation().WithPhysicalLocation(p)
}

func sarifFile(path string) *sarif.ArtifactLocation {
	return sarif.NewArtifactLocation().WithURI(pathURI(path)).WithURIBaseID(sarifRoot)
}

// pathURI is a path as a relative reference: a colon in the first segment
// would make it a scheme.
func pathURI(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(part), ":", "%3A")
	}
	return strings.Join(parts, "/")
}

// region gives a range with columns in UTF-16 code units, by the bytes of the
// file; where they are not known, in hcl's columns, which are the same in ASCII.
func (s *sarifWriter) region(at hcl.Range) *sarif.Region {
	region := sarif.NewRegion().WithStartLine(at.Start.Line)
	column := func(pos hcl.Pos) int {
		x := s.lines.lines(at.Filename)
		if x == nil || pos.Line < 1 || pos.Line > len(x.starts) {
			return max(1, pos.Column)
		}
		return 1 + x.utf16(pos.Line, place(x.line(pos.Line), x.starts[pos.Line-1], pos))
	}
	if at.Start.Column > 0 {
		region.WithStartColumn(column(at.Start))
	}
	switch end := at.End; {
	case end.Line < at.Start.Line:
	case end.Line == at.Start.Line:
		region.WithEndLine(end.Line).WithEndColumn(max(column(at.Start), column(end)))
	default:
		region.WithEndLine(end.Line).WithEndColumn(column(end))
	}
	return region
}

// fix is nil where there is none, it is not one of the file's bytes, or would
// show a credential.
func (s *sarifWriter) fix(f *lint.Finding) *sarif.Fix {
	x := s.lines.lines(f.Range.Filename)
	if f.Fix == nil || x == nil || len(f.Fix.Edits) == 0 {
		return nil
	}
	change := sarif.NewArtifactChange().WithArtifactLocation(sarifFile(f.Range.Filename))
	for _, e := range f.Fix.Edits {
		if e.Start < 0 || e.End < e.Start || e.End > len(x.src) || showsCredential(x.src, e) {
			return nil
		}
		if len(e.New) > 0 && slices.ContainsFunc(s.lines.secrets[f.Range.Filename], func(sp lint.Span) bool { return e.Start < sp.To && sp.From < e.End }) {
			return nil // it may write what it takes out
		}
		at := hcl.Range{Filename: f.Range.Filename, Start: x.pos(e.Start), End: x.pos(e.End)}
		r := sarif.NewReplacement().WithDeletedRegion(s.region(at))
		if len(e.New) > 0 {
			content := sarif.NewArtifactContent()
			if utf8.Valid(e.New) {
				content.WithText(string(e.New))
			} else {
				content.WithBinary(base64.StdEncoding.EncodeToString(e.New))
			}
			r.WithInsertedContent(content)
		}
		change.AddReplacement(r)
	}
	return sarif.NewFix().WithDescription(sarifMessage(prose(f.Fix.Summary))).AddArtifactChange(change)
}

// pos is where a byte of the file is. Its column is not hcl's.
func (x *lineIndex) pos(at int) hcl.Pos {
	i, found := slices.BinarySearch(x.starts, at)
	if !found {
		i--
	}
	return hcl.Pos{Line: i + 1, Column: at - x.starts[i] + 1, Byte: at}
}

// showsCredential tells whether what an edit writes is masked where it will
// stand: a part of a credential does not look like one by itself.
func showsCredential(src []byte, e hclparse.Edit) bool {
	from, to := e.Start, e.End
	for from > 0 && !endsWord(src[from-1]) {
		from--
	}
	for to < len(src) && !endsWord(src[to]) {
		to++
	}
	before, after := string(src[from:e.Start]), string(src[e.End:to])
	text := before + string(e.New) + after
	masked := mask(text)
	return masked[len(before):len(masked)-len(after)] != string(e.New)
}

// endsWord says that a byte is in no word of mask.
func endsWord(b byte) bool { return strings.IndexByte(" \t\r\n\f\"'`<>", b) >= 0 }

// Braces around a number are a placeholder in SARIF, brackets before one in
// parentheses a link (3.11.5 and 3.11.6 of the standard). Nothing else needs
// an escape, and viewers show those that are not needed.
var (
	sarifPlaceholder = regexp.MustCompile(`\{(\d+)\}`)
	sarifLink        = regexp.MustCompile(`\[([^\]]*)\](\(\d+\))`)
)

func sarifMessage(text string) *sarif.Message {
	text = sarifPlaceholder.ReplaceAllString(text, "{{$1}}")
	text = sarifLink.ReplaceAllString(text, `\[$1\]$2`)
	return sarif.NewTextMessage(text)
}
