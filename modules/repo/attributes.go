package repo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// CheckoutAttributes are the attributes that change a file's bytes when git
// checks it out (gitattributes(5)).
var CheckoutAttributes = []string{"text", "crlf", "eol", "working-tree-encoding", "ident", "filter"}

// Attributes asks git which CheckoutAttributes apply to each of paths where
// files holds the content of every .gitattributes file, by its path. The
// result has for each path one value for each attribute, in their order:
// "unspecified", "set", "unset", or what it was set to. Neither the user's
// attributes nor the machine's play a part.
func Attributes(ctx context.Context, files map[string][]byte, paths []string) ([][]string, error) {
	dir, err := os.MkdirTemp("", "terrier-attributes-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	w := &writer{gitDir: filepath.Join(dir, ".git"), Spec: Spec{Refs: map[string]Hash{"refs/heads/main": {1}}, Head: "refs/heads/main"}}
	if err := os.Mkdir(w.gitDir, 0o777); err != nil {
		return nil, err
	}
	if err := w.prepare(); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	for p, data := range files {
		if err := root.MkdirAll(filepath.FromSlash(filepath.Dir(p)), 0o777); err != nil {
			return nil, err
		}
		if err := root.WriteFile(filepath.FromSlash(p), data, 0o666); err != nil {
			return nil, err
		}
	}
	args := append([]string{"--work-tree=" + dir, "check-attr", "-z", "--stdin"}, CheckoutAttributes...)
	cmd := ownCommand(ctx, w.gitDir, args...)
	cmd.Dir = dir
	out, err := run(ctx, cmd, strings.NewReader(strings.Join(paths, "\x00")+"\x00"))
	if err != nil {
		return nil, err
	}
	// path NUL attribute NUL value NUL, over and over.
	fields := bytes.Split(bytes.TrimSuffix(out, []byte{0}), []byte{0})
	n := len(CheckoutAttributes)
	if len(paths) > 0 && len(fields) != 3*n*len(paths) {
		return nil, fmt.Errorf("git check-attr: %d fields for %d paths", len(fields), len(paths))
	}
	values := make([][]string, len(paths))
	for i := range paths {
		for j := range n {
			values[i] = append(values[i], string(fields[3*(i*n+j)+2]))
		}
	}
	return values, nil
}
