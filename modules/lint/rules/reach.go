package rules

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

// reached are the directories that starts reach by local calls, themselves
// included, sorted.
func reached(in *lint.Input, starts ...string) []string {
	seen := map[string]bool{}
	queue := slices.Clone(starts)
	for _, s := range starts {
		seen[s] = true
	}
	for i := 0; i < len(queue); i++ {
		d := in.Graph.Dirs[queue[i]]
		if d == nil {
			continue
		}
		for _, to := range d.Callees {
			if !seen[to] {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	slices.Sort(queue)
	return slices.Compact(queue)
}

// A callIndex has the calls of each directory, as one tool sees them:
// terraform, or OpenTofu. A source that an override file replaces, and of two
// twins the one that the tool does not read, is not among them.
type callIndex map[string][]*lint.Call

func index(p *lint.Pass, tofu bool) callIndex {
	type at struct {
		file *hclparse.File
		rng  hcl.Range
	}
	live := map[string]map[at]bool{} // nil for a directory where all are
	for dir, d := range p.Graph.Dirs {
		if !slices.ContainsFunc(d.Config.Files, func(f *hclparse.File) bool { return f.Override || f.Tofu }) {
			continue
		}
		live[dir] = map[at]bool{}
		for _, c := range d.Config.Effective(tofu) {
			live[dir][at{c.File, c.SourceRange}] = true
		}
	}
	out := callIndex{}
	for _, c := range p.Calls {
		if set := live[c.Dir]; set != nil && c.Call.Terragrunt == nil && !set[at{c.File(), c.SourceRange()}] {
			continue
		}
		out[c.Dir] = append(out[c.Dir], c)
	}
	return out
}

// hasTofu reports whether OpenTofu sees something else than terraform.
func hasTofu(in *lint.Input) bool {
	for _, d := range in.Graph.Dirs {
		if slices.ContainsFunc(d.Config.Files, func(f *hclparse.File) bool { return f.Tofu }) {
			return true
		}
	}
	return false
}

// where is a call's place, as a related one of a finding.
func where(c *lint.Call, text string) lint.Related {
	r := c.SourceRange()
	r.Filename = c.File().Path
	return lint.Related{Range: r, Text: text}
}
