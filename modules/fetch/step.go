package fetch

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/change"
)

// ErrNoModule says that a version holds no module in its directory.
var ErrNoModule = errors.New("there is no module")

// A ParseError is a version of a module that does not parse.
type ParseError struct {
	Name, Label string // see Version
	Diags       hcl.Diagnostics
	Files       map[string]*hcl.File // by their paths in the package, for the snippets
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("%s at %s does not parse, so nothing was compared\nhint: name a version that does", e.Name, e.Label)
}

// Load reads the configuration of a version. A module that does not parse is a
// *ParseError; the error of a directory without configuration wraps
// ErrNoModule.
func (v *Version) Load() (*change.Version, error) {
	loaded, diags := change.Load(v.FS, v.Dir)
	var errs hcl.Diagnostics
	for _, diag := range diags {
		if diag.Severity == hcl.DiagError {
			errs = append(errs, diag)
		}
	}
	if len(errs) > 0 {
		files := map[string]*hcl.File{}
		for _, m := range loaded.Modules {
			for _, f := range m.Files {
				files[f.Path] = &hcl.File{Bytes: f.Bytes}
			}
		}
		return nil, &ParseError{v.Name, v.Label, errs, files}
	}
	if len(loaded.Modules) == 0 {
		where := "the directory " + v.Dir
		if v.Dir == "." {
			where = "its root"
		}
		return nil, fmt.Errorf("%s at %s: %w in %s: it holds no Terraform configuration\nhint: the module may have stood elsewhere then; name that directory, or another version", v.Name, v.Label, ErrNoModule, where)
	}
	return loaded, nil
}

// A Step is what moving a module from one version to another changes.
type Step struct {
	Name     string // modules.Identity
	Old, New string // the labels of the versions: vpc/v1.2.0
	// Before and After are the versions as change compares them. Their
	// configuration is in memory; their FS is closed.
	Before, After *change.Version
	// Changes are as change.Versions has them, Level is the highest of theirs.
	Changes []change.Change
	Level   change.Level
	// Same says that the module's directory, and each that it calls in its
	// repository, are equal to the byte. Where that cannot be told it is false;
	// files that nobody reads, a README say, count.
	Same bool
}

// Compare opens a module at two revisions, as Open takes them, and compares
// them. It does not keep them open.
func (s *Store) Compare(ctx context.Context, source hclparse.Source, old, new string, prefixes []string) (*Step, error) {
	before, err := s.Open(ctx, source, old, prefixes)
	if err != nil {
		return nil, err
	}
	defer before.Close()
	after, err := s.Open(ctx, source, new, prefixes)
	if err != nil {
		return nil, err
	}
	defer after.Close()
	return compare(before, after)
}

func compare(before, after *Version) (*Step, error) {
	st := &Step{Name: after.Name, Old: before.Label, New: after.Label, Level: change.None}
	var err error
	if st.Before, err = before.Load(); err != nil {
		return nil, err
	}
	if !before.Commit.IsZero() && before.Commit == after.Commit && before.Dir == after.Dir {
		st.After, st.Same = st.Before, true
		return st, nil
	}
	if st.After, err = after.Load(); err != nil {
		return nil, err
	}
	if same, ok := Same(before.FS, before.Dir, after.FS, after.Dir); ok {
		st.Same = same
	}
	st.Changes = change.Versions(st.Before, st.After)
	st.Level = change.Highest(st.Changes)
	return st, nil
}

// Breaks says which calls of the module break with the step: see
// change.Callers. Sub of a call is relative to the source that was compared.
func (st *Step) Breaks(callers *change.Callers, calls []change.Called) (breaks []change.Break, unread []string) {
	if st.Same {
		return nil, nil
	}
	return callers.Breaks(calls, st.Before, st.After)
}
