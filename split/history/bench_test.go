package history

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/terrier-iac/terrier/modules/repo"
)

// BenchmarkExtract splits every module of a generated monorepo, or of
// TERRIER_BENCH_REPO those directories that match TERRIER_BENCH_GLOB. It
// reports the CPU seconds of this process and of the git processes that it
// runs, and the larger of their peak memories.
//
//	TERRIER_BENCH_REPO=~/modernisation-platform TERRIER_BENCH_GLOB='terraform/modules/*' \
//	go test -bench Extract -benchtime 3x -run '^$' ./split/history
func BenchmarkExtract(b *testing.B) {
	dir, glob := os.Getenv("TERRIER_BENCH_REPO"), os.Getenv("TERRIER_BENCH_GLOB")
	if dir == "" {
		const modules = 40
		var commits []commitSpec
		tree := map[string]string{}
		for i := range 2000 {
			tree[fmt.Sprintf("modules/m%d/main.tf", i%modules)] = fmt.Sprint(i)
			tree["live/main.tf"] = fmt.Sprint(i)
			c := commitSpec{name: fmt.Sprint(i), files: map[string]string{}}
			for name, data := range tree {
				c.files[name] = data
			}
			if i > 0 {
				c.parents = fmt.Sprint(i - 1)
			}
			commits = append(commits, c)
		}
		dir, glob = newWorld(b, commits...).dir, "modules/*"
	}
	w := &world{t: b, dir: dir}
	w.tip = w.hash(w.git(nil, "rev-parse", "HEAD"))
	var paths []string
	for _, p := range strings.Split(w.git(nil, "ls-tree", "-rdz", "--name-only", "HEAD"), "\x00") {
		if ok, err := path.Match(glob, p); err != nil {
			b.Fatal(err)
		} else if ok {
			paths = append(paths, p)
		}
	}
	ctx := context.Background()
	r, err := repo.Open(ctx, dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, follow := range []bool{false, true} {
		b.Run(fmt.Sprintf("follow=%v", follow), func(b *testing.B) {
			before, commits := cpu(b), 0
			for b.Loop() {
				rd, err := r.Reader(ctx)
				if err != nil {
					b.Fatal(err)
				}
				splits, err := Extract(ctx, rd, w.tip, only(paths...), Options{Follow: follow})
				if err != nil {
					b.Fatal(err)
				}
				rd.Close()
				commits = 0
				for _, s := range splits {
					commits += s.Commits
				}
			}
			b.ReportMetric((cpu(b)-before).Seconds()/float64(b.N), "cpu-s/op")
			b.ReportMetric(float64(max(usage(b, syscall.RUSAGE_SELF).Maxrss, usage(b, syscall.RUSAGE_CHILDREN).Maxrss))/1024, "peak-MB")
			b.ReportMetric(float64(len(paths)), "packages")
			b.ReportMetric(float64(commits), "commits")
		})
	}
}

func usage(b *testing.B, who int) syscall.Rusage {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		b.Fatal(err)
	}
	return u
}

// cpu is what this process and its children have used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		u := usage(b, who)
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}
