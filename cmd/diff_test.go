package cmd

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A module of a registry, which gives archives: its versions, its submodule,
// and its callers.
func TestDiffRegistry(t *testing.T) {
	archive := func(files map[string]string) []byte {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		w := tar.NewWriter(z)
		for name, text := range files {
			if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		z.Close()
		return out.Bytes()
	}
	versions := map[string][]byte{
		"1.0.0": archive(map[string]string{"main.tf": `variable "a" {}`, "modules/s/main.tf": `variable "b" {}`}),
		"2.0.0": archive(map[string]string{"main.tf": `variable "c" {}`, "modules/s/main.tf": `variable "d" {}`}),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, ok := strings.CutPrefix(r.URL.Path, "/acme/vpc/aws/")
		version, what, _ := strings.Cut(rest, "/")
		switch {
		case ok && rest == "versions":
			fmt.Fprint(w, `{"modules": [{"versions": [{"version": "1.0.0"}, {"version": "2.0.0"}]}]}`)
		case ok && what == "download":
			w.Header().Set("X-Terraform-Get", "./package.tar.gz")
			w.WriteHeader(http.StatusNoContent)
		case ok && what == "package.tar.gz" && versions[version] != nil:
			_, _ = w.Write(versions[version])
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("rc", fmt.Sprintf("host \"registry.example.com\" {\n  services = {\n    \"modules.v1\" = \"%s/\"\n  }\n}\n", server.URL))
	write("main.tf", `
module "vpc" {
  source  = "registry.example.com/acme/vpc/aws"
  version = "1.0.0"
  a       = 1
}
module "s" {
  source  = "registry.example.com/acme/vpc/aws//modules/s"
  version = "1.0.0"
  b       = 1
}
`)
	t.Setenv("TF_CLI_CONFIG_FILE", filepath.Join(dir, "rc"))
	t.Setenv("TERRIER_CACHE_DIR", filepath.Join(dir, "cache"))
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"vpc 1.0.0 v2.0.0", 0, []string{"registry.example.com/acme/vpc/aws  1.0.0 → 2.0.0  major", "the variable a is gone", "the variable b is gone, in modules/s", "main.tf:5\n", "main.tf:10\n"}},
		{"registry.example.com/acme/vpc/aws//modules/s 1.0.0 2.0.0", 0, []string{"the variable b is gone\n", "main.tf:10\n"}},
		{"vpc 1.0.0 2.0.1", 1, []string{`has no version "2.0.1"`, "the nearest versions: 2.0.0, 1.0.0"}},
		{"vpc 1.0.0 2.0.0 --offline", 1, []string{"only its registry knows"}},
	} {
		var out, errs bytes.Buffer
		code := Main(append([]string{"-C", dir, "diff"}, strings.Fields(c.args)...), &out, &errs)
		if code != c.code {
			t.Errorf("%s: exit %d, want %d\n%s%s", c.args, code, c.code, &out, &errs)
		}
		for _, w := range c.want {
			if !strings.Contains(out.String()+errs.String(), w) {
				t.Errorf("%s: no %q in\n%s%s", c.args, w, &out, &errs)
			}
		}
	}
}

// What list takes for a module's name, diff takes too.
func TestDiffNames(t *testing.T) {
	s := aForge(t, "acme/terraform-aws-net.git", "acme/shared.git")
	dir := t.TempDir()
	text := fmt.Sprintf("module \"a\" {\n  source = \"git::%[1]s/acme/terraform-aws-net.git?ref=v1.0.0\"\n  a = 1\n}\nmodule \"b\" {\n  source = \"git::%[1]s/acme/shared.git//sub?ref=v1.0.0\"\n  a = 1\n}\n", s.URL)
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"terraform-aws-net":                       "127.0.0.1/acme/terraform-aws-net ",
		"net":                                     "127.0.0.1/acme/terraform-aws-net ",
		"acme/terraform-aws-net":                  "127.0.0.1/acme/terraform-aws-net ",
		"127.0.0.1/acme/terraform-aws-net":        "127.0.0.1/acme/terraform-aws-net ",
		s.URL + "/acme/terraform-aws-net.git":     "127.0.0.1/acme/terraform-aws-net ",
		"git::" + s.URL + "/acme/shared.git//sub": "127.0.0.1/acme/shared//sub ",
		"sub":               "127.0.0.1/acme/shared//sub ",
		"shared//sub":       "127.0.0.1/acme/shared//sub ",
		"shared":            "127.0.0.1/acme/shared//sub ",
		"127.0.0.1/**/net":  "",
		"127.0.0.1/**/*net": "127.0.0.1/acme/terraform-aws-net ",
		"nte":               "",
	} {
		code := 0
		if want == "" {
			code = 1
		}
		var out, errs bytes.Buffer
		if got := Main([]string{"-C", dir, "list", name}, &out, &errs); got != code {
			t.Errorf("list %s: exit %d, want %d\n%s", name, got, code, &errs)
		}
		out.Reset()
		if got := Main([]string{"-C", dir, "diff", name, "v1.0.0", "1.1.0"}, &out, &errs); got != code || !strings.HasPrefix(out.String(), want) {
			t.Errorf("diff %s: exit %d, want %d and %q\n%s%s", name, got, code, want, &out, &errs)
		}
	}
}
