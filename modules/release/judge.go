package release

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/changelog"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A Source says where a reason comes from.
type Source string

// The sources of reasons.
const (
	FromChange     Source = "change"     // what changed in the files
	FromCommit     Source = "commit"     // what a commit says
	FromDependency Source = "dependency" // what it calls was released
	FromFiles      Source = "files"      // a file outside that it reads changed
)

// A Reason is why a release has its level, or one that is lower.
type Reason struct {
	Level   change.Level
	Source  Source
	Summary string // a sentence without its full stop, or a commit's first line
	// File and Line are where it stands; with Gone, where it stood in the last
	// release. "" where there is no place.
	File string
	Line int
	Gone bool
	// Commit is zero but for FromCommit.
	Commit repo.Hash
}

// A Release is one that is to be made.
type Release struct {
	Name string // of the module, to show
	Dir  string
	// Previous is what it is held against, nil for the first.
	Previous *Tag
	Version  *semver.Version
	Tag      string
	// Level is what the reasons call for together; the version may be higher.
	Level   change.Level
	Reasons []Reason // the highest first
	Entries []changelog.Entry
	// Asked says that the user named it, or all.
	Asked bool
	// Uses are the tags of this run that it comes after.
	Uses []string
	Pins []Pin
}

// A Pin is a call of the module's that gets a new ref in a commit of its own.
type Pin struct {
	File     string
	Line     int
	Call     string // the module block's name
	From, To string // refs
}

// Log is the changelog.
func (r *Release) Log() *changelog.Log { return changelog.New(r.Entries) }

// Unannounced are the breaking changes that no commit tells of; none where one
// does.
func (r *Release) Unannounced() []Reason {
	var out []Reason
	for _, x := range r.Reasons {
		switch {
		case x.Source == FromCommit && x.Level == change.Major:
			return nil
		case x.Source == FromChange && x.Level == change.Major:
			out = append(out, x)
		}
	}
	return out
}

// Judge takes what changed and what the commits say together.
func (r *Release) Judge(changes []change.Change, entries []changelog.Entry) {
	r.Entries = entries
	for _, c := range changes {
		in := ""
		if c.Module != "." && c.Module != c.Subject {
			in = ", in " + c.Module
		}
		r.Add(Reason{Level: c.Level, Source: FromChange, Summary: c.Summary + in, File: c.File, Line: c.Line, Gone: c.Gone})
	}
	for _, e := range entries {
		if l := change.Level(e.Level()); l != change.None {
			summary := e.Type
			if e.Scope != "" {
				summary += "(" + e.Scope + ")"
			}
			if e.Breaking {
				summary += "!"
			}
			summary += ": " + e.Description
			r.Add(Reason{Level: l, Source: FromCommit, Summary: strings.TrimPrefix(summary, ": "), Commit: e.Commit})
		}
	}
}

// Add adds a reason, and raises the level to its.
func (r *Release) Add(x Reason) {
	if r.Level == "" {
		r.Level = change.None
	}
	if r.Level.Less(x.Level) {
		r.Level = x.Level
	}
	r.Reasons = append(r.Reasons, x)
	slices.SortStableFunc(r.Reasons, func(a, b Reason) int {
		less := 0
		switch {
		case b.Level.Less(a.Level):
			less = -1
		case a.Level.Less(b.Level):
			less = 1
		}
		return cmp.Or(less, cmp.Compare(a.Source, b.Source))
	})
}

// Inner is the part of a called module's changes that reaches through its
// caller to whoever calls that: not variables and outputs, but what is
// destroyed, and which providers are needed.
func Inner(changes []change.Change, called string) []Reason {
	var out []Reason
	for _, c := range changes {
		if c.Level != change.Major || strings.HasPrefix(c.Subject, "variable.") || strings.HasPrefix(c.Subject, "output.") ||
			c.Kind == change.SubmoduleRemoved || c.Kind == change.SubmoduleRenamed {
			continue
		}
		out = append(out, Reason{Level: c.Level, Source: FromDependency, Summary: fmt.Sprintf("in %s %s", called, c.Summary), File: c.File, Line: c.Line, Gone: c.Gone})
	}
	return out
}
