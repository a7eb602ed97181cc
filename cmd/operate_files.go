package cmd

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/live/estate"
)

// files are what a unit is made of, for its fingerprint.
func (e *estateRun) files(u *estate.Unit) ([]string, error) { return e.made.Of(u), nil }

// hidden are files that git ignores and terraform reads as configuration: no
// commit has them, and a plan is made of them all the same. (Ignored var files are
// left alone: they hold what may not be committed, and a plan shows their values.)
func (e *estateRun) hidden(ctx context.Context) ([]string, error) {
	ignored, err := e.repo.Ignored(ctx)
	if err != nil {
		return nil, err
	}
	ignored = slices.DeleteFunc(ignored, func(p string) bool { return !isConfiguration(p) || estate.Own(p) })
	if len(ignored) == 0 {
		return nil, nil
	}
	dirs := map[string]bool{}
	for _, u := range e.estate.Units {
		for _, dir := range e.made.Dirs(u) {
			dirs[dir] = true
		}
	}
	return slices.DeleteFunc(ignored, func(p string) bool { return !dirs[path.Dir(p)] }), nil
}

// isConfiguration reports whether terraform or tofu read a file of this name.
func isConfiguration(p string) bool {
	for _, end := range []string{".tf", ".tf.json", ".tofu", ".tofu.json"} {
		if strings.HasSuffix(p, end) {
			return true
		}
	}
	return false
}
