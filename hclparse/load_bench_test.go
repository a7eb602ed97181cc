package hclparse

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// benchTree is the directory that TERRIER_BENCH_TREE names, else one of 500
// directories with three files each.
func benchTree(b *testing.B) fs.FS {
	if dir := os.Getenv("TERRIER_BENCH_TREE"); dir != "" {
		return os.DirFS(dir)
	}
	dir := b.TempDir()
	for i := range 500 {
		d := filepath.Join(dir, fmt.Sprintf("area%d/stack%d", i%20, i))
		if err := os.MkdirAll(d, 0o755); err != nil {
			b.Fatal(err)
		}
		var main strings.Builder
		for n := range 8 {
			fmt.Fprintf(&main, `# a service and its rules
resource "aws_security_group_rule" "r%[1]d" {
  for_each          = { for k, v in var.rules : k => v if v.enabled }
  type              = "ingress"
  security_group_id = aws_security_group.this[%[1]d].id
  cidr_blocks       = [for c in each.value.cidrs : cidrsubnet(c, 8, %[1]d)]
  description       = "from ${each.key} to ${local.name}"
  tags = merge(local.tags, {
    Name = "${local.name}-%[1]d"
  })
}

module "vpc%[1]d" {
  source = "../../modules/vpc"
  cidr   = "10.%[1]d.0.0/16"
  tags   = local.tags
}
`, n)
		}
		for name, text := range map[string]string{
			"main.tf":      main.String(),
			"variables.tf": strings.Repeat("variable \"x\" {\n  type        = map(object({ a = string, b = optional(number, 1) }))\n  description = \"what it is\"\n  default     = {}\n}\n", 12),
			"versions.tf":  "terraform {\n  required_version = \">= 1.5\"\n  backend \"s3\" {\n    bucket = \"b\"\n    key    = \"k\"\n  }\n}\n",
		} {
			if err := os.WriteFile(filepath.Join(d, name), []byte(text), 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	return os.DirFS(dir)
}

// cpu is the process's user and system time so far, in seconds.
func cpu(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	s := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return s(u.Utime) + s(u.Stime)
}

// BenchmarkLoad measures Load of a tree on disk, and in turn with it
// hclsyntax.ParseConfig of the same files' bytes, which are in memory, on as
// many goroutines. Both keep what they parsed. It reports the CPU of each and
// their ratio, with what the garbage collector spends. The figures are medians:
// on a busy machine a run may cost twice what it should.
func BenchmarkLoad(b *testing.B) {
	fsys := benchTree(b)
	benchAgainstParsing(b, fsys, "load-cpu-ms/op", func() any {
		t, _ := Load(fsys)
		return t
	})
}

// benchAgainstParsing measures run, whose result is kept until it is done.
func benchAgainstParsing(b *testing.B, fsys fs.FS, unit string, run func() any) {
	tree, _ := Load(fsys)
	var files []*File
	for _, p := range tree.Paths() {
		for _, f := range tree.Modules[p].Files {
			if f.Syntax != JSON {
				files = append(files, &File{Path: f.Path, Bytes: f.Bytes})
			}
		}
	}
	tree = nil

	var load, parse []float64
	for b.Loop() {
		runtime.GC()
		start := cpu(b)
		kept := run()
		load = append(load, cpu(b)-start)
		runtime.KeepAlive(kept)
		kept = nil

		runtime.GC()
		start = cpu(b)
		parsed := parseAll(files)
		parse = append(parse, cpu(b)-start)
		runtime.KeepAlive(parsed)
	}
	sort.Float64s(load)
	sort.Float64s(parse)
	l, p := load[len(load)/2], parse[len(parse)/2]
	b.ReportMetric(l*1000, unit)
	b.ReportMetric(p*1000, "parse-cpu-ms/op")
	b.ReportMetric(l/p, "ratio")
	b.ReportMetric(float64(len(files)), "files")
}

func parseAll(files []*File) []*hcl.File {
	out := make([]*hcl.File, len(files))
	next := make(chan int, 64)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				out[i], _ = hclsyntax.ParseConfig(files[i].Bytes, files[i].Path, hcl.InitialPos)
			}
		})
	}
	for i := range files {
		next <- i
	}
	close(next)
	wg.Wait()
	return out
}

// BenchmarkLoadCalls measures LoadCalls as BenchmarkLoad does Load: against
// hclsyntax.ParseConfig of every file's bytes, in the same run.
func BenchmarkLoadCalls(b *testing.B) {
	fsys := benchTree(b)
	benchAgainstParsing(b, fsys, "calls-cpu-ms/op", func() any {
		t, _ := LoadCalls(fsys, "terrier:ignore")
		return t
	})
}

// BenchmarkLoadCallsScale measures LoadCalls of generated trees of three sizes:
// the CPU of a file must not grow with their number. The peak of the process's
// memory is that of the largest run so far.
func BenchmarkLoadCallsScale(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			dir := b.TempDir()
			for i := range n {
				d := filepath.Join(dir, fmt.Sprintf("area%d/stack%d", i/1000, i/10))
				if i%10 == 0 {
					if err := os.MkdirAll(d, 0o755); err != nil {
						b.Fatal(err)
					}
				}
				if err := os.WriteFile(filepath.Join(d, fmt.Sprintf("f%d.tf", i%10)), generated(i), 0o644); err != nil {
					b.Fatal(err)
				}
			}
			fsys := os.DirFS(dir)
			calls := 0
			start := cpu(b)
			runs := 0
			for b.Loop() {
				t, diags := LoadCalls(fsys, "terrier:ignore")
				if diags.HasErrors() {
					b.Fatal(diags)
				}
				calls = 0
				for _, m := range t.Modules {
					calls += len(m.Calls)
				}
				runs++
			}
			if calls != n/7+1 {
				b.Errorf("%d calls in %d files", calls, n)
			}
			var u syscall.Rusage
			if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric((cpu(b)-start)/float64(runs)/float64(n)*1e6, "cpu-µs/file")
			b.ReportMetric(float64(u.Maxrss)/1024, "peak-MB")
		})
	}
}

// generated is the file number i of a tree: some 3 kB, and a call in one of
// seven, as in the largest real one.
func generated(i int) []byte {
	var s strings.Builder
	for n := range 10 {
		fmt.Fprintf(&s, "resource \"aws_iam_policy\" \"p%d\" {\n  name     = \"${local.name}-%d\"\n  provider = aws.x\n  policy = jsonencode({\n    Statement = [{ Effect = \"Allow\", Action = [\"s3:Get*\"], Resource = \"arn:aws:s3:::b/*\" }]\n  })\n  description = <<-EOT\n    rule %d of $${x}, {\n  EOT\n}\n\n", n, i, n)
	}
	if i%7 == 0 {
		fmt.Fprintf(&s, "module \"m\" {\n  source = \"git::https://example.com/vpc.git?ref=v1.%d.0\"\n  name   = \"x\"\n}\n", i)
	}
	return []byte(s.String())
}
