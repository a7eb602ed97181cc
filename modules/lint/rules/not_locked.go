package rules

import (
	"github.com/terrier-iac/terrier/modules/lint"
)

var notLocked = &lint.Rule{
	Name:     "not-locked",
	Summary:  "A source and ref that the lock file does not have",
	Severity: lint.Error,
	Needs:    lint.NeedLock,
	Ready:    func(in *lint.Input) bool { return in.Lock != nil },
	Check: func(p *lint.Pass) {
		if p.Lock == nil {
			return
		}
		for _, c := range p.Calls {
			if _, _, ok := lint.LockKey(c); !ok || p.Locked(c) != nil {
				continue
			}
			p.ReportCall(c, c.SourceRange(), nil, "%s is not in the lock file",
				"What it means today is recorded nowhere, so that nobody sees it when it changes. Run `terrier lock`, and commit the lock file with the call.", upper(c.Module()))
		}
	},
}
