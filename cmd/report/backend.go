package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/terrier-iac/terrier/live/backend"
)

// Backend is the result of `terrier backend`, as JSON has it. Nothing in it
// holds credentials.
type Backend struct {
	FormatVersion string             `json:"format_version"`
	Written       bool               `json:"written"`
	Stacks        []BackendStack     `json:"stacks"`
	Duplicates    []BackendDuplicate `json:"duplicates"`
	Changes       []BackendChange    `json:"changes"`

	name            string
	without         int
	writes, offered bool
	migrate         bool
}

// BackendStack is one stack in one environment.
type BackendStack struct {
	Path        string              `json:"path"`
	Unit        string              `json:"unit"`
	Environment string              `json:"environment"`
	Status      string              `json:"status"`
	Partial     bool                `json:"partial"` // backend_config was merged in
	File        string              `json:"file"`
	Line        int                 `json:"line"` // 0 where there is no block
	Why         string              `json:"why"`
	Differences []BackendDifference `json:"differences"`
	Warnings    []string            `json:"warnings"`
	Migration   *BackendMigration   `json:"migration"` // null where the state's place stays

	open bool
}

// BackendDifference is one argument.
type BackendDifference struct {
	Attribute string  `json:"attribute"`
	Have      *string `json:"have"` // null where it is not there
	Want      string  `json:"want"`
	File      string  `json:"file"`
	Line      int     `json:"line"`
	Moves     bool    `json:"moves"`  // another value is another place for the state
	Change    bool    `json:"change"` // it is written, or would be
	Why       string  `json:"why"`    // why not
}

// BackendMigration is how a state is moved, and back.
type BackendMigration struct {
	From       string   `json:"from"`
	To         string   `json:"to"`
	Before     []string `json:"before"`
	Commands   []string `json:"commands"`
	Undo       []string `json:"undo"`
	Workspaces []string `json:"workspaces"`
}

// BackendDuplicate is one state that several stacks have.
type BackendDuplicate struct {
	State  string   `json:"state"`
	Units  []string `json:"units"`
	Places []string `json:"places"` // FILE:LINE of each
	Now    bool     `json:"now"`    // else it would be so by the configuration
}

// BackendChange is a file that is written, or would be.
type BackendChange struct {
	File string `json:"file"`
	New  bool   `json:"new"`
}

// NewBackend takes a plan. written says that its changes have been made, and
// offered that they can be: it is false with --check. without is how many
// stacks have no backend configured.
func NewBackend(name string, p *backend.Plan, without int, written, offered, migrate bool) *Backend {
	b := &Backend{
		FormatVersion: FormatVersion, Written: written && len(p.Changes) > 0, Stacks: []BackendStack{}, Duplicates: []BackendDuplicate{}, Changes: []BackendChange{},
		name: name, without: without, writes: written, offered: offered, migrate: migrate,
	}
	for _, f := range p.Findings {
		s := BackendStack{
			Path: dataPath(f.Stack), Unit: dataPath(f.Unit), Environment: data(f.Environment), Status: string(f.Status), Partial: f.Partial,
			File: dataPath(f.File), Line: f.Line, Why: data(f.Why), Differences: []BackendDifference{}, Warnings: dataAll(f.Warnings), open: f.Open(offered),
		}
		for _, d := range f.Differences {
			one := BackendDifference{Attribute: data(d.Attribute), Want: data(d.Want), File: dataPath(d.File), Line: d.Line, Moves: d.Moves, Change: d.Fixed, Why: data(d.Why)}
			if have := data(d.Have); !d.Absent {
				one.Have = &have
			}
			s.Differences = append(s.Differences, one)
		}
		if m := f.Migration; m != nil {
			s.Migration = &BackendMigration{From: data(m.From), To: data(m.To), Before: dataAll(m.Before), Commands: dataAll(m.Commands), Undo: dataAll(m.Undo), Workspaces: dataAll(m.Workspaces)}
		}
		b.Stacks = append(b.Stacks, s)
	}
	for _, d := range p.Duplicates {
		b.Duplicates = append(b.Duplicates, BackendDuplicate{State: data(d.Where), Units: dataAll(d.Units), Places: dataAll(d.Places), Now: d.Now})
	}
	for _, c := range p.Changes {
		b.Changes = append(b.Changes, BackendChange{dataPath(c.Path), c.New})
	}
	return b
}

// WriteBackend writes what was found, as text or JSON.
func WriteBackend(w io.Writer, b *Backend, format string, st Style) error {
	switch format {
	case "json":
		return JSON(w, b)
	case "text":
		return backendText(w, b, st)
	}
	return errFormat
}

func backendText(w io.Writer, b *Backend, st Style) error {
	p := &printer{w: w}
	p.f("%s\n", st.bold("Backends of "+visible(b.name)))
	for _, d := range b.Duplicates {
		verb := "would have"
		if d.Now {
			verb = "have"
		}
		p.f("\n%s %s one state, %s\n", st.red("refused"), verb, visible(d.State))
		for i, u := range d.Units {
			if i == shownMigrations*3 && !st.Verbose {
				p.f("  and %s; -v shows all\n", more(len(d.Units)-i, "stack"))
				break
			}
			p.f("  %s  %s\n", visible(u), st.faint(visible(d.Places[i])))
		}
		p.f("  hint: give each a key of its own; none of them is changed\n")
	}
	shown := 0
	for _, s := range b.Stacks {
		if s.Status == string(backend.Matches) && len(s.Warnings) == 0 {
			if st.Verbose {
				p.f("\n%s  %s\n", st.bold(visible(s.Unit)), st.green("matches"))
			}
			continue
		}
		if s.Migration != nil {
			shown++
		}
		backendStack(p, b, s, st, shown <= shownMigrations || st.Verbose)
	}
	p.f("\n%s", count(len(b.Stacks), "backend"))
	counts := map[string]int{}
	for _, s := range b.Stacks {
		counts[s.Status]++
	}
	for _, status := range []backend.Status{backend.Matches, backend.Missing, backend.Differs, backend.Partial, backend.Other, backend.Computed, backend.Unwanted, backend.Broken} {
		if n := counts[string(status)]; n > 0 {
			p.f(", %d %s", n, status)
		}
	}
	p.f(".\n")
	if b.without > 0 {
		p.f("%s: no backend is configured for their environment.\n", count(b.without, "more stack"))
	}
	if n := len(b.Changes); n > 0 && b.offered {
		verb := "would be written"
		if b.writes {
			verb = "written"
		}
		p.f("%s %s:\n", count(n, "file"), verb)
		for _, c := range b.Changes {
			note := ""
			if c.New {
				note = "  (new)"
			}
			p.f("  %s%s\n", visible(c.File), note)
		}
	}
	return p.err
}

// shownMigrations is how many migrations are shown whole without -v: they are
// all alike.
const shownMigrations = 3

func backendStack(p *printer, b *Backend, s BackendStack, st Style, whole bool) {
	status := st.yellow(s.Status)
	at := s.File
	if s.Line > 0 {
		at = fmt.Sprintf("%s:%d", s.File, s.Line)
	}
	p.f("\n%s  %s  %s\n", st.bold(visible(s.Unit)), status, st.faint(visible(at)))
	if s.Why != "" {
		p.f("  %s\n", strings.ReplaceAll(visible(strings.ReplaceAll(s.Why, "\n", " ")), "\n", "\n  "))
	}
	for _, d := range s.Differences {
		have := "(not there)"
		if d.Have != nil {
			have = fmt.Sprintf("%q", *d.Have)
			if *d.Have == "" {
				have = "(not known)"
			}
		}
		mark := " "
		if d.Change && b.offered {
			mark = "+"
		}
		place := d.File
		if d.Line > 0 {
			place = fmt.Sprintf("%s:%d", d.File, d.Line)
		}
		p.f("  %s %s: %s, is to be %q  %s\n", mark, visible(d.Attribute), visible(have), visible(d.Want), st.faint(visible(place)))
		if d.Why != "" && b.offered {
			p.f("      left: %s\n", strings.ReplaceAll(visible(strings.ReplaceAll(d.Why, "\n", "\x00")), `\x00`, "\n      "))
		}
	}
	for _, warn := range s.Warnings {
		p.f("  %s %s\n", st.yellow("warning:"), visible(warn))
	}
	if m := s.Migration; m != nil {
		p.f("  %s\n", st.red("THE STATE WOULD BE LOOKED FOR AT ANOTHER PLACE. Nothing is moved by itself."))
		p.f("    from %s\n    to   %s\n", visible(m.From), visible(m.To))
		if !whole {
			p.f("    %s\n", st.faint("-v, or --stack with this one, shows how it is moved"))
			return
		}
		p.f("  What must be true before:\n")
		for _, t := range m.Before {
			p.f("    - %s\n", visible(t))
		}
		p.f("  From the repository's root, one after the other, each only if the one before ended well:\n")
		for _, c := range m.Commands {
			p.f("    %s\n", visible(c))
		}
		p.f("  And back, as long as nothing was applied since:\n")
		for _, c := range m.Undo {
			p.f("    %s\n", visible(c))
		}
	}
}
