package lock

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/dirhash"

	"github.com/terrier-iac/terrier/modules/repo"
)

// byHand is the algorithm as Terraform's documentation of the provider lock
// describes it: the digests of all files, sorted by name, as sha256sum prints
// them, and the digest of that.
func byHand(files map[string]string) string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	var list strings.Builder
	for _, name := range names {
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256([]byte(files[name])), name)
	}
	sum := sha256.Sum256([]byte(list.String()))
	return "h1:" + base64.StdEncoding.EncodeToString(sum[:])
}

// The hash is over git's own bytes, whatever attributes say.
func TestHash(t *testing.T) {
	h := newHome(t)
	sub := h.repository("sub", map[string]string{"x": "x\n"})
	dir := h.repository("a", map[string]string{
		"main.tf":        "# main\r\n",
		"unix.tf":        "# unix\n",
		"run.sh":         "#!/bin/sh\n",
		"docs/hidden.md": "not exported\n",
		"empty":          "",
		".gitattributes": "*.tf text eol=crlf\ndocs export-ignore\n*.id ident\n",
		"x.id":           "$Id$\n",
		"ünï cödé":       "x",
	})
	h.write(dir, "run.sh", "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(dir, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../docs/./hidden.md", filepath.Join(dir, "docs", "link")); err != nil {
		t.Fatal(err)
	}
	h.git(dir, "add", "-A")
	h.git(dir, "update-index", "--add", "--cacheinfo", "160000,"+h.id(sub, "HEAD")+",vendor/sub")
	h.git(dir, "commit", "-q", "-m", "more")
	want := map[string]string{
		"main.tf": "# main\n", "unix.tf": "# unix\n", // what git stored: eol=crlf makes LF of it on the way in
		"run.sh": "#!/bin/sh\n", "docs/hidden.md": "not exported\n", "empty": "", ".gitattributes": "*.tf text eol=crlf\ndocs export-ignore\n*.id ident\n",
		"x.id": "$Id$\n", "ünï cödé": "x", "docs/link": "../docs/./hidden.md", "vendor/sub": h.id(sub, "HEAD"),
	}
	got, err := Hash(tree(t, dir, "HEAD"))
	if err != nil || got != byHand(want) {
		t.Errorf("%s %v, want %s", got, err, byHand(want))
	}
	if !validHash(got) {
		t.Errorf("%s is not valid", got)
	}

	// The same without what a checkout changes: dirhash of the checkout itself.
	h.git(dir, "rm", "-q", "--cached", "docs/link", "vendor/sub")
	h.git(dir, "rm", "-q", ".gitattributes")
	if err := os.Remove(filepath.Join(dir, "docs", "link")); err != nil {
		t.Fatal(err)
	}
	h.git(dir, "commit", "-q", "-m", "plain")
	clone := filepath.Join(t.TempDir(), "clone")
	h.git(dir, "-c", "core.autocrlf=false", "clone", "-q", ".", clone)
	if err := os.RemoveAll(filepath.Join(clone, ".git")); err != nil {
		t.Fatal(err)
	}
	plain, err := dirhash.HashDir(clone, "", dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Hash(tree(t, dir, "HEAD")); err != nil || got != plain {
		t.Errorf("%s %v, want %s", got, err, plain)
	}
	// And of any file system.
	if got, err := Hash(os.DirFS(clone)); err != nil || got != plain {
		t.Errorf("%s %v, want %s", got, err, plain)
	}
}

// A path of git is bytes; terraform's clone has it under them.
func TestHashNames(t *testing.T) {
	h := newHome(t)
	dir := h.repository("a", map[string]string{"main.tf": "#\n"})
	blob := h.git(dir, "hash-object", "-w", "main.tf")
	h.git(dir, "update-index", "--add", "--cacheinfo", "100644,"+blob+",docs/caf\xe9.md", "--cacheinfo", "100644,"+blob+`,back\slash`)
	h.git(dir, "commit", "-q", "-m", "latin")
	got, err := Hash(tree(t, dir, "HEAD"))
	if want := byHand(map[string]string{"main.tf": "#\n", "docs/caf\xe9.md": "#\n", `back\slash`: "#\n"}); err != nil || got != want {
		t.Errorf("%s %v, want %s", got, err, want)
	}
	r := h.run([]Call{call(t, h.url("a"), "")}, nil, Config{})
	if rules(r) != "" || len(r.File.Entries) != 1 {
		t.Errorf("%+v", r.Problems)
	}
}

func TestHashLineBreak(t *testing.T) {
	if h, err := Hash(fstest.MapFS{"a\nb": {Data: []byte("x")}}); err == nil || !strings.Contains(err.Error(), `the name "a\nb" has a line break`) {
		t.Errorf("%s %v", h, err)
	}
	if h, err := Hash(fstest.MapFS{}); err != nil || h != byHand(nil) {
		t.Errorf("%s %v", h, err)
	}
}

func tree(t *testing.T, dir, rev string) *repo.TreeFS {
	t.Helper()
	ctx := context.Background()
	r, err := repo.Open(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Resolve(ctx, rev)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := r.At(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}
