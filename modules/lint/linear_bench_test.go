package lint

import (
	"strings"
	"testing"
	"time"
)

// BenchmarkLinear fails where what lint costs grows with the square of what is
// in one file: ten times as much of it takes some ten times as long.
func BenchmarkLinear(b *testing.B) {
	for _, shape := range []struct {
		name string
		file func(n int) string
	}{
		{"calls", func(n int) string { return strings.Repeat(x, n) }},
		{"one above each source", func(n int) string {
			return strings.Repeat("module \"x\" {\n  # terrier:ignore any-source why\n  source = \"git::https://h/x.git\"\n}\n", n)
		}},
		{"all above each other", func(n int) string {
			return "module \"x\" {\n" + strings.Repeat("  # terrier:ignore any-source why\n", n) + "  source = \"git::https://h/x.git\"\n}\n"
		}},
		{"one for all", func(n int) string {
			return "# terrier:ignore any-source why\n" + strings.Repeat("module \"x\" {\n  source = \"git::https://h/x.git\"\n}\n", n)
		}},
		{"many rules in one", func(n int) string {
			return "# terrier:ignore " + strings.Repeat("never,", n) + " why\n" + strings.Repeat(x, n)
		}},
	} {
		b.Run(shape.name, func(b *testing.B) {
			cost := func(n int) time.Duration {
				best := time.Hour
				for range 3 {
					in := inputOf("-- main.tf --\n" + shape.file(n))
					start := time.Now()
					Run(in, testRules())
					best = min(best, time.Since(start))
				}
				return best
			}
			for b.Loop() {
				ratio := float64(cost(20_000)) / float64(cost(2_000))
				b.ReportMetric(ratio, "ratio-of-10")
				if ratio > 30 {
					b.Errorf("ten times as much takes %.0f times as long", ratio)
				}
			}
		})
	}
}
