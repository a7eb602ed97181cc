package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/terrier-iac/terrier/modules/lint"
)

type junitReport struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	Classname string        `xml:"classname,attr"`
	Error     *junitFailure `xml:"error"`
	Failure   *junitFailure `xml:"failure"`
	Out       string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// lintJUnit writes a suite for each rule that ran. A finding is a failed test,
// one of severity info a passed one with text; a rule that found nothing is a
// passed test, so that a dashboard shows that it ran.
//
// The schema is Jenkins's, which is the strictest in use. GitLab shows the
// class as the suite, tells tests apart by class and name, and compares two
// pipelines by them: so the name holds file and summary, but no line. Jenkins
// makes a package of what is before the last dot of the class.
func lintJUnit(w io.Writer, l *Lint, _ Style) error {
	out := junitReport{Name: "terrier lint"}
	snips := newSnippets(l.Files, 118, Style{})
	snips.secrets = l.Secrets
	byRule := map[string][]*lint.Finding{}
	for i := range l.Findings {
		f := &l.Findings[i]
		byRule[f.Rule] = append(byRule[f.Rule], f)
	}
	add := func(s junitSuite) {
		s.Tests = len(s.Cases)
		names := map[string]int{}
		for i := range s.Cases {
			c := &s.Cases[i]
			c.Classname = "terrier." + s.Name
			if names[c.Name]++; names[c.Name] > 1 {
				c.Name = fmt.Sprintf("%s (%d)", c.Name, names[c.Name])
			}
			if c.Failure != nil {
				s.Failures++
			}
			if c.Error != nil {
				s.Errors++
			}
		}
		out.Tests, out.Failures, out.Errors = out.Tests+s.Tests, out.Failures+s.Failures, out.Errors+s.Errors
		out.Suites = append(out.Suites, s)
	}
	if len(l.Errors) > 0 {
		s := junitSuite{Name: unchecked}
		for _, e := range l.Errors {
			first, _, _ := strings.Cut(strings.TrimSpace(e), "\n")
			s.Cases = append(s.Cases, junitCase{Name: oneLine(first), Error: &junitFailure{unchecked, oneLine(first), prose(e)}})
		}
		add(s)
	}
	for _, r := range l.rules() {
		s := junitSuite{Name: oneLine(r.Name)}
		for _, f := range byRule[r.Name] {
			summary := oneLine(f.Summary)
			c := junitCase{Name: visibleControls(f.Range.Filename) + ": " + summary}
			text := junitText(f, snips)
			if f.Severity.AtLeast(lint.Warn) {
				c.Failure = &junitFailure{string(f.Severity), summary, text}
			} else {
				c.Out = text
			}
			s.Cases = append(s.Cases, c)
		}
		if len(s.Cases) == 0 {
			s.Cases = []junitCase{{Name: "nothing found"}}
		}
		add(s)
	}
	return writeXML(w, out)
}

func junitText(f *lint.Finding, snips *snippets) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s: %s\n", linked(f.Range), f.Severity, oneLine(f.Summary))
	snips.write(f.Range, func(line string) { b.WriteString(line + "\n") })
	for _, r := range f.Related {
		fmt.Fprintf(&b, "%s: %s\n", linked(r.Range), oneLine(r.Text))
	}
	if f.Detail != "" {
		b.WriteString(prose(f.Detail) + "\n")
	}
	if f.Fix != nil {
		b.WriteString("fix: " + prose(f.Fix.Summary) + "\n")
	}
	return b.String()
}
