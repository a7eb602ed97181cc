package cmd

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/cmd/report"
)

// secretCalls has one password in every place of a call that somebody may write
// it in, and every spelling.
const secretCalls = `
locals {
  password = "hunter2"
  base     = "git::https://x:hunter2@h.example/a.git"
}
variable "v" {
  default = "git::https://x:hunter2@h.example/v.git"
}
module "plain" { source = "git::https://x:hunter2@h.example/a.git" }
module "sshkey" { source = "git::ssh://git@h.example/a.git?sshkey=hunter2" }
module "s3" { source = "s3::https://s3.amazonaws.com/b/k.zip?aws_access_key_id=hunter2&aws_access_key_secret=hunter2&aws_access_token=hunter2" }
module "token" { source = "https://h.example/a.zip?token=hunter2" }
module "user" { source = "git::https://hunter2@h.example/a.git" }
module "scp" { source = "git::x:hunter2@h.example:a.git" }
module "encoded" { source = "git::https://x%3Ahunter2@h.example/a.git" }
module "partly" { source = "git::https://${var.u}:hunter2@h.example/a.git?ref=${var.r}" }
module "local" { source = "${local.base}?ref=main" }
module "variable" { source = var.v }
module "ref" { source = "git::https://h.example/a.git?ref=https://x:hunter2@h" }
module "version" {
  source  = "a/b/c"
  version = "https://x:hunter2@h and more"
}
module "https://x:hunter2@h" { source = "git::https://h.example/a.git" }
module "heredoc" {
  source = <<EOT
git::https://x:hunter2@h.example/a.git
EOT
}
module "nested" { source = "git::https://x:${"hunter2"}@h.example/a.git" }
module "join" { source = join("", ["git::https://x:", "hunter2", "@h.example/a.git"]) }
module "format" { source = format("git::https://%s:%s@h.example/a.git", "x", "hunter2") }
module "part" { source = "git::https://x:${local.password}@h.example/a.git" }
module "unknown" { source = "git::https://x:${nonsense("hunter2")}@h.example/a.git" }
module "escape" { source = "git::https://x:h\u0075nter2@h.example/a.git" }
module "either" { source = var.x ? "git::https://x:hunter2@h.example/a.git" : "git::https://x:hunter2@h.example/b.git" }
# terrier:ignore https://x:hunter2@h,?token=hunter2 because https://x:hunter2@h
module "ignored" { source = "git::https://h.example/a.git" } # https://x:hunter2@h
# terrier:ignore branch-ref why until=https://x:hunter2@h
module "until" { source = "http://h.example/a.zip?sig=hunter2" }
module "fixed" { source = "http://x:hunter2@h.example/a.zip?archive=zip" }
module "fixed2" { source = "git::http://h.example/a.git?ref=0123456789012345678901234567890123456789&depth=1&jwt=hunter2" }
module "fixed3" { source = "http://x:pass hunter2@h.example/a.zip?archive=zip" }
module "at" { source = "git::https://x:hunter2@@h.example/a.git?ref=v1" }
module "slash" { source = "git::https://x:hun/ter2@h.example/a.git?ref=v1" }
module "space" { source = " git::https://x: hunter2@h.example/a.git?ref=v1" }
module "quote" { source = "git::https://x:pa'hunter2@h.example/a.git" }
module "quotes" { source = "git::https://x:pa\"hunter2@h.example/a.git" }
module "angle" { source = "git::https://x:pa<hunter2@h.example/a.git" }
module "tick" { source = "git::https://x:pa` + "`" + `hunter2@h.example/a.git" }
module "upper" { source = "GIT::HTTPS://x:hunter2@h.example/a.git?ref=v1" }
module "param" { source = "git::https://h.example/a.git?ref=v1.0.0&password=pa hunter2" }
module "fragment" { source = "git::https://h.example/a.git?ref=v1.0.0#token=hunter2" }
module "sub" { source = "git::https://h.example/a.git//sub//https://x:hunter2@h?ref=v1" }
module "up" { source = "git::https://x:hunter2@h.example/a.git//../../..?ref=v1" }
module "program" { source = "ext::sh -c curl https://x:hunter2@h" }
module "remote" { source = "git::SERVER/a.git?ref=v1.0.0" }
terraform {
  backend "http" {
    address = "https://x:hunter2@h.example/state"
  }
}
`

var secretFiles = map[string]string{
	"main.tf":           secretCalls,
	"main_override.tf":  `module "version" { version = "https://x:hunter2@h" }`,
	"other/main.tf":     "terraform {\n  backend \"http\" {\n    address = \"https://x:hunter2@h.example/state\"\n  }\n}\n",
	"x.tf.json":         `{"module":{"a":{"source":"git::https://x:hunter2@h.example/a.git?ref=main"},"https://x:hunter2@h":{"source":"git::https:\/\/x:hunter2@h.example/a.git"},"c":{"source":"git::https://x:hunter2\u0040h.example/a.git"}}}`,
	"tg/terragrunt.hcl": "locals {\n  b = \"git::https://x:hunter2@h.example/a.git\"\n}\nterraform {\n  source = \"${local.b}//sub?ref=main\"\n}\n",
	"terrier.hcl":       "# https://x:hunter2@h.example\nrule \"disallowed-host\" {\n  severity = \"error\"\n}\n",
}

// TestLintShowsNoSecret plants one password everywhere, and looks for it in all
// that is printed and written.
func TestLintShowsNoSecret(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusForbidden)
		_, password, _ := r.BasicAuth()
		_, _ = w.Write([]byte("no: https://x:" + password + "@h.example is not the password\n"))
	}))
	defer server.Close()
	address := strings.Replace(server.URL, "http://", "http://x:hunter2@", 1)
	for k, v := range map[string]string{
		"TERRIER_CACHE_DIR": t.TempDir(), "HOME": t.TempDir(), "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_COUNT": "2",
		"GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": "!echo fatal: https://x:hunter2@h.example >&2; exit 1; #",
		"GIT_CONFIG_KEY_1": "url." + address + "/.insteadOf", "GIT_CONFIG_VALUE_1": "git@h.example:",
	} {
		t.Setenv(k, v)
	}
	fill := func(t *testing.T) string {
		dir := t.TempDir()
		for name, text := range secretFiles {
			p := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(p, []byte(strings.ReplaceAll(text, "SERVER", address)), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	look := func(t *testing.T, what, text string) {
		t.Helper()
		for i, line := range strings.Split(text, "\n") {
			// Two spellings hide a letter.
			if at := max(strings.Index(line, "nter2"), strings.Index(line, "hun/ter2")); at >= 0 {
				t.Errorf("%s, line %d: …%s", what, i+1, line[max(0, at-60):min(len(line), at+20)])
			}
		}
	}
	run := func(t *testing.T, dir string, want []int, args ...string) string {
		t.Helper()
		var out, err bytes.Buffer
		got := Main(append([]string{"lint", "-C", dir}, args...), &out, &err)
		if !slices.Contains(want, got) {
			t.Errorf("%v: exit code %d\n%s", args, got, err.String())
		}
		look(t, strings.Join(args, " ")+": stdout", out.String())
		look(t, strings.Join(args, " ")+": stderr", err.String())
		return out.String()
	}
	written := func(t *testing.T, dir string, of map[string]bool) {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if _, planted := secretFiles[e.Name()]; planted || e.IsDir() {
				continue
			}
			data, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			of[e.Name()] = true
			look(t, e.Name(), string(data))
		}
	}

	t.Run("formats", func(t *testing.T) {
		dir := fill(t)
		for _, format := range report.LintFormats() {
			out := run(t, dir, []int{2}, "-v", "--format", format, "--report", format+"="+format+".out")
			if n := strings.Count(out, "credentials-in-source"); n < 25 {
				t.Errorf("%s: %d findings of the password are too few for this test", format, n)
			}
		}
		run(t, dir, []int{0}, "--baseline", "baseline.json")
		files := map[string]bool{}
		written(t, dir, files)
		if len(files) != len(report.LintFormats())+1 {
			t.Errorf("written: %v", files)
		}
	})
	t.Run("remote", func(t *testing.T) {
		dir := fill(t)
		for _, format := range []string{"text", "json", "sarif"} {
			if out := run(t, dir, []int{1}, "-v", "--remote", "--format", format); !strings.Contains(out, "127.0.0.1") {
				t.Errorf("the server was not asked:\n%s", out)
			}
		}
	})
	t.Run("fix", func(t *testing.T) {
		dir := fill(t)
		if out := run(t, dir, []int{2}, "--fix", "--diff"); !strings.Contains(out, "https://******") {
			t.Errorf("no fix:\n%s", out)
		}
		run(t, dir, []int{2}, "--fix", "-v")
	})
	for name, c := range map[string]struct{ file, text, flags string }{
		"config":           {"terrier.hcl", "modules {\n  source = \"git::https://x:hunter2@h.example/a.git\"\n  surce = \"https://x:hunter2@h\"\n}\nrule \"https://x:hunter2@h\" {}\n", ""},
		"broken config":    {"terrier.hcl", "modules {\n  source = \"git::https://x:hunter2@h.example/a b\n}\n", ""},
		"broken source":    {"broken.tf", "module \"a\" {\n  source = \"git::https://x:pass hunter2@h.example/a.git\n}\n", ""},
		"broken heredoc":   {"broken.tf", "module \"a\" {\n  source = <<E\ngit::https://x:hunter2@h.example/a.git\n}\n", ""},
		"lock":             {".terrier.lock.hcl", "version = 1\npackage \"git::https://x:hunter2@h.example/a.git\" {\n  ref = \"https://x:hunter2@h\"\n", ""},
		"baseline":         {"b.json", `{"format_version": "https://x:hunter2@h.example"}`, "--baseline b.json"},
		"broken baseline":  {"b.json", `{"format_version": https://x:hunter2@h.example`, "--baseline b.json"},
		"unknown baseline": {"b.json", `{"format_version": "1.0", "findings": [], "https://x:hunter2@h": 1}`, "--baseline b.json"},
		"flags":            {"a.txt", "", "--changed-since https://x:hunter2@h"},
		"path":             {"a.txt", "", "https://x:hunter2@h"},
		"only":             {"a.txt", "", "--only https://x:hunter2@h"},
		"format":           {"a.txt", "", "--format https://x:hunter2@h"},
		"fail-on":          {"a.txt", "", "--fail-on https://x:hunter2@h"},
		"report":           {"a.txt", "", "--report https://x:hunter2@h"},
		"report file":      {"a.txt", "", "--report json=https://x:hunter2@h/a"},
		"no flag":          {"a.txt", "", "--https://x:hunter2@h"},
		"chdir":            {"a.txt", "", "-C https://x:hunter2@h"},
		"explain":          {"a.txt", "", "--explain https://x:hunter2@h"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := fill(t)
			if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o666); err != nil {
				t.Fatal(err)
			}
			run(t, dir, []int{1}, strings.Fields(c.flags)...)
		})
	}
}
