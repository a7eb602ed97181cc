package registry

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Real terraform, with the same CLI configuration and the same server, asks
// what we ask, with the same token, and installs what we get.
func TestAsTerraformDoes(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", filepath.Join(dir, "vpc"), "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	write(t, filepath.Join(dir, "vpc", "main.tf"), "# from git\n")
	git("init", "-q", ".")
	git("add", "-A")
	git("commit", "-q", "-m", "one")
	git("tag", "v1.3.0")

	two := zipOf(t, entry{"main.tf", "# two\n"})
	answers := map[string]struct{ get, body string }{
		"/v1/modules/acme/vpc/aws/versions":        {"", `{"modules":[{"versions":[{"version":"1.2.0"},{"version":"1.10.0"},{"version":"1.3.0"},{"version":"2.0.0"},{"version":"1.11.0-rc1"}]}]}`},
		"/v1/modules/acme/vpc/aws/1.10.0/download": {"./pkg/1.10.0.tgz?archive=tgz", ""},
		"/v1/modules/acme/vpc/aws/1.2.0/download":  {"/files/download//acme-vpc-1234?archive=zip", ""},
		"/v1/modules/acme/vpc/aws/1.3.0/download":  {"git::file://" + filepath.Join(dir, "vpc") + "?ref=v1.3.0", ""},
		"/v1/modules/acme/vpc/aws/2.0.0/download":  {fmt.Sprintf("./pkg/2.0.0.zip?checksum=sha256:%x", sha256.Sum256(two)), ""},

		"/v1/modules/acme/vpc/aws/1.10.0/pkg/1.10.0.tgz": {"", string(gz(t, tarOf(t, entry{"main.tf", "# tgz\r\n"}, entry{"modules/x/a.tf", "# x\n"})))},
		"/files/download": {"", string(zipOf(t, entry{"acme-vpc-1234/main.tf", "# zip\n"}, entry{"acme-vpc-1234/run.sh", ""}))},
		"/v1/modules/acme/vpc/aws/2.0.0/pkg/2.0.0.zip": {"", string(two)},
	}
	var mu sync.Mutex
	var seen []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := answers[r.URL.Path]
		mu.Lock()
		if r.Method == http.MethodGet { // terraform asks for the head of an archive first
			seen = append(seen, strings.TrimSpace(r.URL.RequestURI()+" "+r.Header.Get("Authorization")))
		}
		mu.Unlock()
		switch {
		case !ok:
			http.NotFound(w, r)
		case a.get != "":
			w.Header().Set("X-Terraform-Get", a.get)
			w.WriteHeader(http.StatusNoContent)
		default:
			if strings.HasPrefix(a.body, "{") {
				w.Header().Set("Content-Type", "application/json")
			}
			_, _ = w.Write([]byte(a.body))
		}
	}))
	defer s.Close()
	requests := func() []string {
		mu.Lock()
		defer mu.Unlock()
		got := seen
		seen = nil
		return got
	}
	rc := write(t, filepath.Join(dir, "rc"), fmt.Sprintf("host \"reg.example.com\" {\n  services = {\n    \"modules.v1\" = %q\n  }\n}\ncredentials \"reg.example.com\" {\n  token = \"from-the-block\"\n}\n", s.URL+"/v1/modules/"))
	env := append(os.Environ(), "HOME="+dir, "TF_CLI_CONFIG_FILE="+rc, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_INPUT=0", "GIT_CONFIG_GLOBAL="+os.DevNull)
	for constraint, want := range map[string]struct{ version, main string }{
		"~> 1.3": {"1.10.0", "# tgz\r\n"}, "1.2.0": {"1.2.0", "# zip\n"}, "~> 1.3.0": {"1.3.0", "# from git\n"}, ">= 1.2": {"2.0.0", "# two\n"},
	} {
		t.Run(constraint, func(t *testing.T) {
			c, err := New(Options{Env: env, Home: dir})
			if err != nil {
				t.Fatal(err)
			}
			requests()
			versions, err := c.Versions(t.Context(), "reg.example.com", "acme", "vpc", "aws")
			if err != nil {
				t.Fatal(err)
			}
			v, err := Newest(versions, constraint)
			if err != nil || v != want.version {
				t.Fatalf("newest: %s %v", v, err)
			}
			address, err := c.Download(t.Context(), "reg.example.com", "acme", "vpc", "aws", v)
			if err != nil {
				t.Fatal(err)
			}
			var pkg fs.FS
			switch {
			case IsArchive(address):
				pkg, err = c.Archive(t.Context(), address)
			case address == "git::file://"+filepath.Join(dir, "vpc")+"?ref=v1.3.0":
				pkg = os.DirFS(filepath.Join(dir, "vpc"))
			}
			if err != nil || pkg == nil {
				t.Fatalf("%s: %v", address, err)
			}
			sub, err := Subdir(pkg, address)
			if err != nil {
				t.Fatal(err)
			}
			if pkg, err = fs.Sub(pkg, sub); err != nil {
				t.Fatal(err)
			}
			ours := requests()

			stack := t.TempDir()
			write(t, filepath.Join(stack, "main.tf"), fmt.Sprintf("module \"vpc\" {\n  source  = \"reg.example.com/acme/vpc/aws\"\n  version = %q\n}\n", constraint))
			cmd := exec.Command("terraform", "get")
			cmd.Dir, cmd.Env = stack, env
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("terraform get: %v\n%s", err, out)
			}
			theirs := requests()
			if strings.Join(ours, "\n") != strings.Join(theirs, "\n") || len(ours) < 2 || !strings.HasSuffix(ours[0], " Bearer from-the-block") {
				t.Errorf("we asked\n%s\nterraform\n%s", strings.Join(ours, "\n"), strings.Join(theirs, "\n"))
			}
			installed := os.DirFS(filepath.Join(stack, ".terraform", "modules", "vpc", sub))
			if got, want := contents(t, pkg), contents(t, installed); got != want || got == "" {
				t.Errorf("we have\n%s\nterraform\n%s", got, want)
			}
			if b, err := fs.ReadFile(pkg, "main.tf"); string(b) != want.main || err != nil {
				t.Errorf("main.tf: %q %v", b, err)
			}
		})
	}
}

// contents lists the files of a tree, without git's.
func contents(t *testing.T, fsys fs.FS) string {
	t.Helper()
	var b strings.Builder
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.Name() == ".git" {
				return fs.SkipDir
			}
			return err
		}
		data, err := fs.ReadFile(fsys, p)
		fmt.Fprintf(&b, "%s %q\n", p, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
