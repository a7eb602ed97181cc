// Package approval knows who approved an apply: by the forge's own record where
// it runs in CI (GitLab, GitHub), by the run folder where a person runs it at
// home. README.md says what is asked, and who could still cheat.
//
// It neither applies anything nor takes a variable or a file of a CI job for an
// approval. What cannot be established is a refusal, never an approval.
package approval

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/store"
)

// A Want is what is to be applied.
type Want struct {
	Run   *store.Run
	Stack *store.Stack // of Run
	// Environment is the stack's, which is the forge's environment of the same
	// name.
	Environment string
	// Manifest is where run.json is, from the top of the checkout, with slashes:
	// ".terrier/runs/RUN/run.json". The plan job's artifact has it there.
	Manifest string
	// Emails asks for the people's addresses, which costs a request for each.
	Emails bool
}

// A Person is somebody whom the forge, or git, knows.
type Person struct {
	ID       string   // the forge's number, "" at home
	Username string   // at the forge, "" at home
	Emails   []string // which the forge has verified; at home the one that git has
}

// String is the person's name for people, of characters that can be shown.
func (p Person) String() string {
	name := p.ID
	switch {
	case p.Username != "":
		name = p.Username
	case len(p.Emails) > 0:
		name = p.Emails[0]
	}
	return clip(name)
}

// clip keeps a word of a server, or of a file, within bounds.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
	if runes := []rune(s); len(runes) > 60 {
		s = string(runes[:60]) + "…"
	}
	return s
}

// same reports whether two are one person, as far as can be told.
func (p Person) same(other Person) bool {
	if p.ID != "" || other.ID != "" {
		return p.ID == other.ID
	}
	return slices.ContainsFunc(p.Emails, func(a string) bool {
		return slices.ContainsFunc(other.Emails, func(b string) bool { return strings.EqualFold(a, b) })
	})
}

// is reports whether an entry of `approvers` means the person. Digits are an id
// alone, for a user may have a name of digits, and what has an @ an address.
func (p Person) is(entry string) bool {
	switch {
	case entry == "":
		return false
	case strings.Trim(entry, "0123456789") == "":
		return entry == p.ID
	case strings.Contains(entry, "@"):
		return slices.ContainsFunc(p.Emails, func(e string) bool { return strings.EqualFold(e, entry) })
	}
	return strings.EqualFold(entry, p.Username)
}

// A Record is what is known of who approved.
type Record struct {
	Approvers []Person // each once
	Authors   []Person // of the change; where there are none it is not known
	By        string   // where it comes from: "gitlab.example.com", "the run folder"
}

// A Source tells who approved. Its errors are *Refused, those of the connection
// and the end of ctx: with any of them nobody has approved.
type Source interface {
	Approvals(ctx context.Context, w Want) (*Record, error)
}

// A Refused says why a record cannot count.
type Refused struct {
	Reason string // a sentence without its stop
	Hint   string // the next step, or ""
}

func (e *Refused) Error() string {
	if e.Hint == "" {
		return e.Reason
	}
	return e.Reason + "\nhint: " + e.Hint
}

func refuse(hint, format string, args ...any) error {
	return &Refused{fmt.Sprintf(format, args...), hint}
}

// Options say where approvals are looked for.
type Options struct {
	Getenv  func(name string) string
	Store   *store.Store  // of the run folders
	Timeout time.Duration // for one request; 0 is for ever
}

// New finds the source by the environment. Nothing is asked yet. Where nothing
// could be asked (no token, say) the source refuses all, and so it does in CI
// that is not known, whose jobs could write their own approvals into the run
// folder.
func New(o Options) Source {
	var s Source
	var err error
	switch place := placeOf(o.Getenv); place {
	case atHome:
		return &local{o.Store}
	case inGitLab:
		s, err = newGitLab(o)
	case inGitHub:
		s, err = newGitHub(o)
	default:
		return unknown(place)
	}
	if err != nil {
		reason, hint, _ := strings.Cut(err.Error(), "\nhint: ")
		return refusing{&Refused{reason, hint}}
	}
	return &discreet{s, secrets(o.Getenv)}
}

// refusing is a source of which nothing can be asked.
type refusing struct{ why *Refused }

func (r refusing) Approvals(context.Context, Want) (*Record, error) { return nil, r.why }

// A discreet source takes tokens out of what a server says, which may be all
// that it was sent.
type discreet struct {
	Source
	secrets *strings.Replacer
}

func secrets(getenv func(string) string) *strings.Replacer {
	var pairs []string
	for _, name := range []string{"CI_JOB_TOKEN", "GITLAB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"} {
		if s := strings.TrimSpace(getenv(name)); s != "" {
			pairs = append(pairs, s, "REDACTED", url.QueryEscape(s), "REDACTED", url.PathEscape(s), "REDACTED")
		}
	}
	return strings.NewReplacer(pairs...)
}

func (d *discreet) Approvals(ctx context.Context, w Want) (*Record, error) {
	rec, err := d.Source.Approvals(ctx, w)
	var refused *Refused
	switch {
	case err == nil:
		return rec, nil
	case errors.As(err, &refused):
		return nil, &Refused{d.secrets.Replace(refused.Reason), d.secrets.Replace(refused.Hint)}
	case d.secrets.Replace(err.Error()) != err.Error():
		return nil, errors.New(d.secrets.Replace(err.Error()))
	}
	return nil, err
}

// Check asks the source whether the approvals that the rules want are there: it
// gives those that count, or why it is refused. With no approval wanted nothing
// is asked.
func Check(ctx context.Context, s Source, w Want, r guard.Rules) ([]Person, *guard.Refusal) {
	if r.Approvals <= 0 {
		return nil, nil
	}
	w.Emails = w.Emails || slices.ContainsFunc(r.Approvers, func(e string) bool { return strings.Contains(e, "@") })
	rec, err := s.Approvals(ctx, w)
	var refused *Refused
	switch {
	case errors.As(err, &refused):
		return nil, &guard.Refusal{Guard: guard.Unapproved, Reason: refused.Reason, Hint: refused.Hint}
	case err != nil:
		reason, hint, _ := strings.Cut(err.Error(), "\nhint: ")
		return nil, &guard.Refusal{Guard: guard.Unapproved, Reason: "who approved cannot be told: " + reason, Hint: hint}
	case rec == nil:
		return nil, &guard.Refusal{Guard: guard.Unapproved, Reason: "who approved cannot be told"}
	}
	return rec.count(w, r)
}

// count takes the approvals that count.
func (rec *Record) count(w Want, r guard.Rules) ([]Person, *guard.Refusal) {
	if !r.AuthorApproves && len(rec.Authors) == 0 {
		return nil, &guard.Refusal{Guard: guard.Unapproved, Reason: "the author may not approve, and who that is " + rec.By + " does not tell"}
	}
	var counted []Person
	var not []string
	for _, p := range rec.Approvers {
		switch {
		case p.ID == "" && len(p.Emails) == 0 || slices.ContainsFunc(counted, p.same):
		case !r.AuthorApproves && slices.ContainsFunc(rec.Authors, p.same):
			not = append(not, p.String()+" is the author")
		case len(r.Approvers) > 0 && !slices.ContainsFunc(r.Approvers, p.is):
			not = append(not, p.String()+" is none of `approvers`")
		default:
			counted = append(counted, p)
		}
	}
	if len(counted) >= r.Approvals {
		return counted, nil
	}
	reason := fmt.Sprintf("it needs %d %s, and %s has %d", r.Approvals, plural(r.Approvals, "approval", "approvals"), rec.By, len(counted))
	if len(not) > 0 {
		slices.Sort(not)
		reason += " that " + plural(len(counted), "counts", "count") + "; " + strings.Join(slices.Compact(not), ", ")
	}
	return nil, &guard.Refusal{Guard: guard.Unapproved, Reason: reason, Hint: hintFor(rec.By, w)}
}

func hintFor(by string, w Want) string {
	if by == folder {
		return "terrier approve " + w.Run.ID
	}
	return fmt.Sprintf("approve the deployment to %s at %s, then run the job again", w.Environment, by)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// add puts a person into a list that has each once.
func add(list []Person, p Person) []Person {
	if slices.ContainsFunc(list, p.same) {
		return list
	}
	return append(list, p)
}
