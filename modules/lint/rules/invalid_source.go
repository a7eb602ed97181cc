package rules

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
)

var invalidSource = &lint.Rule{
	Name:     "invalid-source",
	Summary:  "A source that terraform cannot read, or that leads nowhere",
	Severity: lint.Error,
	Fixes:    true,
	Check: func(p *lint.Pass) {
		for _, c := range p.Calls {
			if c.Overridden {
				continue
			}
			switch c.Problem {
			case modules.ProblemDangling:
				dangling(p, c)
				continue
			case modules.ProblemOutside:
				severity := lint.Warn
				if template(c.Dir) {
					severity = lint.Info
				}
				p.Report(at(c, severity, upper(c.Module())+" leads out of the repository",
					"A checkout of the repository alone does not have it: it works only where something else stands beside it."))
				continue
			}
			if !c.Known || c.Target != "" || unsafeSource(c) != "" {
				continue
			}
			if err := sourceErr(c); err != nil {
				why, hint := reason(c, err)
				severity := lint.Error
				switch {
				case unfilled.MatchString(c.Source.String()):
					severity, hint = lint.Info, "It looks as if something fills it in before terraform reads it."
				case template(c.Dir):
					severity, hint = lint.Info, "It stands among fixtures or templates, so that this may be on purpose. "+hint
				}
				p.Report(at(c, severity, fmt.Sprintf("%s is no module address: %s", called(c, c.Redacted()), why), hint))
				continue
			}
			misread(p, c)
		}
	},
}

// called begins a sentence about a call's source: `The source "x" of module "m"`.
func called(c *lint.Call, source string) string {
	if c.Call.Terragrunt != nil {
		return fmt.Sprintf("The terragrunt source %q", source)
	}
	return fmt.Sprintf("The source %q of %s", source, c.Module())
}

// at is a finding at a call's source with a severity of its own.
func at(c *lint.Call, s lint.Severity, summary, detail string) lint.Finding {
	r := c.SourceRange()
	r.Filename = c.File().Path
	return lint.Finding{Range: r, Severity: s, Summary: summary, Detail: detail, Subject: c.Subject()}
}

// slashForColon matches git@host/path, which is half an ssh address.
var slashForColon = regexp.MustCompile(`^(?:git::)?git@[^:/?#]+/`)

// reason is why an address is none, and what to do about it.
func reason(c *lint.Call, err error) (why, hint string) {
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	why, hint, _ = strings.Cut(err.Error(), "\nhint: ")
	if slashForColon.MatchString(c.Source.String()) {
		return why, "Write a colon behind the host: git@HOST:PATH."
	}
	if hint == "" {
		return why, "terraform init fails. Write the address as terraform's documentation of module sources has it."
	}
	return why, upper(hint) + "."
}

func dangling(p *lint.Pass, c *lint.Call) {
	where := shown(c.Target)
	summary, detail := "there is no directory "+where, "terraform init fails here, unless something makes the directory first."
	switch {
	case c.Target == ".", p.Graph.IsDir(c.Target):
		summary = "in " + where + " is no configuration"
		if d := p.Graph.Dirs[c.Target]; d != nil {
			summary = "in " + where + " is nothing that terraform reads"
		}
	}
	severity := lint.Warn
	if template(c.Dir) {
		// Its path counts from where it will be copied to, or it fails on
		// purpose.
		severity = lint.Info
		detail = "It stands among fixtures or templates, so that this may be on purpose."
	}
	p.Report(at(c, severity, upper(c.Module())+" leads nowhere: "+quoteOdd(summary), detail))
}

// trial reports whether a directory is there to try something, or to fail; a
// hidden one (.github, .boilerplate) belongs to a tool.
func trial(dir string) bool {
	for s := range strings.SplitSeq(dir, "/") {
		if len(s) > 1 && s[0] == '.' {
			return true
		}
		switch s {
		case "example", "examples", "tests": // "test" is an environment's name
			return true
		}
	}
	return fixture(dir)
}

// fixture reports whether nothing in a directory is ever applied for good.
func fixture(dir string) bool {
	for s := range strings.SplitSeq(dir, "/") {
		switch s {
		case "fixtures", "testdata", "test-fixtures":
			return true
		}
	}
	return false
}

// template reports whether a directory holds what is copied elsewhere, or is
// there to try something: a path in it may lead nowhere on purpose.
func template(dir string) bool {
	for s := range strings.SplitSeq(dir, "/") {
		switch s {
		case "mixins", "templates", "template", "_templates", "skeleton", "boilerplate", ".boilerplate":
			return true
		}
		if strings.HasPrefix(s, "golden") {
			return true
		}
	}
	return trial(dir)
}

// unfilled matches what a generator fills in before terraform reads it.
var unfilled = regexp.MustCompile(`\{\{|<%|__[A-Z][A-Z_]+__`)

// misread finds addresses that are well formed, and that terraform has no
// getter for, or not the one that was meant.
func misread(p *lint.Pass, c *lint.Call) {
	if !misreads(c) {
		return
	}
	switch s := scheme(c.Source); {
	case s == "ssh" || s == "git+ssh":
		p.ReportCall(c, c.SourceRange(), withGit(c), "%s has a source that terraform cannot fetch: nothing says that %s:// is git",
			"terraform init fails. Put git:: before it.", upper(c.Module()), s)
	default:
		f := at(c, lint.Warn, upper(c.Module())+" is fetched as an archive, though its address looks like git",
			"Without git:: before it, terraform asks a web server for an archive and knows nothing of ref=. Put git:: before it.")
		f.Fix = withGit(c)
		p.Report(f)
	}
}

func withGit(c *lint.Call) *lint.Fix {
	text, start, ok := c.Literal()
	if !ok {
		return nil
	}
	if s, err := hclparse.ParseSource("git::" + text); err != nil || s.Kind != hclparse.KindGit || s.Repository != c.Source.Repository {
		return nil
	}
	return &lint.Fix{Summary: "Put git:: before it", Edits: []hclparse.Edit{{Start: start, End: start, New: []byte("git::")}}}
}
