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
			said, ok := modules.ParseRelease(c.Comment.Text)
			own := ownPrefixes(c)
			if !ok || !slices.Contains(own, said.Prefix) && (c.Release == nil || c.Release.Prefix != said.Prefix) && c.Pin != hclparse.PinCommit {
				continue // a version of something else
			}
			switch c.Pin {
			case hclparse.PinTag:
				if c.Release != nil && !sameRelease(said, *c.Release, own) {
					p.ReportCall(c, c.CommentRange(), commentFix(c, said, []string{tagName(c.Source.Ref)}),
						"The comment says %s, the ref is %s",
						"Who reads the comment believes the wrong version.", c.Comment.Text, c.Source.Ref)
				}
			case hclparse.PinCommit:
				checkCommitComment(f, c, said, own)
			}
		}
	},
}

func checkCommitComment(f *facts, c *lint.Call, said modules.Release, own []string) {
	at, known := f.tagsAt(c)
	if !known {
		return
	}
	// In a repository of many modules the releases of the others say nothing.
	ofModule := func(r modules.Release) bool {
		return c.Source.Subdir == "" || slices.Contains(own, tagName(r.Prefix)) || r.Prefix == said.Prefix
	}
	var tags []string
	prefixes := own
	for _, t := range at {
		r, ok := modules.ParseRelease(t)
		if ok && sameRelease(said, r, own) {
			return
		}
		if ok && ofModule(r) {
			tags, prefixes = append(tags, t), append(prefixes, r.Prefix)
		}
	}
	switch {
	case len(tags) > 0 && slices.Contains(prefixes, said.Prefix):
		f.ReportCall(c, c.CommentRange(), commentFix(c, said, tags), "The comment says %s, the commit is %s",
			"The commit is what terraform takes; who reads the comment believes the wrong version.", c.Comment.Text, strings.Join(tags, " and "))
		return
	case len(tags) > 0:
		return // a version of something else
	}
	// No release is at the commit. The comment is wrong where the one that it
	// names is at another.
	all, _ := f.releasesOf(c)
	for _, t := range all {
		if ofModule(t.Release) && sameRelease(said, t.Release, own) {
			f.ReportCall(c, c.CommentRange(), nil, "The comment says %s, which is another commit",
				"The tag "+t.name+" is at "+t.commit+"; no release is at the commit of the source. Pin the commit of the release that is meant, or take the comment out.", c.Comment.Text)
			return
		}
	}
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
