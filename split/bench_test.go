package split

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/terrier-iac/terrier/fixtures"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
)

// BenchmarkPackages reports the CPU seconds (user and system, git's processes
// included) of making every package repository, which is what the peers do:
// load the commit, plan, read the history, write each bare repository. The
// live repository and the proof, which no peer makes, are not in it; bench.sh
// measures the whole command. TERRIER_BENCH_REPO=DIR takes a monorepo of your
// own.
func BenchmarkPackages(b *testing.B) {
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
