package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/terrier-iac/terrier/split"
)

// Push is everything that a push has to report.
type Push struct {
	Repositories []split.Pushed
	DryRun       bool
}

// WritePush writes what became of each repository: in text, those that are
// not there as they should be first.
func WritePush(w io.Writer, r Push, format string, st Style) error {
	if format == "json" {
		return JSON(w, struct {
			FormatVersion string         `json:"format_version"`
			DryRun        bool           `json:"dry_run"`
			Repositories  []split.Pushed `json:"repositories"`
		}{FormatVersion, r.DryRun, r.Repositories})
	}
	p := &printer{w: w}
	counts := map[string]int{}
	for _, repo := range r.Repositories {
		counts[string(repo.Status)]++
	}
	title := "Push"
	if r.DryRun {
		title = "Push, dry run"
	}
	p.f("%s  %s\n", st.bold(title), tally(counts, "failed", "refused", "would-push", "created", "pushed", "up-to-date"))
	for _, status := range []split.PushStatus{split.PushFailed, split.PushRefused, split.PushWould, split.PushCreated, split.PushPushed} {
		for _, repo := range r.Repositories {
			if repo.Status == status {
				textPushed(p, st, repo)
			}
		}
	}
	for _, repo := range r.Repositories {
		if st.Verbose && repo.Status == split.PushUpToDate {
			textPushed(p, st, repo)
		}
	}
	switch {
	case counts["up-to-date"] == len(r.Repositories):
		p.f("%s\n", st.green("Nothing to do: the remotes hold all of it."))
	case counts["failed"]+counts["refused"] > 0 && r.DryRun:
		p.f("%s\n", st.yellow("Nothing is changed. What is refused or failed here would not go."))
	case counts["failed"]+counts["refused"] > 0:
		p.f("%s\n", st.yellow("Not all of it is there. Once the causes are gone, the same command completes it."))
	case r.DryRun:
		p.f("Nothing is changed.\n")
	default:
		p.f("%s\n", st.green("The remotes hold all of it."))
	}
	return p.err
}

func textPushed(p *printer, st Style, repo split.Pushed) {
	paint := st.green
	switch repo.Status {
	case split.PushFailed, split.PushRefused:
		paint = st.red
	case split.PushWould:
		paint = st.yellow
	}
	name := clean(repo.Name)
	refs := fold(name+"  "+listed(append([]string{repo.Branch}, repo.Tags...), st.Verbose), st.Width-13, 0)
	p.f("  %s %s\n", paint(fmt.Sprintf("%-10s", repo.Status)), strings.Replace(strings.ReplaceAll(refs, "\n", "\n"+strings.Repeat(" ", 13)), name, st.bold(name)+" ", 1))
	p.f("             %s\n", st.faint(clean(repo.Remote)))
	if repo.Reason != "" {
		p.f("             %s\n", fold(repo.Reason, st.Width, 13))
	}
	if repo.Hint != "" {
		p.f("             hint: %s\n", fold(repo.Hint, st.Width, 19))
	}
}
