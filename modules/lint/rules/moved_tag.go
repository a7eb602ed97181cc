package rules

import (
	"fmt"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
)

var movedTag = &lint.Rule{
	Name:     "moved-tag",
	Summary:  "A tag that is on another commit than when it was locked",
	Severity: lint.Error,
	Needs:    lint.NeedBoth,
	Ready:    lockedAndAnswered,
	Check: func(p *lint.Pass) {
		for _, c := range p.Calls {
			e := p.Locked(c)
			refs, known := p.Remote(c)
			if e == nil || e.Kind != lock.KindTag || e.Commit == "" || !known || c.Pin == hclparse.PinCommit {
				continue
			}
			name, tag, ok := findTag(refs, c.Source.Ref, shallow(c))
			if now := tag.Commit.String(); ok && !strings.EqualFold(now, e.Commit) {
				since := ""
				if p.LockedSince != nil {
					if since = p.LockedSince(e); since != "" {
						since = ", " + since
					}
				}
				p.ReportCall(c, c.ParamRange("ref"), nil, "The tag %q has moved: the lock has commit %s, the remote has %s",
					fmt.Sprintf("The lock file has %s%s. The remote has %s now. Somebody has put other code under a version that you use. Ask who moved the tag; where the new commit is right, run `terrier lock --update` for the module.",
						e.Commit, since, now),
					name, short(e.Commit), short(now))
			}
		}
	},
}
