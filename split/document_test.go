package split

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An altered document is refused, whatever was altered in it, and one that
// only was laid out anew is not.
func TestReadDocument(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, resultName)
	plan := &Plan{Commit: "a", Packages: []*Package{{Name: "vpc", Repository: "modules/vpc.git", Owns: []string{"vpc"}}}, Live: []*Live{{Name: "live", Repository: "live/live"}}}
	result := &Result{Packages: []PackageResult{{Name: "vpc", Tip: "1"}}, Live: []LiveResult{{Name: "live"}}}
	if err := Finish(dir, plan, result, &Proof{Level: "static"}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d, err := ReadDocument(dir)
	if err != nil || d.Packages[0].Name != "vpc" || d.Live[0].Paths != nil {
		t.Fatalf("%+v %v", d, err)
	}
	var any map[string]any
	if err := json.Unmarshal(whole, &any); err != nil {
		t.Fatal(err)
	}
	compactly, err := json.Marshal(any)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseDocument(compactly); err != nil {
		t.Errorf("laid out anew: %v", err)
	}
	for name, altered := range map[string]string{
		"a tip":           strings.Replace(string(whole), `"tip": "1"`, `"tip": "2"`, 1),
		"a path":          strings.Replace(string(whole), `"commit": "a"`, `"commit": "b"`, 1),
		"the verdict":     strings.Replace(string(whole), `"static"`, `"plan"`, 1),
		"a field more":    strings.Replace(string(whole), `"commit": "a"`, `"commit": "a", "more": 1`, 1),
		"a field less":    strings.Replace(string(whole), `"level": "static",`, ``, 1),
		"no digest":       strings.Replace(string(whole), `"document_digest": "sha256:`, `"document_digest": "`, 1),
		"something after": string(whole) + "{}",
		"half of it":      string(whole[:len(whole)/2]),
		"nothing":         "",
		"no object":       "[]",
	} {
		if _, err := parseDocument([]byte(altered)); altered == string(whole) || !errors.Is(err, ErrAltered) && !strings.Contains(err.Error(), "format version") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What digests to itself has to fit together all the same.
	for name, damage := range map[string]func(d *Document){
		"a package without a result": func(d *Document) { d.Result.Packages = nil },
		"a result of another":        func(d *Document) { d.Result.Packages[0].Name = "x" },
		"no package":                 func(d *Document) { d.Packages[0] = nil },
		"no live repository":         func(d *Document) { d.Live[0] = nil },
		"no stack":                   func(d *Document) { d.Stacks = []*Stack{nil} },
		"no blocked module":          func(d *Document) { d.Blocked = []*Blocked{nil} },
		"no proof":                   func(d *Document) { d.Proof = nil },
	} {
		d, err := parseDocument(whole)
		if err != nil {
			t.Fatal(err)
		}
		damage(d)
		d.Digest = d.Plan.Digest()
		d.DocumentDigest = d.digest()
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseDocument(b); !errors.Is(err, ErrAltered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, prepare := range map[string]func() error{
		"a directory": func() error { return os.Mkdir(file, 0o777) },
		"a symlink out": func() error {
			outside := filepath.Join(t.TempDir(), "x")
			if err := os.WriteFile(outside, whole, 0o666); err != nil {
				return err
			}
			return os.Symlink(outside, file)
		},
	} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if err := prepare(); err != nil {
			t.Fatal(err)
		}
		if d, err := ReadDocument(dir); err == nil {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// A hostile document makes an error, or a proof that finds nothing: never a
// panic, and never a repository outside the directory.
func FuzzDocument(f *testing.F) {
	plan := &Plan{Commit: strings.Repeat("1", 40),
		Packages: []*Package{{Name: "vpc", Path: "vpc", Root: "vpc", Owns: []string{"vpc"}, Repository: "modules/vpc.git", Source: "git::x", Tag: "v1",
			Copies: []Copy{{"vpc/../x", "live/live", "sha256:" + strings.Repeat("0", 64)}}}},
		Live: []*Live{{Name: "live", Repository: "../../etc", Root: "."}}, Stacks: []*Stack{{Path: "a"}}}
	result := &Result{Packages: []PackageResult{{Name: "vpc", Tip: strings.Repeat("2", 40), Extracted: strings.Repeat("2", 40)}}, Live: []LiveResult{{Name: "live", Tip: "x"}}}
	seed, err := json.Marshal(NewDocument(plan, result, &Proof{}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte(`{"format_version":"1.0","packages":[null],"live":[null]}`))
	mono, out := f.TempDir(), f.TempDir()
	git(f, mono, "init", "-q", "-b", "main")
	git(f, mono, "commit", "-q", "--allow-empty", "-m", "x")
	head := git(f, mono, "rev-parse", "HEAD")
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &Document{}
		if json.Unmarshal(data, d) != nil {
			return
		}
		// Digests that fit lead past the first door.
		d.FormatVersion, d.Digest = FormatVersion, d.Plan.Digest()
		d.DocumentDigest = d.digest()
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if d, err = parseDocument(b); err != nil {
			return
		}
		d.Commit = head
		p, err := verify(t.Context(), mono, &d.Plan, &d.Result, out, nil)
		if err == nil && len(d.Packages)+len(d.Live) > 0 && len(p.Mismatches) == 0 {
			t.Errorf("nothing is there, and all is well: %s", b)
		}
	})
}
