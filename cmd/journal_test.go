package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
)

// rewriteKilled is a process that changes the files of a directory and is
// killed on the way: rewrite-killed DIR AT [BACK]. AT is the number of renames
// that are made before; -1 is before the journal is written, and the number
// of files is before it is removed. With BACK the rename after AT fails, and so
// many files are put back before the end.
func rewriteKilled() {
	dir := os.Args[1]
	numbers := make([]int, 0, 2)
	for _, arg := range os.Args[2:] {
		n, err := strconv.Atoi(arg)
		if err != nil {
			panic(err)
		}
		numbers = append(numbers, n)
	}
	die := func() {
		p, err := os.FindProcess(os.Getpid())
		if err != nil {
			panic(err)
		}
		_ = p.Kill()
		select {}
	}
	renames, failed := 0, false
	w := realRewriter
	w.write = func(file string, data []byte) error {
		if numbers[0] < 0 {
			die()
		}
		return writeNew(file, data)
	}
	w.rename = func(root *os.Root, from, to string) error {
		if renames == numbers[0] && len(numbers) == 2 && !failed {
			failed, renames, numbers[0] = true, 0, numbers[1]
			return errors.New("no rename")
		}
		if renames == numbers[0] {
			die()
		}
		renames++
		return root.Rename(from, to)
	}
	w.remove = func(string) error { die(); return nil }
	fmt.Println(w.rewrite(dir, journalChanges(), nil))
}

// journalChanges are of files with names that are hard to write down.
func journalChanges() []lint.Change {
	names := []string{"a.tf", "live/b c.tf", "live/ünï%41.tf", "live/-d.tf"}
	var changes []lint.Change
	for _, name := range names {
		changes = append(changes, lint.Change{Path: name, Before: []byte("old " + name), After: []byte("new " + name)})
	}
	return changes
}

// journalTree writes the files of journalChanges as they are before.
func journalTree(t *testing.T, git bool) string {
	t.Helper()
	dir := t.TempDir()
	if git {
		if out, err := exec.Command("git", "init", "-q", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for _, c := range journalChanges() {
		file := filepath.Join(dir, filepath.FromSlash(c.Path))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, c.Before, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// killed runs rewrite-killed, which has to die.
func killed(t *testing.T, dir string, args ...int) {
	t.Helper()
	cmd := exec.Command("rewrite-killed", dir)
	for _, n := range args {
		cmd.Args = append(cmd.Args, strconv.Itoa(n))
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Fatalf("it was not killed: %v %s", err, out)
	}
}

// are counts the files that are new and those that are old; another is a
// failure.
func are(t *testing.T, dir string) (isNew, isOld int) {
	t.Helper()
	for _, c := range journalChanges() {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(c.Path)))
		switch {
		case err == nil && string(data) == string(c.After):
			isNew++
		case err == nil && string(data) == string(c.Before):
			isOld++
		default:
			t.Errorf("%q: %q %v", c.Path, data, err)
		}
	}
	return isNew, isOld
}

// clean holds that nothing of ours is left.
func clean(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
		if strings.Contains(filepath.Base(p), "terrier") {
			t.Errorf("%s is left", p)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestRewriteKilled kills a process at each step of a rewrite, and the next
// call completes it: the same changes, others, or none at all.
func TestRewriteKilled(t *testing.T) {
	all := len(journalChanges())
	for _, git := range []bool{false, true} {
		for at := -1; at <= all; at++ {
			for _, next := range []string{"finish", "same", "none"} {
				if git && next != "finish" {
					continue // only where the journal is differs
				}
				t.Run(fmt.Sprintf("git=%t/%d/%s", git, at, next), func(t *testing.T) {
					dir := journalTree(t, git)
					killed(t, dir, at)
					if isNew, _ := are(t, dir); isNew != max(at, 0) {
						t.Fatalf("%d files are new after %d renames", isNew, at)
					}
					want := all
					switch next {
					case "finish":
						notes, err := finishRewrite(dir)
						if err != nil {
							t.Fatal(err)
						}
						if at < 0 {
							want = 0
						} else if len(notes) != 1 || !strings.Contains(notes[0], fmt.Sprintf("written now: %d", all-at)) {
							t.Errorf("%q", notes)
						}
					case "same":
						if err := rewriteFiles(dir, journalChanges()); err != nil {
							t.Fatal(err)
						}
					case "none":
						if err := rewriteFiles(dir, nil); err != nil {
							t.Fatal(err)
						}
						if at < 0 {
							want = 0
						}
					}
					if isNew, _ := are(t, dir); isNew != want {
						t.Errorf("%d of %d files are new", isNew, all)
					}
					if at >= 0 || next == "same" {
						clean(t, dir)
					}
				})
			}
		}
	}
}

// TestRewriteKilledAgain kills each process that is to complete the work of
// the one before it, too.
func TestRewriteKilledAgain(t *testing.T) {
	dir := journalTree(t, true)
	all := len(journalChanges())
	for n := 1; n <= all; n++ {
		killed(t, dir, 1)
		if isNew, _ := are(t, dir); isNew != n {
			t.Fatalf("%d files are new after %d renames", isNew, n)
		}
	}
	if _, err := finishRewrite(dir); err != nil {
		t.Fatal(err)
	}
	clean(t, dir)
}

// TestRewriteManyInOneDirectory holds that the temporary files of one
// directory do not run out of names.
func TestRewriteManyInOneDirectory(t *testing.T) {
	dir := t.TempDir()
	var changes []lint.Change
	for i := range 1050 {
		changes = append(changes, fileChange(t, dir, fmt.Sprintf("f%d.tf", i)))
	}
	if err := rewriteFiles(dir, changes); err != nil {
		t.Fatal(err)
	}
	if got := len(names(t, dir)); got != len(changes) {
		t.Errorf("%d files", got)
	}
}

// TestRewriteFails holds that a rename that fails leaves every file old, and
// that a process which is killed while it puts them back has the next one do so.
func TestRewriteFails(t *testing.T) {
	all := len(journalChanges())
	for at := range all {
		dir := journalTree(t, at%2 == 0)
		w, renames := realRewriter, 0
		w.rename = func(root *os.Root, from, to string) error {
			if renames++; renames == at+1 {
				return errors.New("no rename")
			}
			return root.Rename(from, to)
		}
		if err := w.rewrite(dir, journalChanges(), nil); err == nil || err.Error() != "no rename" {
			t.Errorf("%d: %v", at, err)
		}
		if _, isOld := are(t, dir); isOld != all {
			t.Errorf("%d: %d files are old", at, isOld)
		}
		clean(t, dir)

		for back := range at + 1 {
			dir := journalTree(t, true)
			killed(t, dir, at, back)
			if isNew, _ := are(t, dir); isNew != at-back {
				t.Errorf("%d, %d back: %d new", at, back, isNew)
			}
			if _, err := finishRewrite(dir); err != nil {
				t.Error(err)
			}
			if _, isOld := are(t, dir); isOld != all {
				t.Errorf("%d, %d back: %d files are old", at, back, isOld)
			}
			// The forward temporary files go with the next write.
			if err := rewriteFiles(dir, journalChanges()); err != nil {
				t.Error(err)
			}
			clean(t, dir)
		}
	}
	// Nothing can be renamed any more: the journal stays, and both ways are
	// named.
	dir := journalTree(t, true)
	w, renames := realRewriter, 0
	w.rename = func(root *os.Root, from, to string) error {
		if renames++; renames > 2 {
			return errors.New("no rename")
		}
		return root.Rename(from, to)
	}
	if err := w.rewrite(dir, journalChanges(), nil); err == nil || !strings.Contains(err.Error(), "not every file could be put back") || !strings.Contains(err.Error(), "hint: ") {
		t.Error(err)
	}
	if _, err := finishRewrite(dir); err != nil {
		t.Error(err)
	}
	if _, isOld := are(t, dir); isOld != all {
		t.Errorf("%d files are old", isOld)
	}
}

// TestFinishRewriteChanged holds that what somebody did in between stays, and
// is said.
func TestFinishRewriteChanged(t *testing.T) {
	dir := journalTree(t, true)
	killed(t, dir, 1)
	data, err := os.ReadFile(filepath.Join(dir, ".git", journalName))
	if err != nil {
		t.Fatal(err)
	}
	var j rewriteJournal
	if err := json.Unmarshal(data, &j); err != nil {
		t.Fatal(err)
	}
	put := func(name, data string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	put("live/b c.tf", "somebody's")
	put(j.Files[2].Temp, "altered")
	if err := os.Remove(filepath.Join(dir, j.Files[3].Temp)); err != nil {
		t.Fatal(err)
	}
	err = rewriteFiles(dir, []lint.Change{{Path: "a.tf", Before: []byte("new a.tf"), After: []byte("newer")}})
	for _, want := range []string{"live/b c.tf was changed since", "live/ünï%41.tf is left as it was", "was altered", "live/-d.tf is left as it was", "is gone", "hint: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nhas no %q", err, want)
		}
	}
	for name, want := range map[string]string{"a.tf": "new a.tf", "live/b c.tf": "somebody's", "live/ünï%41.tf": "old live/ünï%41.tf", "live/-d.tf": "old live/-d.tf"} {
		if got, _ := os.ReadFile(filepath.Join(dir, name)); string(got) != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if notes, err := finishRewrite(dir); notes != nil || err != nil {
		t.Errorf("%q %v", notes, err)
	}
}

// TestFinishRewriteHostile holds that a journal that terrier did not write
// does nothing.
func TestFinishRewriteHostile(t *testing.T) {
	sums := [2]string{sum([]byte("old")), sum([]byte("evil"))}
	entry := func(p, temp string) string {
		return fmt.Sprintf(`{"format_version":"1.0","files":[{"path":%q,"temp":%q,"old":%q,"new":%q}]}`, p, temp, sums[0], sums[1])
	}
	const temp = ".terrier-1-0.tmp"
	for name, journal := range map[string]string{
		"no JSON": "{", "empty": "", "another": `{"format_version":"2.0","files":[]}`, "more": `{"format_version":"1.0","files":[]}{}`, "unknown": `{"format_version":"1.0","x":1}`,
		"up": entry("../out.tf", "../"+temp), "absolute": entry("/out.tf", "/"+temp), "through": entry("a/../../out.tf", "a/../../"+temp), "back": entry("sub/..", "sub/"+temp),
		"link": entry("link/out.tf", "link/"+temp), "git": entry(".git/config", ".git/"+temp), "GIT": entry("sub/.GIT/hooks/x", "sub/.GIT/hooks/"+temp),
		"elsewhere": entry("a.tf", "sub/"+temp), "no temp": entry("a.tf", "b.tf"), "no digest": `{"format_version":"1.0","files":[{"path":"a.tf","temp":".terrier-1-0.tmp","old":"","new":""}]}`,
		"no UTF-8": entry("a\xe9.tf", temp), "nul": entry("a\x00.tf", temp),
		"commits": `{"format_version":"1.0","files":[],"advance":{"from":"` + strings.Repeat("a", 40) + `","to":"` + strings.Repeat("b", 40) + `","reflog":"x"}}`,
	} {
		base := t.TempDir()
		dir := filepath.Join(base, "dir")
		for _, d := range []string{dir, filepath.Join(dir, "sub")} {
			if err := os.Mkdir(d, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("..", filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		for file, data := range map[string]string{
			filepath.Join(base, "out.tf"): "old", filepath.Join(base, temp): "evil", filepath.Join(dir, "a.tf"): "old", filepath.Join(dir, "b.tf"): "evil",
			filepath.Join(dir, "sub", temp): "evil", filepath.Join(dir, journalBeside): journal,
		} {
			if err := os.WriteFile(file, []byte(data), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		_, err := finishRewrite(dir)
		if err == nil || !strings.Contains(err.Error(), "nothing is written") || !strings.Contains(err.Error(), "hint: ") {
			t.Errorf("%s: %v", name, err)
		}
		if err := rewriteFiles(dir, []lint.Change{{Path: "a.tf", Before: []byte("old"), After: []byte("new")}}); err == nil {
			t.Errorf("%s: written all the same", name)
		}
		for file, want := range map[string]string{"out.tf": "old", temp: "evil", "dir/a.tf": "old", "dir/b.tf": "evil", "dir/sub/" + temp: "evil", "dir/" + journalBeside: journal} {
			if got, _ := os.ReadFile(filepath.Join(base, file)); string(got) != want {
				t.Errorf("%s: %s: %q", name, file, got)
			}
		}
	}
	// One that is a symlink is not followed, nor a lock that is one.
	for _, name := range []string{journalBeside, ".terrier-rewrite.lock"} {
		dir := journalTree(t, false)
		out := filepath.Join(t.TempDir(), "out")
		if err := os.Symlink(out, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if err := rewriteFiles(dir, journalChanges()); err == nil {
			t.Errorf("%s: followed", name)
		}
		if _, err := os.Lstat(out); err == nil {
			t.Errorf("%s: written through", name)
		}
	}
}

// TestRewriteLocked holds that of two terriers one writes.
func TestRewriteLocked(t *testing.T) {
	for _, git := range []bool{false, true} {
		dir := journalTree(t, git)
		inner := make(chan error, 2)
		w := realRewriter
		w.rename = func(root *os.Root, from, to string) error {
			if len(inner) == 0 {
				inner <- rewriteFiles(dir, journalChanges())
				_, err := finishRewrite(dir)
				inner <- err
			}
			return root.Rename(from, to)
		}
		if err := w.rewrite(dir, journalChanges(), nil); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := <-inner; err == nil || !strings.Contains(err.Error(), "another terrier is writing") || !strings.Contains(err.Error(), "hint: ") {
				t.Errorf("%v", err)
			}
		}
		if isNew, _ := are(t, dir); isNew != len(journalChanges()) {
			t.Errorf("%d new", isNew)
		}
		clean(t, dir)
	}
}

// TestJournalProtectsTemps holds that a run in another directory leaves the
// temporary files that a journal names.
func TestJournalProtectsTemps(t *testing.T) {
	dir := journalTree(t, false)
	killed(t, dir, 1)
	below := filepath.Join(dir, "live")
	if err := rewriteFiles(below, []lint.Change{fileChange(t, below, "own.tf")}); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(names(t, below), func(name string) bool { return tempName.MatchString(name) }) {
		t.Fatal("they are gone")
	}
	if notes, err := finishRewrite(dir); err != nil || len(notes) != 1 {
		t.Errorf("%q %v", notes, err)
	}
	if isNew, _ := are(t, dir); isNew != len(journalChanges()) {
		t.Errorf("%d new", isNew)
	}
}

// TestJournalOfSubdirectory holds that a journal in the git directory is
// followed from wherever terrier is run, in a linked work tree as well.
func TestJournalOfSubdirectory(t *testing.T) {
	dir := journalTree(t, true)
	linked := filepath.Join(t.TempDir(), "linked")
	for _, args := range [][]string{{"add", "."}, {"-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "-m", "m"}, {"worktree", "add", "-q", linked}} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for _, tree := range []string{linked, dir} {
		killed(t, tree, 2)
		if notes, err := finishRewrite(filepath.Join(tree, "live")); err != nil || len(notes) != 1 {
			t.Errorf("%q %v", notes, err)
		}
		if isNew, _ := are(t, tree); isNew != len(journalChanges()) {
			t.Errorf("%d new", isNew)
		}
	}
}
