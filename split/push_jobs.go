package split

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/terrier-iac/terrier/modules/repo"
)

// pushJobs returns the repositories that the glob asks for, and those that
// they need, each after what it needs.
func pushJobs(dir string, d *Document, only string) ([]*pushJob, error) {
	all := map[string]*pushJob{} // by repository path
	byName := map[string]*pushJob{}
	add := func(name, repository, remote, gitDir, branch, tip string, tags map[string]string) (*pushJob, error) {
		j := all[repository]
		if j == nil {
			j = &pushJob{
				Pushed: Pushed{Name: name, Repository: repository, Remote: repo.RedactURL(remote), Branch: branch, Tags: []string{}},
				gitDir: gitDir, remote: remote, done: make(chan struct{}), refs: map[string]repo.Hash{},
			}
			all[repository] = j
		}
		for ref, id := range tags {
			j.Tags = append(j.Tags, ref)
			if err := j.record("refs/tags/"+ref, id); err != nil {
				return nil, err
			}
		}
		return j, j.record("refs/heads/"+branch, tip)
	}
	inPlace := map[string]string{} // the tags of the monorepo itself
	for i, pkg := range d.Packages {
		r := d.Result.Packages[i]
		tags := map[string]string{}
		if d.InPlace {
			tags = inPlace
		}
		for _, t := range slices.Concat(r.Tags, r.Carried) {
			tags[t.Tag] = t.Object
		}
		if d.InPlace {
			continue // its branches are the remote's own
		}
		j, err := add(pkg.Name, pkg.Repository, pkg.Remote, filepath.Join(dir, filepath.FromSlash(pkg.Repository)), "main", r.Tip, tags)
		if err != nil {
			return nil, err
		}
		byName[pkg.Name] = j
	}
	var packages []*pushJob
	for _, j := range all {
		packages = append(packages, j)
	}
	for _, pkg := range d.Packages {
		for _, name := range pkg.Requires {
			if d.InPlace {
				break
			}
			n := byName[name]
			if n == nil {
				return nil, fmt.Errorf("split.json: package %s requires %q, which is none", pkg.Name, name)
			}
			if j := byName[pkg.Name]; n != j && !slices.Contains(j.needs, n) {
				j.needs = append(j.needs, n)
			}
		}
	}
	for i, l := range d.Live {
		tags := inPlace
		if !d.InPlace {
			tags = map[string]string{}
		}
		for _, t := range d.Result.Live[i].Carried {
			tags[t.Tag] = t.Object
		}
		j, err := add(l.Name, l.Repository, l.Remote, filepath.Join(dir, filepath.FromSlash(l.Repository), ".git"), l.Branch, d.Result.Live[i].Tip, tags)
		if err != nil {
			return nil, err
		}
		// A live repository deletes what the packages hold, whether it calls
		// them or not.
		j.needs = append(j.needs, packages...)
	}

	var order []*pushJob
	asked := false
	for _, repository := range slices.Sorted(maps.Keys(all)) {
		j := all[repository]
		slices.SortFunc(j.needs, func(a, b *pushJob) int { return strings.Compare(a.Repository, b.Repository) })
		slices.Sort(j.Tags)
		j.describe(nil)
		j.selected = only == ""
		for _, text := range []string{j.Name, j.Repository} {
			ok, err := doublestar.Match(only, text)
			if err != nil {
				return nil, fmt.Errorf("--only %q is not a pattern: %w", only, err)
			}
			j.selected = j.selected || ok
		}
		asked = asked || j.selected
	}
	if !asked && only != "" {
		return nil, fmt.Errorf("--only %q matches no repository of %s\nhint: it is compared with names (vpc) and with paths (modules/vpc.git, live/live)", only, dir)
	}
	state := map[*pushJob]int{} // 1: under way, 2: done
	var visit func(j *pushJob) error
	visit = func(j *pushJob) error {
		switch state[j] {
		case 1:
			return fmt.Errorf("split.json: package %s requires itself", j.Name)
		case 2:
			return nil
		}
		state[j] = 1
		for _, n := range j.needs {
			if err := visit(n); err != nil {
				return err
			}
		}
		state[j] = 2
		order = append(order, j)
		return nil
	}
	for _, repository := range slices.Sorted(maps.Keys(all)) {
		if j := all[repository]; j.selected {
			if err := visit(j); err != nil {
				return nil, err
			}
		}
	}
	return order, nil
}

// record notes what a ref is to point to. The packages of one repository
// share its branch.
func (j *pushJob) record(ref, id string) error {
	h, err := repo.ParseHash(id)
	if err != nil {
		return fmt.Errorf("split.json: %s of %s: %w", ref, j.Repository, err)
	}
	if old, ok := j.refs[ref]; ok && old != h {
		return fmt.Errorf("split.json: %s of %s is to be %s and %s", ref, j.Repository, old, h)
	}
	j.refs[ref] = h
	return nil
}

// checkRemotes refuses to begin where a repository has nowhere to go, or two
// have one place.
func checkRemotes(jobs []*pushJob) error {
	at := map[string]string{}
	var without []string
	for _, j := range jobs {
		if j.remote == "" {
			without = append(without, j.Repository)
			continue
		}
		if err := repo.CheckRemoteURL(j.remote); err != nil {
			return fmt.Errorf("%s: %w", j.Repository, err)
		}
		if other, ok := at[j.remote]; ok {
			return fmt.Errorf("%s and %s have the same remote, %s\nhint: write ${name} in it", other, j.Repository, j.Remote)
		}
		at[j.remote] = j.Repository
	}
	if len(without) == 0 {
		return nil
	}
	slices.Sort(without)
	isLive := func(repository string) bool { return strings.HasPrefix(repository, "live/") }
	var lines []string // each that is missing: whoever follows the hint is not to come back for the next
	if slices.ContainsFunc(without, isLive) {
		lines = append(lines, `live { remote = "ssh://git@HOST/GROUP/${name}.git" }`)
	}
	if slices.ContainsFunc(without, func(r string) bool { return !isLive(r) }) {
		lines = append(lines, `modules { source = "git::ssh://git@HOST/GROUP/${name}.git" }`)
	}
	more := ""
	if n := len(without) - 1; n > 0 {
		more = fmt.Sprintf(", nor for %d more", n)
	}
	return fmt.Errorf("no remote is configured for %s%s\nhint: write %s in terrier.hcl, and split again into a new directory: a split records its remotes, and pins calls to them", without[0], more, strings.Join(lines, " and "))
}
