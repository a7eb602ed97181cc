package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
)

var unknownRef = &lint.Rule{
	Name:     "unknown-ref",
	Summary:  "A ref that reads as a release, and is no tag of the repository",
	Severity: lint.Error,
	Needs:    lint.NeedRefs,
	Ready:    allAnswered,
	Check: func(p *lint.Pass) {
		f := newFacts(p)
		for _, c := range p.Calls {
			if !c.Known || c.Source.Kind != hclparse.KindGit || c.Pin != hclparse.PinTag {
				continue
			}
			refs, ok := p.Remote(c)
			if !ok {
				if e := p.Locked(c); e != nil && e.Kind == lock.KindBranch {
					p.ReportCall(c, c.ParamRange("ref"), nil, "%q was a branch when it was locked, not a tag",
						"A branch that is named like a release moves like any branch. Ask for a tag, or pin the full commit.", c.Source.Ref)
				}
				continue
			}
			if _, _, ok := findTag(refs, c.Source.Ref, shallow(c)); ok {
				continue
			}
			if _, ok := refs["refs/heads/"+c.Source.Ref]; ok {
				p.ReportCall(c, c.ParamRange("ref"), nil, "%q is a branch there, not a tag",
					"A branch that is named like a release moves like any branch. Ask for a tag, or pin the full commit.", c.Source.Ref)
				continue
			}
			if name, _, ok := findTag(refs, c.Source.Ref, false); ok {
				p.ReportCall(c, c.ParamRange("ref"), nil, "With depth, %q is no tag there",
					fmt.Sprintf("With depth, git looks for a tag of exactly that name, and init fails. Write ref=%s.", name), c.Source.Ref)
				continue
			}
			detail := "`terraform init` fails. The repository has no release tag at all."
			tags, _ := f.releasesOf(c)
			if near := nearestTags(tags, c.Source.Ref); len(near) > 0 {
				detail = "`terraform init` fails. The nearest tags there are: " + strings.Join(near, ", ") + "."
			}
			p.ReportCall(c, c.ParamRange("ref"), nil, "%q is no tag there", detail, c.Source.Ref)
		}
	},
}

// nearestTags are at most three release tags that are most like ref: first
// those of the same version, then those whose name is alike.
func nearestTags(tags []releaseTag, ref string) []string {
	const most = 3
	wanted, _ := modules.ParseRelease(ref)
	like := make([]float64, len(tags))
	order := make([]int, len(tags))
	for i, t := range tags {
		order[i], like[i] = i, levenshtein.Similarity(tagName(ref), t.name, nil)
		if wanted.Version != nil && t.Version.Equal(wanted.Version) {
			like[i]++
		}
	}
	// Of those that are equally near the newest first.
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(like[b], like[a]), tags[b].Version.Compare(tags[a].Version), cmp.Compare(a, b))
	})
	var out []string
	for _, i := range order[:min(len(order), most)] {
		out = append(out, tags[i].name)
	}
	return out
}
