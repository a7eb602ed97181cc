package cmd

import (
	"bytes"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	x25519 "filippo.io/age"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// A job of a merge request has not the key that seals runs, and needs no right to
// write where runs are shared: it plans for itself. An apply without the key is
// refused before anything is applied, for nobody else would know of it.
func TestRunsWithoutTheKey(t *testing.T) {
	bucket := s3mem.New()
	if err := bucket.CreateBucket("acme"); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(gofakes3.New(bucket).Server())
	defer s.Close()
	dir := t.TempDir()
	key, err := x25519.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"terrier.hcl":   "runs {\n  recipients = [\"" + key.Recipient().String() + "\"]\n  s3 {\n    bucket = \"acme\"\n    region = \"eu-central-1\"\n  }\n}\n",
		"stack/main.tf": "terraform {\n  backend \"local\" {}\n}\nresource \"terraform_data\" \"x\" {}\n",
		".gitignore":    ".terraform/\n*.tfstate*\n",
		".terraformrc":  "",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"HOME": dir, "AWS_ENDPOINT_URL_S3": s.URL, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true",
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
		"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com", "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": filepath.Join(dir, ".terraformrc"),
		"TERRIER_CACHE_DIR": t.TempDir(), "TERRIER_CHDIR": dir,
	} {
		t.Setenv(name, value)
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "."}, {"commit", "-q", "-m", "x"}} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	now := time.Now()
	terrier := func(code int, args ...string) string {
		now = now.Add(time.Second) // two runs of one second have no order
		var out bytes.Buffer
		if got := run(args, &out, &out, func() time.Time { return now }); got != code {
			t.Fatalf("terrier %s: %d, want %d\n%s", args, got, code, out.String())
		}
		return out.String()
	}
	objects := func() int {
		list, err := bucket.ListBucket("acme", nil, gofakes3.ListBucketPage{})
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Contents)
	}
	if out := terrier(2, "plan"); objects() != 0 || !strings.Contains(out, "note: TERRIER_RUNS_KEY is not set: this plan stays here") {
		t.Errorf("%d objects are shared:\n%s", objects(), out)
	}
	if out := terrier(1, "apply", "latest"); !strings.Contains(out, "TERRIER_RUNS_KEY is not set") {
		t.Error(out)
	}
	if _, err := os.Stat(filepath.Join(dir, "stack", "terraform.tfstate")); err == nil {
		t.Error("it is applied, and nobody would know")
	}
	t.Setenv("TERRIER_RUNS_KEY", strings.Repeat("k", 40))
	if out := terrier(2, "plan", "-q"); objects() == 0 || strings.Contains(out, "stays here") {
		t.Errorf("nothing is shared:\n%s", out)
	}
	// What is shared counts, and has to be read there.
	if out := terrier(1, "apply", "latest", "-q"); !strings.Contains(out, "TERRIER_AGE_IDENTITY") {
		t.Error(out)
	}
	t.Setenv("TERRIER_AGE_IDENTITY", key.String())
	terrier(0, "apply", "latest", "-q")
}
