package report

import (
	"cmp"
	"io"
	"slices"

	"github.com/terrier-iac/terrier/modules/versions"
)

// List is the result of `terrier list`, as JSON has it. Nothing in it holds
// credentials.
type List struct {
	FormatVersion string `json:"format_version"`
	// Environments are in the order of promotion; "" is for the calls that are
	// in none.
	Environments []string     `json:"environments"`
	Modules      []ListModule `json:"modules"`
	// Unknown are the calls whose source no file tells, or not its ref, or is no
	// address.
	Unknown []ListUnknown `json:"unknown"`
	// Errors are the files that could not be read, so that calls of them may be
	// missing, and the remotes that did not answer.
	Errors []ListError `json:"errors"`
	// Moved are the repositories that their forge has elsewhere than the
	// sources say, as far as remotes were asked.
	Moved []ListMoved `json:"moved"`
	// Local and Other count the calls that were left out: of modules of the
	// tree itself, and of archives, buckets and the like.
	Local int `json:"local_calls"`
	Other int `json:"other_calls"`

	name, version string // of what was read, and of terrier
	set           *versions.Set
	remote        bool
}

// ListModule is a module, and who has which version of it.
type ListModule struct {
	Name    string   `json:"name"`
	Source  string   `json:"source"`
	Sources []string `json:"sources,omitempty"` // all spellings, where there are several
	Subdir  string   `json:"subdir"`
	Kind    string   `json:"kind"` // "git" or "registry"
	// Latest is the newest release, pre-releases aside, where all are known.
	Latest   string                   `json:"latest"`
	Versions map[string][]ListVersion `json:"versions"`
	Skew     []ListSkew               `json:"skew"`
}

// ListVersion is one call.
type ListVersion struct {
	Version string `json:"version"` // without v and prefix; "" where it is not known
	Ref     string `json:"ref"`     // the ref or the version argument, as written
	Commit  string `json:"commit"`  // "" where it is not known
	File    string `json:"file"`
	Line    int    `json:"line"`
	Call    string `json:"call"`   // the module block's name
	Behind  int    `json:"behind"` // releases after it, up to the newest in use
	// Computed says that the ref is made of what no file tells; Ref is "".
	Computed bool `json:"computed,omitempty"`
}

// ListSkew is an environment that has an older version than another.
type ListSkew struct {
	Environment string `json:"environment"`
	Version     string `json:"version"`
	Ahead       string `json:"ahead"` // the environment with the newest
	Newest      string `json:"newest"`
	Behind      int    `json:"behind"`
	AtLeast     bool   `json:"at_least"` // there may be more releases between
}

// ListUnknown is a call whose source cannot be followed, and why.
type ListUnknown struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Module string `json:"module"`
	Source string `json:"source"`
	Reason string `json:"reason"`
}

// ListError is a file that could not be read, or a remote that did not answer.
type ListError struct {
	Source  string `json:"source"` // an address, or a file and line
	Summary string `json:"summary"`
	Hint    string `json:"hint,omitempty"`
}

// ListMoved is a repository that was renamed on its forge.
type ListMoved struct {
	Source string `json:"source"` // as calls have it
	To     string `json:"to"`     // the URL that it is at now
}

// NewList takes what is known. name is that of the repository, version that of
// terrier; unread are the files that could not be read; remote says that
// remotes were asked.
func NewList(set *versions.Set, name, version string, unread []ListError, remote bool) *List {
	l := &List{
		FormatVersion: FormatVersion, Environments: set.Environments, Modules: []ListModule{}, Unknown: listUnknown(set),
		Errors: listErrors(set, unread), Moved: listMoved(set), Local: set.Local, Other: set.Other, name: name, version: version, set: set, remote: remote,
	}
	for _, m := range set.Modules {
		lm := ListModule{Name: data(m.Name), Source: data(m.Source), Subdir: data(m.Subdir), Kind: "git", Versions: map[string][]ListVersion{}, Skew: []ListSkew{}}
		if m.Registry {
			lm.Kind = "registry"
		}
		if len(m.Sources) > 1 {
			for _, s := range m.Sources {
				lm.Sources = append(lm.Sources, data(s))
			}
		}
		if r := m.Newest(false); r != nil && m.Whole {
			lm.Latest = r.Version.String()
		}
		for _, u := range m.Uses {
			lm.Versions[u.Environment] = append(lm.Versions[u.Environment], ListVersion{
				Version: u.Version(), Ref: data(u.Ref), Commit: u.Commit, File: dataPath(u.File), Line: u.Line, Call: data(u.Call.Name()), Behind: m.Behind(u), Computed: u.Computed,
			})
		}
		for _, s := range m.Skews() {
			lm.Skew = append(lm.Skew, ListSkew{s.Environment, s.Release.Version.String(), s.Ahead, s.Newest.Version.String(), s.Behind, s.AtLeast})
		}
		l.Modules = append(l.Modules, lm)
	}
	return l
}

func listUnknown(set *versions.Set) []ListUnknown {
	out := []ListUnknown{}
	for _, u := range set.Unknown {
		out = append(out, ListUnknown{dataPath(u.File), u.Line, data(u.Module), data(u.Source), u.Reason})
	}
	return out
}

func listMoved(set *versions.Set) []ListMoved {
	out := []ListMoved{}
	for _, m := range set.Moved {
		out = append(out, ListMoved{data(m.Source), data(m.To)})
	}
	return out
}

func listErrors(set *versions.Set, unread []ListError) []ListError {
	out := slices.Clone(unread)
	if out == nil {
		out = []ListError{}
	}
	for _, f := range set.Failures {
		out = append(out, ListError{f.Source, f.Summary, f.Hint})
	}
	for i := range out {
		out[i] = ListError{data(out[i].Source), data(out[i].Summary), data(out[i].Hint)}
	}
	slices.SortFunc(out, func(a, b ListError) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Summary, b.Summary))
	})
	return out
}

// data is a text of the tree as a format for machines has it: credentials
// masked, and no byte that is none of UTF-8.
func data(text string) string { return dataPath(mask(text)) }

// envName is how people read an environment's name.
func envName(name string) string {
	if name == "" {
		return "-"
	}
	return oneLine(name)
}

var listFormats = []struct {
	name  string
	write func(io.Writer, *List, Style) error
}{
	{"text", listText},
	{"json", func(w io.Writer, l *List, _ Style) error { return JSON(w, l) }},
	{"jsonl", listJSONL},
	{"csv", listCSV},
	{"markdown", listMarkdown},
	{"cyclonedx", listCycloneDX},
}

// ListFormats are the names of the formats of WriteList, the default first.
func ListFormats() []string {
	var out []string
	for _, f := range listFormats {
		out = append(out, f.name)
	}
	return out
}

// WriteList writes the modules and their versions in one of ListFormats.
func WriteList(w io.Writer, l *List, format string, st Style) error {
	for _, f := range listFormats {
		if f.name == format {
			return f.write(w, l, st)
		}
	}
	return errFormat
}
