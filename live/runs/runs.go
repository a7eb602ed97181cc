// Package runs knows what was planned and applied: the records of runs, one
// line of JSON each, in a file that is only ever appended to. The format is in
// README.md.
//
// It neither runs terraform nor decides what may be applied.
package runs

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Name is the file's path below the directory of terrier.hcl.
const Name = dirName + "/runs.jsonl"

const dirName = ".terrier"

// FormatVersion is that of the records that Append writes. What has the same
// number before the dot can be read.
const FormatVersion = "1.0"

// An Action is what was done to a stack.
type Action string

const (
	Plan    Action = "plan"
	Apply   Action = "apply"
	Destroy Action = "destroy" // an apply of a plan that destroys all of the stack
	Drift   Action = "drift"   // a refresh-only plan: what changed behind terraform's back
)

// A Result is what became of it. There may be others, of a newer terrier: they
// say nothing of what a stack stands at.
type Result string

const (
	Applied   Result = "applied"   // an apply, or a destroy, that succeeded
	Failed    Result = "failed"    // of an apply or a destroy: how much of it was done is not known
	Changes   Result = "changes"   // a plan that has something to apply; of drift: there is some
	Unchanged Result = "unchanged" // nothing to apply: the stack stands at what was planned
)

// A Record is one stack in one run.
type Record struct {
	FormatVersion string    `json:"format_version"` // set by Append
	Run           string    `json:"run"`
	Time          time.Time `json:"time"` // when it ended; seconds, UTC
	Action        Action    `json:"action"`
	Stack         string    `json:"stack"` // path from the repository's root, with slashes
	Environment   string    `json:"environment"`
	Account       string    `json:"account"` // its name, "" for none
	Commit        string    `json:"commit"`  // of the repository, 40 hexadecimal digits
	Result        Result    `json:"result"`
	// Modules are those from elsewhere that the stack was made of, its own
	// modules' included, each version once.
	Modules []Module `json:"modules"`
	By      string   `json:"by"` // who, as the forge or git names them

	// What follows may be missing, and says nothing of what a stack stands at.

	Workspace string `json:"workspace,omitempty"` // "" for terraform's default
	// Summary counts what the plan did; nil where it is not known.
	Summary     *Summary   `json:"summary,omitempty"`
	Fingerprint string     `json:"fingerprint,omitempty"` // of the plan
	ApprovedBy  []string   `json:"approved_by,omitempty"` // sorted
	Overrides   []Override `json:"overrides,omitempty"`   // by guard
	// Error is why it failed, in one line: Append makes it one, and takes no
	// secrets out.
	Error string `json:"error,omitempty"`
}

// A Summary counts the resources of a plan.
type Summary struct {
	Add     int `json:"add"`
	Change  int `json:"change"`
	Replace int `json:"replace"`
	Destroy int `json:"destroy"`
	Forget  int `json:"forget"`
	Drift   int `json:"drift"` // that changed behind terraform's back
}

// An Override is a guard that somebody overrode.
type Override struct {
	Guard  string `json:"guard"`
	Reason string `json:"reason"`
	By     string `json:"by"`
}

// A Module is a module from elsewhere at a version.
type Module struct {
	Source string `json:"source"` // its address without subdirectory, ref and credentials
	Subdir string `json:"subdir"`
	Ref    string `json:"ref"`    // as it was written, of a registry the version; "" for none
	Commit string `json:"commit"` // 40 hexadecimal digits, "" where it is not known
}

// check refuses a record that nobody could read, or that would be taken for
// another's.
func (r *Record) check() error {
	commits := []string{r.Commit}
	texts := []string{r.Run, string(r.Action), r.Stack, r.Environment, r.Account, string(r.Result), r.By, r.Workspace, r.Fingerprint, r.Error}
	texts = append(texts, r.ApprovedBy...)
	for _, o := range r.Overrides {
		texts = append(texts, o.Guard, o.Reason, o.By)
	}
	for _, m := range r.Modules {
		texts = append(texts, m.Source, m.Subdir, m.Ref)
		commits = append(commits, m.Commit)
	}
	for _, c := range commits {
		if c != "" && (len(c) != 40 || strings.Trim(c, "0123456789abcdefABCDEF") != "") {
			return fmt.Errorf("%q is no commit", c)
		}
	}
	for _, t := range texts {
		if strings.ContainsFunc(t, func(c rune) bool { return unicode.IsControl(c) || c == unicode.ReplacementChar }) {
			return errors.New("a text has control characters, or is not UTF-8")
		}
	}
	switch {
	case !fs.ValidPath(r.Stack) || strings.Contains(r.Stack, `\`):
		return fmt.Errorf("%q is no path of a stack", r.Stack)
	case path.Clean(r.Stack) != r.Stack:
		return fmt.Errorf("%q is no clean path", r.Stack)
	case r.Action == "" || r.Result == "":
		return errors.New("it has no action, or no result")
	case r.Time.IsZero() || r.Time.Year() < 2000 || r.Time.Year() > 9999:
		return errors.New("it has no time")
	}
	return nil
}

// A Standing is what the records tell of one stack and some modules.
type Standing struct {
	// Settled is the newest record after which there was nothing to apply: an
	// apply that succeeded, or a plan without changes. Nil for none, and where
	// the stack was destroyed since then.
	Settled *Record
	// At says that it has the modules as they should be, and Since is the time
	// of the first record from which on every such one has.
	At    bool
	Since time.Time
	// Pending is the newest record after Settled that leaves something to
	// apply: a plan with changes, or an apply or a destroy that failed. Nil for
	// none.
	Pending *Record
	// Gone is the record that destroyed the stack, nil where it was applied
	// since then, or never destroyed.
	Gone *Record
	// Last is the newest record of any kind, nil for none.
	Last *Record
	// Planned, Done and Drifted are the newest plan, the newest apply or
	// destroy, and the newest look for drift, whatever came of them; nil for
	// none.
	Planned, Done, Drifted *Record
}

// A History has the records of each stack, by path, in the order of their times;
// those of one time are in the order of the file.
type History map[string][]*Record

// HistoryOf takes the records that count.
func HistoryOf(records []Record, counts func(*Record) bool) History {
	h := History{}
	for i := range records {
		if r := &records[i]; counts(r) {
			h[r.Stack] = append(h[r.Stack], r)
		}
	}
	for _, own := range h {
		slices.SortStableFunc(own, func(a, b *Record) int { return a.Time.Compare(b.Time) })
	}
	return h
}

// Stand reads the records of a stack. at says whether a record's modules are as
// they should be. What has an action or a result that is not known here says
// nothing.
func (h History) Stand(stack string, at func([]Module) bool) Standing {
	var s Standing
	for _, r := range h[stack] {
		s.Last = r
		switch r.Action {
		case Plan:
			s.Planned = r
		case Apply, Destroy:
			s.Done = r
		case Drift:
			s.Drifted = r
		}
		switch {
		case r.Action == Destroy && (r.Result == Applied || r.Result == Unchanged):
			s.Settled, s.Pending, s.At, s.Gone = nil, nil, false, r
		case (r.Action == Plan || r.Action == Apply) && r.Result == Unchanged, r.Action == Apply && r.Result == Applied:
			s.Settled, s.Pending, s.Gone = r, nil, nil
			was := s.At
			if s.At = at(r.Modules); s.At && !was {
				s.Since = r.Time
			}
		case r.Action == Plan && r.Result == Changes, (r.Action == Apply || r.Action == Destroy) && r.Result == Failed:
			s.Pending = r
		}
	}
	if !s.At {
		s.Since = time.Time{}
	}
	return s
}

// maxError bounds an error, in bytes: who wants all of it reads the run's log.
const maxError = 1000

// oneLine makes an error that can stand in a line.
func oneLine(text string) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == unicode.ReplacementChar {
			return ' '
		}
		return c
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxError {
		text = strings.ToValidUTF8(text[:maxError], "") + " …"
	}
	return text
}

// Encode is the record as it stands in the file, with its line's end: the same
// record, the same bytes.
func (r Record) Encode() ([]byte, error) { return r.line() }

// ErrNewer is a record of a format that this terrier does not know.
var ErrNewer = errors.New("a newer terrier wrote it")

// Decode reads what Encode wrote. What has another number before the dot of
// its format is ErrNewer.
func Decode(line []byte) (*Record, error) {
	if len(line) > maxLine+1 {
		return nil, fmt.Errorf("it has more than %d bytes", maxLine)
	}
	p := parser{texts: map[string]string{}, modules: map[string][]Module{}}
	r, err := p.line(line, 1)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w\nhint: use that", ErrNewer)
	case r == nil:
		return nil, errors.New("it is no record of a run")
	}
	return r, nil
}

// Merge puts the records of several places together: each once, in the order
// of their times.
func Merge(places ...[]Record) []Record {
	var out []Record
	seen := map[string]bool{}
	for _, place := range places {
		for _, r := range place {
			line, err := r.line()
			if err == nil && seen[string(line)] {
				continue
			}
			seen[string(line)] = true
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b Record) int { return a.Time.Compare(b.Time) })
	return out
}

// line is a record as it stands in the file.
func (r Record) line() ([]byte, error) {
	r.FormatVersion = FormatVersion
	r.Time = r.Time.UTC().Truncate(time.Second)
	r.Modules = slices.Clone(r.Modules)
	if r.Modules == nil {
		r.Modules = []Module{}
	}
	slices.SortFunc(r.Modules, func(a, b Module) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Subdir, b.Subdir), cmp.Compare(a.Ref, b.Ref), cmp.Compare(a.Commit, b.Commit))
	})
	r.Modules = slices.Compact(r.Modules)
	r.ApprovedBy = slices.Sorted(slices.Values(r.ApprovedBy))
	r.Overrides = slices.SortedStableFunc(slices.Values(r.Overrides), func(a, b Override) int { return cmp.Compare(a.Guard, b.Guard) })
	r.Error = oneLine(r.Error)
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("a record of %q: %w", r.Stack, err)
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	if len(data) > maxLine {
		return nil, fmt.Errorf("a record of %s is larger than %d bytes", r.Stack, maxLine)
	}
	return append(data, '\n'), nil
}
