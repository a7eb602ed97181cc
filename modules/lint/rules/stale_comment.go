package rules

import (
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
)

var staleComment = &lint.Rule{
	Name:     "stale-comment",
	Summary:  "A version in the comment that is not the version of the ref",
	Severity: lint.Warn,
	Fixes:    true,
	Needs:    lint.NeedRefs, // for a commit; a tag is compared without
	Ready:    allAnswered,
	Check: func(p *lint.Pass) {
		f := newFacts(p)
		for _, c := range p.Calls {
			if c.Comment == nil || !c.Known || c.Source.Kind != hclparse.KindGit {
				continue
			}
			switch c.Pin {
			case hclparse.PinTag:
				checkTagComment(p, c)
			case hclparse.PinCommit:
				checkCommitComment(f, c)
			}
		}
	},
}

func checkTagComment(p *lint.Pass, c *lint.Call) {
	own := ownPrefixes(c)
	said, ok := modules.ParseRelease(c.Comment.Text)
	if !ok || c.Release == nil || sameRelease(said, *c.Release, own) {
		return
	}
	if !slices.Contains(own, said.Prefix) && c.Release.Prefix != said.Prefix {
		return // a version of something else
	}
	p.ReportCall(c, c.CommentRange(), commentFix(c, said, []string{tagName(c.Source.Ref)}), "The comment says %s, the ref is %s",
		"Who reads the comment believes the wrong version.", c.Comment.Text, c.Source.Ref)
}

func checkCommitComment(f *facts, c *lint.Call) {
	j, at, elsewhere := f.judge(c)
	if j != stale {
		return
	}
	if len(at) > 0 {
		said, _ := modules.ParseRelease(c.Comment.Text)
		f.ReportCall(c, c.CommentRange(), commentFix(c, said, at), "The comment says %s, the commit is %s",
			"The commit is what terraform takes; who reads the comment believes the wrong version.", c.Comment.Text, strings.Join(at, " and "))
		return
	}
	f.ReportCall(c, c.CommentRange(), nil, "The comment says %s, which is another commit",
		"The tag "+elsewhere.name+" is at "+elsewhere.commit+"; no release is at the commit of the source. Pin the commit of the release that is meant, or take the comment out.", c.Comment.Text)
}

// commentFix writes a tag into the comment in the style that it has: with or
// without v, with or without the prefix. It is nil where more than one tag may
// be meant.
func commentFix(c *lint.Call, said modules.Release, tags []string) *lint.Fix {
	texts := map[string]bool{}
	for _, t := range tags {
		r, ok := modules.ParseRelease(t)
		if !ok || said.Prefix != "" && tagName(r.Prefix) != tagName(said.Prefix) && !slices.Contains(ownPrefixes(c), tagName(r.Prefix)) {
			continue
		}
		rest := c.Comment.Text[len(said.Prefix):]
		v := rest[:len(rest)-len(strings.TrimLeft(rest, "vV"))]
		texts[said.Prefix+v+r.Version.Original()] = true
	}
	if len(texts) != 1 {
		return nil
	}
	for text := range texts {
		return &lint.Fix{
			Summary: "Write " + text + " into the comment",
			Edits:   []hclparse.Edit{{Start: c.Comment.Start, End: c.Comment.End, New: []byte(text)}},
		}
	}
	return nil
}
