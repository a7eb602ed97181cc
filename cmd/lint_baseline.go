package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/terrier-iac/terrier/modules/lint"
)

// acceptBaseline leaves what the baseline does not have. Where there is none
// yet, or a new one is wanted, all of it is accepted.
func (l *lintRun) acceptBaseline() error {
	if l.o.baseline == "" || l.o.diff {
		return nil
	}
	file := l.o.baseline
	if !filepath.IsAbs(file) {
		file = filepath.Join(l.chdir, file)
	}
	if err := leadsOut(l.root, file); err != nil {
		return fmt.Errorf("the baseline %s cannot be used: %s", l.o.baseline, reason(err))
	}
	data, err := os.ReadFile(file)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return fmt.Errorf("the baseline %s cannot be read: %s", l.o.baseline, reason(err))
	}
	if missing || l.o.updateBaseline {
		if l.scope != nil || l.since != nil || len(l.o.only) > 0 {
			return errors.New("a baseline is of the whole repository\nhint: leave out PATH, --only and --changed-since while it is written")
		}
		if !missing && !lint.IsBaseline(data) {
			return fmt.Errorf("%s is no baseline, and is not written over\nhint: name another file, or delete it first", l.o.baseline)
		}
		if err := l.writeOutput(file, lint.NewBaseline(l.found).Bytes()); err != nil {
			return fmt.Errorf("the baseline %s cannot be written: %s", l.o.baseline, reason(err))
		}
		l.say("%s accepts %d findings: it is new, and fails on what comes from now on. Commit it.", l.o.baseline, len(l.found))
		l.known, l.found = len(l.found), nil
		return nil
	}
	b, err := lint.ReadBaseline(data, l.o.baseline)
	if err != nil {
		return err
	}
	fresh, known, gone := b.Split(l.found)
	l.found, l.known = fresh, known
	if gone > 0 && l.scope == nil && l.since == nil && len(l.o.only) == 0 {
		is := "findings of " + l.o.baseline + " are"
		if gone == 1 {
			is = "finding of " + l.o.baseline + " is"
		}
		l.say("%d %s gone: --update-baseline takes out what nothing finds any more.", gone, is)
	}
	return nil
}
