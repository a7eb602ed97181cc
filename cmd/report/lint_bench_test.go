package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

// manyFindings has n findings, all in one file: each in a line of its own, or
// all in one line, as in generated JSON.
func manyFindings(n int, oneLine bool) *Lint {
	var src bytes.Buffer
	l := &Lint{Rules: lintRules, Scanned: n, Root: "acme"}
	end := "\n"
	if oneLine {
		end = ","
	}
	for i := range n {
		text := fmt.Sprintf(`{"module":{"m%d":{"source":"`, i)
		src.WriteString(text)
		at := src.Len()
		src.WriteString(`http://h.example/vpc.zip?token=hunter2"}}}` + end)
		pos := hcl.Pos{Line: i + 1, Column: len(text) + 1, Byte: at}
		if oneLine {
			pos.Line, pos.Column = 1, at+1
		}
		to := pos
		to.Column, to.Byte = to.Column+4, to.Byte+4
		sum := sha256.Sum256(fmt.Append(nil, i))
		l.Findings = append(l.Findings, lint.Finding{Rule: lintRules[i%4].Name, Severity: lint.Severities[1+i%3], Fingerprint: hex.EncodeToString(sum[:]),
			Range:   hcl.Range{Filename: "main.tf.json", Start: pos, End: to},
			Summary: fmt.Sprintf(`Module "m%d" is fetched over http from "http://h.example/vpc.zip?token=REDACTED"`, i),
			Detail:  "Anybody between you and the server can change what you get.",
			Fix:     &lint.Fix{Summary: "Write https", Edits: []hclparse.Edit{{Start: at, End: at + 4, New: []byte("https")}}}})
	}
	l.Files = map[string]*hcl.File{"main.tf.json": {Bytes: src.Bytes()}}
	return l
}

func BenchmarkLint(b *testing.B) {
	for _, shape := range []string{"lines", "line"} {
		l := manyFindings(10_000, shape == "line")
		for _, format := range LintFormats() {
			b.Run(shape+"/"+format, func(b *testing.B) {
				for range b.N {
					n := &counter{}
					if err := WriteLint(n, l, format, Style{Terminal: true, Width: 80, Color: true}); err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(n.n)/1e6, "MB")
				}
			})
		}
	}
}

type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) { c.n += len(p); return len(p), nil }

// BenchmarkLintLinear fails where a report costs by the square of the findings
// in one file: sixteen times as many take some sixteen times as long.
func BenchmarkLintLinear(b *testing.B) {
	for _, shape := range []string{"lines", "line"} {
		small, large := manyFindings(800, shape == "line"), manyFindings(12_800, shape == "line")
		for _, format := range LintFormats() {
			b.Run(shape+"/"+format, func(b *testing.B) {
				took := func(l *Lint) time.Duration {
					best := time.Hour
					for range 3 {
						begin := time.Now()
						if err := WriteLint(io.Discard, l, format, Style{Width: 80}); err != nil {
							b.Fatal(err)
						}
						best = min(best, time.Since(begin))
					}
					return best
				}
				for b.Loop() {
					ratio := float64(took(large)) / float64(took(small))
					b.ReportMetric(ratio, "ratio-of-16")
					if ratio > 50 {
						b.Errorf("sixteen times as many take %.0f times as long", ratio)
					}
				}
			})
		}
	}
}

func TestManyFindingsHideSecrets(t *testing.T) {
	var b strings.Builder
	if err := WriteLint(&b, manyFindings(3, true), "text", Style{Width: 80}); err != nil || strings.Contains(b.String(), "hunter2") {
		t.Errorf("%v\n%s", err, b.String())
	}
}
