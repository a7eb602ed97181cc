package lint

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A Pass is one rule's view of the input. Everything in it is for reading.
type Pass struct {
	*Input
	Rule  *Rule
	Calls []*Call // by file and position

	settings RuleSettings
	found    *[]Finding
	shared   map[string]any
}

// Once returns what made returned when it was first called in this run under
// that key, whichever rule asked: for what several rules want to know. A key
// begins with the name of the package that it is of.
func (p *Pass) Once(key string, made func() any) any {
	v, ok := p.shared[key]
	if !ok {
		v = made()
		p.shared[key] = v
	}
	return v
}

// Setting returns what the configuration says about the rule.
func (p *Pass) Setting() RuleSettings { return p.settings }

// Report takes a finding. The rule's name is filled in; its severity too
// where the finding has none. What the configuration says of it comes later.
func (p *Pass) Report(f Finding) {
	f.Rule = p.Rule.Name
	if f.Severity == "" {
		f.Severity = p.Rule.Severity
	}
	*p.found = append(*p.found, f)
}

// ReportCall reports a finding about a call, at a place in its file.
func (p *Pass) ReportCall(c *Call, at hcl.Range, fix *Fix, summary, detail string, args ...any) {
	if len(args) > 0 {
		summary = fmt.Sprintf(summary, args...)
	}
	at.Filename = c.File().Path
	p.Report(Finding{Range: at, Summary: summary, Detail: detail, Fix: fix, Subject: c.Subject()})
}

// Subject is what a finding about the call is about, without its place.
func (c *Call) Subject() string {
	return c.Call.Name() + " " + c.Redacted() + " " + c.Version
}

// Locked returns what the lock file says of the call, nil where it says
// nothing.
func (p *Pass) Locked(c *Call) *lock.Entry {
	if p.Lock == nil {
		return nil
	}
	address, ref, ok := LockKey(c)
	if !ok {
		return nil
	}
	return p.Lock.Find(address, ref)
}

// LockKey is where a call stands in a lock file: the address, and the ref or
// version constraint. It is false for what is not locked: local sources,
// archives, and what is not known.
func LockKey(c *Call) (address, ref string, ok bool) {
	if !c.Known {
		return "", "", false
	}
	address = lock.Address(c.Source)
	if c.Source.Kind == hclparse.KindRegistry {
		return address, c.Version, address != ""
	}
	return address, c.Source.Ref, address != ""
}

// Remote returns the refs of the call's repository, false where it was not
// asked, did not answer, or is none of git.
func (p *Pass) Remote(c *Call) (map[string]repo.Ref, bool) {
	if p.Refs == nil || !c.Known || c.Source.Kind != hclparse.KindGit {
		return nil, false
	}
	refs, ok := p.Refs[lock.Address(c.Source)]
	return refs, ok
}
