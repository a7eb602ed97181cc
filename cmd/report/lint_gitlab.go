package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/terrier-iac/terrier/modules/lint"
)

// lintGitLab writes a GitLab Code Quality report:
// https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
func lintGitLab(w io.Writer, l *Lint, _ Style) error {
	type lines struct {
		Begin int `json:"begin"`
		End   int `json:"end,omitempty"`
	}
	type location struct {
		Path  string `json:"path"`
		Lines lines  `json:"lines"`
	}
	type issue struct {
		Description string   `json:"description"`
		CheckName   string   `json:"check_name"`
		Fingerprint string   `json:"fingerprint"`
		Severity    string   `json:"severity"`
		Location    location `json:"location"`
	}
	out := []issue{}
	seen := map[string]int{}
	// GitLab shows one issue of those that have one fingerprint.
	unique := func(fingerprint string) string {
		seen[fingerprint]++
		if n := seen[fingerprint]; n > 1 || fingerprint == "" {
			sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", fingerprint, n))
			return hex.EncodeToString(sum[:])
		}
		return fingerprint
	}
	severities := map[lint.Severity]string{lint.Error: "critical", lint.Warn: "minor", lint.Info: "info"}
	for _, e := range l.Errors {
		sum := sha256.Sum256([]byte(unchecked + "\x00" + e))
		out = append(out, issue{"Not checked: " + paragraph(e), unchecked, unique(hex.EncodeToString(sum[:])), "blocker", location{".", lines{Begin: 1}}})
	}
	for i := range l.Findings {
		f := &l.Findings[i]
		path := strings.TrimLeft(strings.TrimPrefix(dataPath(f.Range.Filename), "./"), "/")
		if path == "" {
			path = "."
		}
		at := lines{Begin: max(1, f.Range.Start.Line)}
		if end := lastLine(f.Range); end > at.Begin {
			at.End = end
		}
		out = append(out, issue{message(f), f.Rule, unique(f.Fingerprint), severities[f.Severity], location{path, at}})
	}
	return JSON(w, out)
}
