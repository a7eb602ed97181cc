package changelog

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/terrier-iac/terrier/modules/repo"
)

// A story is a repository in the making.
type story struct {
	t   *testing.T
	dir string
	n   int
}

func newStory(t *testing.T) *story {
	s := &story{t: t, dir: t.TempDir()}
	s.git("init", "-q", "-b", "main")
	return s
}

func (s *story) git(args ...string) string {
	s.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = s.dir
	s.n++
	date := fmt.Sprintf("%d +0000", 1_700_000_000+s.n)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com",
		"GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s *story) commit(file, message string) string {
	s.t.Helper()
	p := filepath.Join(s.dir, file)
	if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(p, fmt.Appendf(nil, "%d\n", s.n), 0o666); err != nil {
		s.t.Fatal(err)
	}
	s.git("add", "-A")
	s.git("commit", "-q", "-m", message)
	return s.git("rev-parse", "HEAD")
}

func (s *story) between(old, new string, dirs ...string) []string {
	s.t.Helper()
	ctx := context.Background()
	r, err := repo.Open(ctx, s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	rd, err := r.Reader(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rd.Close()
	var from repo.Hash
	if old != "" {
		c, err := r.Resolve(ctx, old)
		if err != nil {
			s.t.Fatal(err)
		}
		from = c.ID
	}
	to, err := r.Resolve(ctx, new)
	if err != nil {
		s.t.Fatal(err)
	}
	entries, err := Between(ctx, rd, from, to.ID, dirs...)
	if err != nil {
		s.t.Fatal(err)
	}
	out := []string{}
	for _, e := range entries {
		out = append(out, strings.TrimPrefix(e.Type+" ", " ")+e.Subject())
	}
	return out
}

func TestBetween(t *testing.T) {
	s := newStory(t)
	s.commit("modules/vpc/main.tf", "feat: first")
	s.git("tag", "v1")
	s.commit("modules/vpc/main.tf", "fix(vpc): one")
	s.commit("modules/dns/main.tf", "feat: of another")
	s.commit("README.md", "docs: root")
	s.git("tag", "half")
	s.commit("modules/vpc/main.tf", "no type")
	reverted := s.commit("modules/vpc/x.tf", "feat!: taken back")
	s.commit("modules/vpc/x.tf", "Revert \"feat!: taken back\"\n\nThis reverts commit "+reverted+".")
	s.commit("modules/vpc/CHANGELOG.md", "chore(release): version 2.0.0 [skip ci]")
	// A merge whose commits have types says nothing.
	s.git("checkout", "-q", "-b", "typed", "v1")
	s.commit("modules/vpc/y.tf", "perf: in a branch")
	s.git("checkout", "-q", "main")
	s.git("merge", "-q", "--no-ff", "-m", "Merge pull request #1 from a/typed\n\nfix: title", "typed")
	// One whose commits have none says all.
	s.git("checkout", "-q", "-b", "untyped")
	s.commit("modules/vpc/z.tf", "wip")
	s.git("checkout", "-q", "main")
	s.git("merge", "-q", "--no-ff", "-m", "Merge pull request #2 from a/untyped\n\nfeat: told by its title", "untyped")
	// One that changes what its commits do not.
	s.git("checkout", "-q", "-b", "evil")
	s.commit("other.tf", "chore: elsewhere")
	s.git("checkout", "-q", "main")
	s.git("merge", "-q", "--no-ff", "--no-commit", "evil")
	s.commit("modules/vpc/evil.tf", "Merge branch 'evil'")

	want := []string{"Merge branch 'evil'", "feat told by its title (#2)", "wip", "perf in a branch", "no type", "fix vpc: one"}
	if d := cmp.Diff(want, s.between("v1", "main", "modules/vpc")); d != "" {
		t.Errorf("modules/vpc (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"feat of another"}, s.between("v1", "main", "modules/dns")); d != "" {
		t.Errorf("modules/dns (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"docs root", "feat of another", "fix vpc: one"}, s.between("v1", "half", ".")); d != "" {
		t.Errorf("root (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"feat of another", "fix vpc: one"}, s.between("v1", "half", "modules/dns", "modules/vpc")); d != "" {
		t.Errorf("two directories (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"fix vpc: one", "feat first"}, s.between("", "half", "modules/vpc")); d != "" {
		t.Errorf("from the beginning (-want +got):\n%s", d)
	}
	for _, none := range []string{"modules/gone", "README.md/x", "modules/vpc/main.tf/x"} {
		if got := s.between("v1", "main", none); len(got) > 0 {
			t.Errorf("%s: %v", none, got)
		}
	}
	if got := s.between("main", "v1", "."); len(got) > 0 {
		t.Errorf("backwards: %v", got)
	}
}

// The revert of a revert is what was there in the first place.
func TestBetweenRevertedTwice(t *testing.T) {
	s := newStory(t)
	s.commit("main.tf", "feat: first")
	s.git("tag", "v1")
	a := s.commit("a.tf", "feat: a")
	b := s.commit("a.tf", "Revert \"feat: a\"\n\nThis reverts commit "+a+".")
	s.commit("a.tf", "revert: revert: feat: a\n\nRefs: "+b[:8])
	s.git("tag", "v2")
	s.commit("a.tf", "Revert \"feat: a\"\n\nThis reverts commit "+a+".")
	if d := cmp.Diff([]string{"feat a"}, s.between("v1", "v2", ".")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	// What it takes back was released: it is a change.
	if d := cmp.Diff([]string{"revert feat: a"}, s.between("v2", "main", ".")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestBetweenLatin1(t *testing.T) {
	s := newStory(t)
	s.commit("main.tf", "feat: first")
	s.git("-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "--allow-empty", "-m", "fix: Gr\xf6\xdfe")
	s.git("checkout", "-q", "HEAD~1")
	if err := os.WriteFile(filepath.Join(s.dir, "main.tf"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	s.git("-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "-a", "-m", "fix: Gr\xf6\xdfe")
	if d := cmp.Diff([]string{"fix Größe"}, s.between("HEAD~1", "HEAD", ".")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
