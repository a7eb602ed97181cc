package cmd

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"context"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/terrier-iac/terrier/fixtures"
)

// BenchmarkScan reports the CPU (user and system) of a whole `terrier scan
// --format json` as a ratio to reading and parsing the same .tf files with
// hclsyntax and nothing else, on all cores, in the same process and under the
// same garbage collector. TERRIER_BENCH_TREE=DIR takes a monorepo of your own.
func BenchmarkScan(b *testing.B) {
	dir := os.Getenv("TERRIER_BENCH_TREE")
	if dir == "" {
		dir = filepath.Join(b.TempDir(), "acme")
		if err := fixtures.Write(context.Background(), "acme", dir); err != nil {
			b.Fatal(err)
		}
	}
	relaxGC()
	var files []string
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.HasSuffix(p, ".tf") {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	parse := func() {
		work := make(chan string)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for f := range work {
					src, err := os.ReadFile(f)
					if err != nil {
						b.Error(err)
					}
					hclsyntax.ParseConfig(src, f, hcl.InitialPos)
				}
			})
		}
		for _, f := range files {
			work <- f
		}
		close(work)
		wg.Wait()
	}
	scan := func() {
		if code := Main([]string{"scan", "-C", dir, "--format", "json"}, io.Discard, os.Stderr); code != exitDone {
			b.Fatalf("scan exits with %d", code)
		}
	}
	parse()
	scan()
	var parsing, scanning float64
	for b.Loop() {
		t0 := fixtures.CPUSeconds(b)
		parse()
		t1 := fixtures.CPUSeconds(b)
		scan()
		parsing += t1 - t0
		scanning += fixtures.CPUSeconds(b) - t1
	}
	b.ReportMetric(float64(len(files)), "files")
	b.ReportMetric(1000*parsing/float64(b.N), "parse-cpu-ms/op")
	b.ReportMetric(1000*scanning/float64(b.N), "scan-cpu-ms/op")
	b.ReportMetric(scanning/parsing, "ratio")
}
