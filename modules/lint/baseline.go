package lint

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
)

// BaselineVersion is the format of a baseline file.
const BaselineVersion = "1.0"

// A Baseline is the findings that a team has accepted for now: lint goes on,
// and fails on what is new.
//
// A finding is known by its fingerprint: the rule, the file, and what it is
// about, but not the line. So one whose lines moved is still known. Of two that
// are alike where the baseline has one, the second in the file is new. The
// findings of a file that was renamed or moved are new: the same call in
// another directory may be one of another environment, which nobody accepted.
type Baseline struct {
	entries []baselineEntry
}

type baselineEntry struct {
	Rule        string `json:"rule"`
	File        string `json:"file"`
	Fingerprint string `json:"fingerprint"`
	Summary     string `json:"summary"` // for people
}

// NewBaseline accepts what was found.
func NewBaseline(found []Finding) *Baseline {
	b := &Baseline{}
	for _, f := range found {
		b.entries = append(b.entries, baselineEntry{f.Rule, strings.ToValidUTF8(f.Range.Filename, "\ufffd"), f.Fingerprint, withoutCredentials(f.Summary)})
	}
	b.sort()
	return b
}

// sort orders the entries, and drops those that stand there twice, as after a
// merge that kept both sides.
func (b *Baseline) sort() {
	slices.SortFunc(b.entries, func(x, y baselineEntry) int {
		return cmp.Or(cmp.Compare(x.File, y.File), cmp.Compare(x.Rule, y.Rule), cmp.Compare(x.Fingerprint, y.Fingerprint), cmp.Compare(x.Summary, y.Summary))
	})
	b.entries = slices.CompactFunc(b.entries, func(x, y baselineEntry) bool { return x.Fingerprint == y.Fingerprint })
}

var (
	conflictMarker = regexp.MustCompile(`(?m)^(?:<{7}|={7}|>{7}|\|{7})(?:[ \r\n]|$)`)
	isFingerprint  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// ReadBaseline reads a baseline file. name is how errors call it: they are of
// a file that is no JSON, that a merge left with conflict markers, or that
// another version of the format is in.
func ReadBaseline(data []byte, name string) (*Baseline, error) {
	again := fmt.Sprintf("\nhint: write it anew, and look at what changed in it:\n  $ terrier lint --baseline %s --update-baseline", name)
	line := func(at int) int { return 1 + bytes.Count(data[:min(max(at, 0), len(data))], []byte("\n")) }
	if m := conflictMarker.FindIndex(data); m != nil {
		return nil, fmt.Errorf("%s:%d: a merge left its conflict markers here\nhint: keep the findings of both sides, one a line, and take out the markers", name, line(m[0]))
	}
	// The version first: another one may have other fields.
	var head struct {
		FormatVersion *string `json:"format_version"`
	}
	fail := func(err error) error {
		at := len(data)
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		switch {
		case errors.As(err, &syntax):
			at = int(syntax.Offset)
		case errors.As(err, &kind):
			at = int(kind.Offset)
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			err = errors.New("it ends too early")
		}
		return fmt.Errorf("%s:%d: this is no baseline: %w%s", name, line(at), err, again)
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fail(err)
	}
	switch {
	case head.FormatVersion == nil:
		return nil, fmt.Errorf("%s: this is no baseline: it has no format_version%s", name, again)
	case *head.FormatVersion != BaselineVersion:
		return nil, fmt.Errorf("%s: its format_version is %.20q, and this terrier knows %q\nhint: use the version of terrier that wrote it, or write it anew:\n  $ terrier lint --baseline %s --update-baseline", name, *head.FormatVersion, BaselineVersion, name)
	}
	var file struct {
		FormatVersion string           `json:"format_version"`
		Findings      *[]baselineEntry `json:"findings"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return nil, fail(err)
	}
	if file.Findings == nil {
		return nil, fmt.Errorf("%s: this is no baseline: it has no findings%s", name, again)
	}
	for i, e := range *file.Findings {
		if e.Rule == "" || e.File == "" || !isFingerprint.MatchString(e.Fingerprint) {
			return nil, fmt.Errorf("%s: its finding %d has no rule, file, or fingerprint of 64 hexadecimal digits%s", name, i+1, again)
		}
	}
	b := &Baseline{entries: *file.Findings}
	b.sort()
	return b, nil
}

// IsBaseline tells a baseline, be it broken or of another version, from a file
// that never was one. An empty file is one to be.
func IsBaseline(data []byte) bool {
	return len(bytes.TrimSpace(data)) == 0 || bytes.Contains(data, []byte(`"format_version"`)) || bytes.Contains(data, []byte(`"findings"`))
}

// Bytes is the baseline as a file: sorted, one finding a line, so that two
// branches merge.
func (b *Baseline) Bytes() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "{\n  \"format_version\": %q,\n  \"findings\": [", BaselineVersion)
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for i, e := range b.entries {
		if i > 0 {
			out.Truncate(out.Len() - 1) // the encoder ends a value with a line
			out.WriteByte(',')
		}
		out.WriteString("\n    ")
		_ = enc.Encode(e) // strings and a buffer: nothing that fails
	}
	if len(b.entries) > 0 {
		out.WriteString("  ")
	}
	out.WriteString("]\n}\n")
	return out.Bytes()
}

// Len is how many findings are accepted.
func (b *Baseline) Len() int { return len(b.entries) }

// Split takes what is accepted out of found. fresh is the rest, in its order;
// known is how many are accepted, and gone how many entries match nothing that
// was found any more.
func (b *Baseline) Split(found []Finding) (fresh []Finding, known, gone int) {
	open := map[string]bool{}
	for _, e := range b.entries {
		open[e.Fingerprint] = true
	}
	for _, f := range found {
		if !open[f.Fingerprint] {
			fresh = append(fresh, f)
			continue
		}
		delete(open, f.Fingerprint)
		known++
	}
	return fresh, known, len(open)
}

var addressWord = regexp.MustCompile("[^\\s\"'`<>]+")

// withoutCredentials is the second fence: a summary has none, but a baseline is
// committed.
func withoutCredentials(text string) string {
	return addressWord.ReplaceAllStringFunc(text, hclparse.Redact)
}
