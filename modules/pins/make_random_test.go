package pins

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/versions"
)

var (
	oracleLocal  = regexp.MustCompile(`(?m)^  (l[0-9]+) = (.*)$`)
	oracleCall   = regexp.MustCompile(`(?m)^module "(\w+)" \{\n  source = (.*)$`)
	oracleNested = regexp.MustCompile(`\$\{local\.(l[0-9]+)\}`)
)

// readAlike reads what randomTree writes, and knows nothing of HCL: the source
// of each call, by directory and name.
func readAlike(t *testing.T, fsys fs.FS, links map[string]string, dirs []string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, dir := range dirs {
		locals := map[string]string{}
		calls := map[string]string{}
		for _, name := range []string{"l.tf", "m.tf", "n.tf"} {
			p := path.Join(dir, name)
			if to := links[p]; to != "" {
				p = to
			}
			src, err := fs.ReadFile(fsys, p)
			if err != nil {
				continue
			}
			for _, m := range oracleLocal.FindAllStringSubmatch(string(src), -1) {
				locals[m[1]] = m[2]
			}
			for _, m := range oracleCall.FindAllStringSubmatch(string(src), -1) {
				calls[m[1]] = m[2]
			}
		}
		var text func(string) string
		text = func(expr string) string {
			if name, ok := strings.CutPrefix(expr, "local."); ok {
				return text(locals[name])
			}
			return oracleNested.ReplaceAllStringFunc(strings.Trim(expr, `"`), func(ref string) string {
				return text(locals[oracleNested.FindStringSubmatch(ref)[1]])
			})
		}
		for name, expr := range calls {
			out[dir+" "+name] = text(expr)
		}
	}
	return out
}

// randomTree is directories with locals that are made of each other, of which
// some are one file by symlinks, and calls that are made of them.
func randomTree(r *rand.Rand) (files fstest.MapFS, links map[string]string, dirs []string) {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	files, links = fstest.MapFS{}, map[string]string{}
	locals := func() string {
		var b strings.Builder
		b.WriteString("locals {\n")
		for i := range 5 {
			older := fmt.Sprintf("l%d", r.IntN(max(i, 1)))
			switch {
			case i == 0 || r.IntN(3) == 0:
				fmt.Fprintf(&b, "  l%d = %q\n", i, pick("v1.0.0", "v1.1.0", "1.1.0"))
			case r.IntN(2) == 0:
				fmt.Fprintf(&b, "  l%d = local.%s\n", i, older)
			default:
				fmt.Fprintf(&b, "  l%d = \"${local.%s}\"\n", i, older)
			}
		}
		return b.String() + "}\n"
	}
	shared := locals()
	for d := range 1 + r.IntN(4) {
		dir := fmt.Sprintf("d%d", d)
		dirs = append(dirs, dir)
		if r.IntN(2) == 0 {
			files["s/l.tf"] = &fstest.MapFile{Data: []byte(shared)}
			files[dir+"/l.tf"] = &fstest.MapFile{Data: []byte("../s/l.tf"), Mode: fs.ModeSymlink | 0o777}
			links[dir+"/l.tf"] = "s/l.tf"
		} else {
			files[dir+"/l.tf"] = &fstest.MapFile{Data: []byte(locals())}
		}
		for _, name := range []string{"m", "n"} {
			var b strings.Builder
			for i := range r.IntN(4) {
				ref := pick("v1.0.0", "1.1.0", "${local.l0}", "${local.l1}", "${local.l2}", "${local.l3}", "${local.l4}", "v${local.l4}", "main")
				fmt.Fprintf(&b, "module \"%s%d\" {\n  source = \"git::https://git.example.com/%s.git?ref=%s\"\n}\n", name, i, pick("vpc", "eks"), ref)
			}
			files[dir+"/"+name+".tf"] = &fstest.MapFile{Data: []byte(b.String())}
		}
	}
	return files, links, dirs
}

// Whatever locals have in common, and whoever is blamed for what: each call
// that has an edit reads as that says, and every other as it did.
func TestMakeRandom(t *testing.T) {
	edits, skipped, both := 0, 0, 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 3))
		fsys, links, dirs := randomTree(r)
		parsed, _ := hclparse.LoadCalls(fsys)
		tree := &Tree{Graph: graphOf(parsed), Load: graphOf}
		set := versions.New(versions.Input{Graph: tree.Graph, Calls: lint.Calls(&lint.Input{Graph: tree.Graph})})
		var moves []*Move
		for _, m := range set.Modules {
			m.Learn(refs(t))
		}
		one := []string{"v1.0.0", "v1.1.0", "v1.2.0", "V2.0.0"}[r.IntN(4)]
		for _, p := range Places(set, nil) {
			to := one
			if r.IntN(4) == 0 {
				to = "v1.2.0"
			}
			if r.IntN(3) == 0 {
				continue
			}
			b := Bump{Versions: map[*versions.Module]*versions.Release{p.Module: p.Module.Release(to)}, Back: true}
			made, _ := b.Choose([]*Place{p})
			moves = append(moves, made...)
		}
		result, err := tree.Make(moves)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		proved(t, tree, moves, result)
		before := readAlike(t, fsys, links, dirs)
		files := map[string][]byte{}
		for _, c := range result.Changes {
			files[c.Path] = c.After
		}
		now := readAlike(t, hclparse.Overlay(fsys, files), links, dirs)
		for _, e := range result.Edits {
			for _, u := range e.Move.Uses {
				at := u.Call.Dir + " " + u.Call.Name()
				address, _, _ := strings.Cut(before[at], "?ref=")
				if want := address + "?ref=" + e.Move.Pin.Ref; now[at] != want {
					t.Errorf("%s is %q, want %q", at, now[at], want)
				}
				delete(before, at)
			}
		}
		for at, want := range before {
			if now[at] != want {
				t.Errorf("%s is %q, and was %q", at, now[at], want)
			}
		}
		// What the result says the tree is, it is.
		for i, c := range lint.Calls(&lint.Input{Graph: result.After}) {
			if want := now[c.Dir+" "+c.Name()]; c.Dir != "s" && c.Source.String() != want {
				t.Errorf("call %d, %s of %s, is %q in the tree after, want %q", i, c.Name(), c.Dir, c.Source, want)
			}
		}
		edits += len(result.Edits)
		skipped += len(result.Skipped)
		if len(result.Edits) > 0 && len(result.Skipped) > 0 {
			both++
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if edits < 500 || skipped < 200 || both < 50 {
		t.Errorf("%d edits, %d skipped, both in %d trees: this shows little", edits, skipped, both)
	}
	t.Logf("%d edits, %d skipped, both in %d trees", edits, skipped, both)
}
