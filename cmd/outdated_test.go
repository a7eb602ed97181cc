package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/fixtures/githttp"
)

// aForge serves repositories of one commit with the tags v1.0.0 and v1.1.0,
// and is known to the user's git and to nobody else.
func aForge(t *testing.T, repositories ...string) *githttp.Server {
	t.Helper()
	s, err := githttp.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	config := filepath.Join(t.TempDir(), "gitconfig")
	text := s.GitConfig() + "[user]\n\tname = Ada\n\temail = ada@example.com\n"
	if err := os.WriteFile(config, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", config)
	t.Setenv("TERRIER_CACHE_DIR", t.TempDir())
	for _, name := range repositories {
		if _, err := s.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		work := t.TempDir()
		if err := os.MkdirAll(filepath.Join(work, "sub"), 0o777); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"main.tf", "sub/main.tf"} {
			if err := os.WriteFile(filepath.Join(work, file), []byte("variable \"a\" {}\n"), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		for _, args := range [][]string{
			{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", "one"}, {"tag", "v1.0.0"},
			{"commit", "-q", "--allow-empty", "-m", "two"}, {"tag", "v1.1.0"}, {"push", "-q", s.URL + "/" + name, "main", "v1.0.0", "v1.1.0"},
		} {
			cmd := exec.Command("git", args...)
			cmd.Dir = work
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("git %v: %v\n%s", args, err, out)
			}
		}
	}
	return s
}

// asked counts how often the refs of each repository were read since the first
// requests, by who was let in.
func asked(s *githttp.Server, since int) map[string]int {
	out := map[string]int{}
	for _, r := range s.Requests()[since:] {
		if name, ok := strings.CutSuffix(r.Path, "/info/refs?service=git-upload-pack"); ok && r.User != "" {
			out[strings.Trim(name, "/")]++
		}
	}
	return out
}

// Each remote is asked once, whatever the number of calls, versions, modules
// and environments; of what has no subdirectory nothing is fetched.
func TestOutdatedAsksOnce(t *testing.T) {
	s := aForge(t, "vpc.git", "dns.git", "unused.git")
	dir := t.TempDir()
	for i := range 20 {
		var b strings.Builder
		for j := range 10 {
			fmt.Fprintf(&b, "module \"a%d\" {\n  source = \"git::%s/vpc.git?ref=v1.%d.0\"\n}\n", j, s.URL, j%2)
			fmt.Fprintf(&b, "module \"b%d\" {\n  source = \"git::%s/dns.git?ref=v1.0.0&depth=%d\"\n}\n", j, s.URL, j+1)
		}
		stack := filepath.Join(dir, "live", fmt.Sprint(i))
		if err := os.MkdirAll(stack, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(stack, "main.tf"), []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	since := len(s.Requests())
	for run := 1; run <= 2; run++ {
		var out, errs bytes.Buffer
		if code := Main([]string{"-C", dir, "outdated", "--format", "json"}, &out, &errs); code != 0 {
			t.Fatalf("exit %d\n%s", code, &errs)
		}
		if !strings.Contains(out.String(), `"latest": "1.1.0"`) {
			t.Errorf("%s", &out)
		}
		if got, want := fmt.Sprint(asked(s, since)), fmt.Sprintf("map[dns.git:%d vpc.git:%d]", run, run); got != want {
			t.Errorf("run %d asked %s, want %s", run, got, want)
		}
	}
}

// Of modules in subdirectories both versions are compared: one question, and
// one fetch for all of them, which asks as well; the next run has them.
func TestOutdatedSharedRepository(t *testing.T) {
	s := aForge(t, "modules.git")
	dir := t.TempDir()
	var b strings.Builder
	for j := range 30 {
		fmt.Fprintf(&b, "module \"a%d\" {\n  source = \"git::%s/modules.git//sub?ref=v1.0.0\"\n}\n", j, s.URL)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	since := len(s.Requests())
	for run, want := range []int{2, 3} {
		var out, errs bytes.Buffer
		if code := Main([]string{"-C", dir, "outdated", "--format", "json"}, &out, &errs); code != 0 || !strings.Contains(out.String(), `"unchanged": true`) {
			t.Fatalf("exit %d\n%s%s", code, &out, &errs)
		}
		if got := asked(s, since)["modules.git"]; got != want {
			t.Errorf("run %d: %d questions so far, want %d", run, got, want)
		}
	}
}

// A module that was renamed on the forge is told, in text and in JSON, by
// outdated and by list; without --remote nobody is asked.
func TestMoved(t *testing.T) {
	s := aForge(t, "vpc.git", "dns.git")
	s.Move("old.git", "vpc.git")
	dir := t.TempDir()
	with := strings.Replace(s.URL, "://", "://"+githttp.User+":"+githttp.Password+"@", 1)
	text := fmt.Sprintf("module \"a\" {\n  source = \"git::%s/old.git?ref=v1.0.0\"\n}\nmodule \"b\" {\n  source = \"git::%s/dns.git?ref=v1.0.0\"\n}\n", with, s.URL)
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args  []string
		moved bool
	}{
		{[]string{"outdated"}, true},
		{[]string{"list", "--remote"}, true},
		{[]string{"list"}, false},
	} {
		var out, errs bytes.Buffer
		if code := Main(append([]string{"-C", dir}, c.args...), &out, &errs); code != 0 {
			t.Fatalf("%v: exit %d\n%s", c.args, code, &errs)
		}
		want := fmt.Sprintf("  git::%s/old.git\n    → %s/vpc.git\n", s.URL, s.URL)
		if got := strings.Contains(out.String(), want); got != c.moved {
			t.Errorf("%v: %v, want %v for %q in\n%s", c.args, got, c.moved, want, &out)
		}
		if strings.Contains(out.String()+errs.String(), githttp.Password) {
			t.Errorf("%v tells the password", c.args)
		}
		out.Reset()
		if code := Main(append([]string{"-C", dir, "--quiet"}, append(c.args, "--format", "json")...), &out, &errs); code != 0 {
			t.Fatalf("%v: exit %d\n%s", c.args, code, &errs)
		}
		var r struct {
			Moved []struct{ Source, To string }
		}
		if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.Moved == nil {
			t.Fatalf("%v: %v\n%s", c.args, err, &out)
		}
		if got, want := fmt.Sprint(r.Moved), fmt.Sprintf("[{git::%s/old.git %s/vpc.git}]", s.URL, s.URL); c.moved && got != want || !c.moved && len(r.Moved) > 0 {
			t.Errorf("%v: %s, want %s", c.args, got, want)
		}
	}
}
