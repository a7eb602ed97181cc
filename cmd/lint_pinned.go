package cmd

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split"
)

// A plannedRelease is a module's repository as its callers name it, and its tags'
// prefix.
type plannedRelease struct{ source, prefix string }

// planned says for each module's directory which repository it has after a
// split, as the configuration has it. It loads the whole tree, and is asked
// only where a relative call could be pinned.
func (l *lintRun) planned() map[string]plannedRelease {
	if l.releases != nil {
		return l.releases
	}
	l.releases = map[string]plannedRelease{}
	if !l.cfg.Modules.Configured() {
		return l.releases
	}
	plan, diags := split.NewPlan(&repo.Commit{}, modules.Load(l.fsys, l.cfg.roleOf), l.cfg.splitConfig(splitOptions{}))
	if diags.HasErrors() {
		return l.releases
	}
	for _, p := range plan.Packages {
		tags := map[string]string{}
		for _, t := range p.Tags {
			tags[t.Path] = t.Tag
		}
		for _, dir := range p.Modules {
			tag := p.Tag
			if t := tags[dir]; t != "" {
				tag = t
			}
			r, ok := modules.ParseRelease(tag)
			if !ok {
				continue
			}
			source := p.Source
			if rel, err := filepath.Rel(filepath.FromSlash(p.Root), filepath.FromSlash(dir)); err == nil && rel != "." {
				source += "//" + path.Clean(filepath.ToSlash(rel))
			}
			l.releases[dir] = plannedRelease{source, r.Prefix}
		}
	}
	return l.releases
}

// packageAddresses are the addresses of all packages.
func (l *lintRun) packageAddresses() []string {
	var out []string
	for _, r := range l.planned() {
		if s, err := hclparse.ParseSource(r.source); err == nil {
			out = append(out, lock.Address(s))
		}
	}
	return out
}

// pinned is the source of the newest release of a module, as far as the lock
// or a remote knows one. Pre-releases are left out.
func (l *lintRun) pinned(dir string) (string, bool) {
	if l.facts.lock == nil && l.facts.refs == nil {
		return "", false
	}
	r, ok := l.planned()[dir]
	if !ok {
		return "", false
	}
	s, err := hclparse.ParseSource(r.source)
	if err != nil {
		return "", false
	}
	address, newest, tag := lock.Address(s), (*modules.Release)(nil), ""
	consider := func(ref string) {
		if v, ok := modules.ParseRelease(ref); ok && v.Prefix == r.prefix && v.Version.Prerelease() == "" &&
			(newest == nil || v.Version.GreaterThan(newest.Version) || v.Version.Equal(newest.Version) && ref < tag) {
			newest, tag = &v, ref
		}
	}
	for ref := range l.facts.refs[address] {
		if name, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
			consider(name)
		}
	}
	if l.facts.lock != nil {
		for _, e := range l.facts.lock.Entries {
			if e.Address == address && e.Kind == lock.KindTag {
				consider(strings.TrimPrefix(e.Ref, "refs/tags/"))
			}
		}
	}
	if newest == nil {
		return "", false
	}
	if s, err = s.WithRef(tag); err != nil {
		return "", false
	}
	return s.String(), true
}
