package split

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/terrier-iac/terrier/fixtures"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split/history"
)

// BenchmarkPackages reports the CPU seconds (user and system, git's processes
// included) of making every package repository, which is what the peers do:
// load the commit, plan, read the history, write each bare repository. The
// live repository and the proof, which no peer makes, are not in it; bench.sh
// measures the whole command. TERRIER_BENCH_REPO=DIR takes a monorepo of your
// own.
func BenchmarkPackages(b *testing.B) {
	debug.SetGCPercent(200) // as the command has it
	ctx := context.Background()
	dir := os.Getenv("TERRIER_BENCH_REPO")
	if dir == "" {
		dir = filepath.Join(b.TempDir(), "acme")
		if err := fixtures.Write(ctx, "acme", dir); err != nil {
			b.Fatal(err)
		}
	}
	out := b.TempDir()
	n, packages := 0, 0
	begin := fixtures.CPUSeconds(b)
	for b.Loop() {
		n++
		packages = writePackages(b, ctx, dir, filepath.Join(out, strconv.Itoa(n)))
	}
	b.ReportMetric((fixtures.CPUSeconds(b)-begin)/float64(n), "cpu-s/op")
	b.ReportMetric(float64(packages), "packages")
}

// BenchmarkDirectories reports the CPU seconds of making a repository of each
// directory that matches TERRIER_BENCH_GLOB in TERRIER_BENCH_REPO, with its
// history, and nothing else: just what the peers are asked for in bench.sh.
// What of it is reading and splitting is read-cpu-s/op.
func BenchmarkDirectories(b *testing.B) {
	debug.SetGCPercent(200) // as the command has it
	ctx := context.Background()
	dir, glob := os.Getenv("TERRIER_BENCH_REPO"), os.Getenv("TERRIER_BENCH_GLOB")
	if dir == "" {
		dir, glob = filepath.Join(b.TempDir(), "acme"), "modules/*"
		if err := fixtures.Write(ctx, "acme", dir); err != nil {
			b.Fatal(err)
		}
	}
	out := b.TempDir()
	n, directories, read := 0, 0, 0.0
	begin := fixtures.CPUSeconds(b)
	for b.Loop() {
		n++
		var cpu float64
		directories, cpu = writeDirectories(b, ctx, dir, glob, filepath.Join(out, strconv.Itoa(n)))
		read += cpu
	}
	b.ReportMetric((fixtures.CPUSeconds(b)-begin)/float64(n), "cpu-s/op")
	b.ReportMetric(read/float64(n), "read-cpu-s/op")
	b.ReportMetric(float64(directories), "directories")
}

func writeDirectories(b *testing.B, ctx context.Context, dir, glob, out string) (directories int, read float64) {
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	begin := fixtures.CPUSeconds(b)
	r, err := repo.Open(ctx, dir)
	check(err)
	commit, err := r.Resolve(ctx, "HEAD")
	check(err)
	tree, err := r.At(ctx, commit)
	check(err)
	defer tree.Close()
	var filters []history.Filter
	check(fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		ok, err := path.Match(glob, p)
		if ok {
			filters = append(filters, history.Filter{Root: p, Paths: []string{p}})
		}
		return err
	}))
	reader, err := r.Reader(ctx)
	check(err)
	defer reader.Close()
	splits, err := history.Extract(ctx, reader, commit.ID, filters, history.Options{Follow: true})
	check(err)
	read = fixtures.CPUSeconds(b) - begin
	for i, s := range splits {
		check(repo.WriteBare(ctx, filepath.Join(out, strconv.Itoa(i)+".git"), repo.Spec{
			Objects: s.New, Refs: map[string]repo.Hash{"refs/heads/main": s.Tip}, Head: "refs/heads/main", Borrow: r.GitDir, Reader: reader, OwnCommits: true,
		}))
	}
	return len(splits), read
}

func writePackages(b *testing.B, ctx context.Context, dir, out string) int {
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	r, err := repo.Open(ctx, dir)
	check(err)
	commit, err := r.Resolve(ctx, "HEAD")
	check(err)
	tree, err := r.At(ctx, commit)
	check(err)
	defer tree.Close()
	t, _ := hclparse.Load(tree)
	plan, diags := NewPlan(commit, modules.NewGraph(t, nil), testConfig(out))
	if diags.HasErrors() {
		b.Fatal(diags)
	}
	w, err := newWriter(ctx, r, commit, tree, plan, out, nil)
	check(err)
	defer w.reader.Close()
	splits, err := w.extract(ctx)
	check(err)
	for i, pkg := range plan.Packages {
		_, err := w.writePackage(ctx, pkg, splits[i])
		check(err)
	}
	return len(plan.Packages)
}

func testConfig(out string) Config {
	return Config{
		Version: "1.0.0",
		Source:  func(name string) (string, error) { return "git::file://" + out + "/modules/" + name + ".git", nil },
		Remote:  func(string) (string, error) { return "", nil },
		Tag:     func(_, version string) (string, error) { return "v" + version, nil },
		Follow:  true,
		Name:    "terrier", Email: "terrier@localhost",
	}
}
