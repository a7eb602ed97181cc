package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/terrier-iac/terrier/modules/lint"
)

// rewriteFiles writes changed files below dir, all of them or none. They are
// written beside their places first, and put there by renaming when that is
// done; an error on the way leaves every file as it was. The mode of a file
// stays. One that is no longer as it was read is an error.
//
// A process that is killed while it renames leaves a journal (see
// rewriteJournal), by which the next call completes the work. A command calls
// resumeRewrite before it reads, so that it reads what is whole.
func rewriteFiles(dir string, changes []lint.Change) error {
	return realRewriter.rewrite(dir, changes, nil)
}

// rewriteAndAdvance is rewriteFiles, and then moves the branch that is checked
// out to the commits which have the changes: both, or neither. Who finds the
// journal of a process that was killed in between does that, too.
func rewriteAndAdvance(dir string, changes []lint.Change, to journalAdvance) error {
	return realRewriter.rewrite(dir, changes, &to)
}

// resumeRewrite completes what a killed command has begun to write, and says
// so.
func (a *app) resumeRewrite(dir string) error {
	notes, err := finishRewrite(dir)
	for _, note := range notes {
		a.say("%s", note)
	}
	return err
}

// finishRewrite completes what a killed terrier has left half written below
// dir, and returns what there is to say about it.
func finishRewrite(dir string) (notes []string, err error) {
	at, err := findJournal(dir)
	if err != nil || !at.exists() {
		return nil, err
	}
	unlock, err := at.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	done, err := realRewriter.finish(at)
	if err != nil {
		return nil, err
	}
	note := fmt.Sprintf("Completed what an earlier terrier, which was ended, had left half written (files written now: %d).", done.files)
	if done.committed {
		note += " Its commits are on the branch now."
	}
	return append([]string{note}, done.left...), nil
}

// A rewriter is how files get to their places.
type rewriter struct {
	write  func(file string, data []byte) error // a new file, the journal
	rename func(root *os.Root, from, to string) error
	remove func(file string) error
	// advance moves the branch that is checked out in a directory's work tree.
	advance func(dir string, to journalAdvance) error
}

var realRewriter = rewriter{write: writeNew, rename: (*os.Root).Rename, remove: os.Remove, advance: advanceBranch}

// rewrite is rewriteFiles, and with to rewriteAndAdvance.
func (w rewriter) rewrite(dir string, changes []lint.Change, to *journalAdvance) (err error) {
	at, err := findJournal(dir)
	if err != nil || len(changes) == 0 && !at.exists() {
		return err
	}
	unlock, err := at.lock()
	if err != nil {
		return err
	}
	defer unlock()
	root, err := os.OpenRoot(dir) // no symlink leads out of it
	if err != nil {
		return err
	}
	defer root.Close()
	if at.exists() {
		done, err := w.finish(at)
		if err != nil {
			return err
		}
		if len(done.left) > 0 {
			return fmt.Errorf("an earlier terrier was ended while it wrote, and nothing more is written\n%s\nhint: the same command again looks at the files anew", strings.Join(done.left, "\n"))
		}
		// It may have been the same changes.
		changes = slices.DeleteFunc(slices.Clone(changes), func(c lint.Change) bool {
			now, err := root.ReadFile(c.Path)
			return err == nil && bytes.Equal(now, c.After)
		})
	}
	at.sweep()
	swept := map[string]bool{}
	above := journals{}
	for _, c := range changes {
		below := path.Dir(c.Path)
		if !swept[below] && !above.at(filepath.Join(at.top, filepath.FromSlash(at.prefix), filepath.FromSlash(below))) {
			sweepTemps(root, below)
		}
		swept[below] = true
	}
	return w.replace(root, at, changes, to)
}

// replace is rewrite with the lock held, and no journal there.
func (w rewriter) replace(root *os.Root, at journalPlace, changes []lint.Change, to *journalAdvance) error {
	if len(changes) == 0 {
		return nil
	}
	temps, err := writeTemps(root, changes)
	keep := false
	defer func() {
		if !keep {
			removeAll(root, temps) // gone where they have been renamed
		}
	}()
	if err != nil {
		return err
	}
	// Writing takes seconds where there are thousands, renaming does not.
	if err := allUnchanged(root, changes); err != nil {
		return err
	}
	journal, err := newJournal(at.prefix, changes, temps, to)
	if err != nil {
		return err
	}
	if err := w.write(at.file, journal); err != nil {
		return err
	}
	dirs := directories{root: root}
	defer dirs.close()
	for i, c := range changes {
		in, name, err := dirs.of(c.Path)
		if err == nil {
			err = w.rename(in, path.Base(temps[i]), name)
		}
		if err != nil {
			temps = temps[i:] // those before are free names again
			keep, err = w.takeBack(root, at, changes[:i], err)
			return err
		}
	}
	if to != nil {
		if err := w.advance(at.top, *to); err != nil {
			temps = nil
			keep, err = w.takeBack(root, at, changes, err)
			return err
		}
	}
	// Where it stays, the next call finds every file new and removes it.
	_ = w.remove(at.file)
	return nil
}

// takeBack puts the old bytes of changes in place again, after the failure
// why. The journal is turned round first: a process that is killed meanwhile
// has the next one put back the rest. Where that cannot be done the journal
// stays as it is, and keep says that it names temporary files still.
func (w rewriter) takeBack(root *os.Root, at journalPlace, changes []lint.Change, why error) (keep bool, err error) {
	half := func(err error) error {
		return fmt.Errorf("%w\nnot every file could be put back as it was: %w\nhint: when the cause is mended the same command again completes it", why, err)
	}
	back := make([]lint.Change, len(changes))
	for i, c := range changes {
		back[i] = lint.Change{Path: c.Path, Before: c.After, After: c.Before}
	}
	temps, err := writeTemps(root, back)
	if err == nil {
		var journal []byte
		if journal, err = newJournal(at.prefix, back, temps, nil); err == nil {
			err = writeWhole(at.file, journal)
		}
	}
	if err != nil {
		removeAll(root, temps)
		return true, half(err)
	}
	for i, c := range back {
		if err := w.rename(root, temps[i], c.Path); err != nil {
			return false, half(err) // these temporary files stay for the journal
		}
	}
	_ = w.remove(at.file)
	return false, why
}

// writeTemps writes the new bytes of changes beside their files, and returns
// where, after an error too.
func writeTemps(root *os.Root, changes []lint.Change) (temps []string, err error) {
	dirs := directories{root: root}
	defer dirs.close()
	for i, c := range changes {
		in, name, err := dirs.of(c.Path)
		if err != nil {
			return temps, err
		}
		mode, err := unchanged(in, name, c)
		if err != nil {
			return temps, err
		}
		temp, err := writeTempFrom(i, in, name, c.After, mode)
		if err != nil {
			return temps, err
		}
		temps = append(temps, path.Join(path.Dir(c.Path), temp))
	}
	return temps, nil
}

// directories opens the directories of files below root, one at a time: a root
// looks at each name of a path with every call, and most of what is written is
// deep down, with others beside it.
type directories struct {
	root *os.Root
	dir  string   // of in
	in   *os.Root // nil for none
}

// of is the directory of the file at p, until the next call, and its name
// there. No symlink leads out of root.
func (d *directories) of(p string) (in *os.Root, name string, err error) {
	dir, name := path.Split(p)
	switch {
	case dir == "":
		return d.root, name, nil
	case d.in != nil && d.dir == dir:
		return d.in, name, nil
	}
	d.close()
	if d.in, err = d.root.OpenRoot(path.Clean(dir)); err != nil {
		d.in = nil
		return nil, "", err
	}
	d.dir = dir
	return d.in, name, nil
}

func (d *directories) close() {
	if d.in != nil {
		_ = d.in.Close()
		d.in = nil
	}
}

func removeAll(root *os.Root, names []string) {
	for _, name := range names {
		_ = root.Remove(name)
	}
}

// allUnchanged holds that the files are as they were read.
func allUnchanged(root *os.Root, changes []lint.Change) error {
	dirs := directories{root: root}
	defer dirs.close()
	for _, c := range changes {
		in, name, err := dirs.of(c.Path)
		if err != nil {
			return err
		}
		if _, err := unchanged(in, name, c); err != nil {
			return err
		}
	}
	return nil
}

// unchanged holds that a file, name in a directory, is as it was read, and
// returns its mode.
func unchanged(in *os.Root, name string, c lint.Change) (fs.FileMode, error) {
	changed := fmt.Errorf("%s was changed meanwhile, and nothing is written\nhint: the same command again looks at it anew", c.Path)
	info, err := in.Lstat(name)
	switch {
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular() || info.Size() != int64(len(c.Before)):
		return 0, changed
	}
	now, err := in.ReadFile(name)
	switch {
	case err != nil:
		return 0, err
	case !bytes.Equal(now, c.Before):
		return 0, changed
	}
	return info.Mode().Perm(), nil
}

// tempName is that of the temporary files: of which process, and a number.
var tempName = regexp.MustCompile(`^\.terrier-([0-9]{1,9})-[0-9]+\.tmp$`)

// sweepTemps removes the temporary files that a process which is no more has
// left in a directory. This process has none there yet: those that bear its
// number are of one before it, as happens in containers.
func sweepTemps(root *os.Root, dir string) {
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return // writing will say it
	}
	for _, e := range entries {
		m := tempName.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		if pid, err := strconv.Atoi(m[1]); err == nil && (pid == os.Getpid() || !isRunning(pid)) {
			_ = root.Remove(path.Join(dir, e.Name()))
		}
	}
}

// isRunning reports whether a process of this machine runs; true where the
// system does not tell.
func isRunning(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }()
	return !errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// writeWhole writes a file whole, or not at all. What was there is replaced;
// a symlink is written through.
func writeWhole(file string, data []byte) error {
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		// /dev/stdout and the like cannot be replaced.
		return os.WriteFile(file, data, 0o666)
	}
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer root.Close()
	name := filepath.Base(file)
	mode := fs.FileMode(0o644)
	if info, err := root.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	temp, err := writeTemp(root, name, data, mode)
	if err != nil {
		return err
	}
	if err := root.Rename(temp, name); err != nil {
		_ = root.Remove(temp)
		return err
	}
	return nil
}

// writeNew writes a whole file that was not there, or none.
func writeNew(file string, data []byte) error {
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer root.Close()
	name := filepath.Base(file)
	temp, err := writeTemp(root, name, data, 0o644)
	if err != nil {
		return err
	}
	defer root.Remove(temp)
	// A link, not a rename: it fails where somebody wrote the file meanwhile.
	err = root.Link(temp, name)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s is there already, and is left as it is", file)
	case err != nil: // a file system without hard links
		return root.Rename(temp, name)
	}
	return nil
}

// writeTemp writes data beside the file at p and returns where.
func writeTemp(root *os.Root, p string, data []byte, mode fs.FileMode) (string, error) {
	return writeTempFrom(0, root, p, data, mode)
}

// writeTempFrom is writeTemp, with the first number to try.
func writeTempFrom(first int, root *os.Root, p string, data []byte, mode fs.FileMode) (string, error) {
	for i := first; ; i++ {
		temp := path.Join(path.Dir(p), fmt.Sprintf(".terrier-%d-%d.tmp", os.Getpid(), i))
		f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if errors.Is(err, fs.ErrExist) && i < first+1_000_000 {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = io.Copy(f, bytes.NewReader(data))
		if err == nil {
			err = f.Chmod(mode) // whatever the umask
		}
		if err == nil {
			err = f.Sync()
		}
		if e := f.Close(); err == nil {
			err = e
		}
		if err != nil {
			_ = root.Remove(temp)
			return "", err
		}
		return temp, nil
	}
}
