package report

import (
	"encoding/xml"
	"io"

	"github.com/terrier-iac/terrier/modules/lint"
)

type checkstyleReport struct {
	XMLName xml.Name         `xml:"checkstyle"`
	Version string           `xml:"version,attr"`
	Files   []checkstyleFile `xml:"file"`
}

type checkstyleFile struct {
	Name   string            `xml:"name,attr"`
	Errors []checkstyleError `xml:"error"`
}

type checkstyleError struct {
	Line     int    `xml:"line,attr"`
	Column   int    `xml:"column,attr,omitempty"`
	Severity string `xml:"severity,attr"`
	Message  string `xml:"message,attr"`
	Source   string `xml:"source,attr"`
}

// lintCheckstyle writes the XML of Checkstyle's XMLLogger. Its version is that
// of Checkstyle whose format it is.
func lintCheckstyle(w io.Writer, l *Lint, _ Style) error {
	out := checkstyleReport{Version: "10.0"}
	severities := map[lint.Severity]string{lint.Error: "error", lint.Warn: "warning", lint.Info: "info"}
	index := map[string]int{}
	add := func(name string, e checkstyleError) {
		i, ok := index[name]
		if !ok {
			i = len(out.Files)
			index[name] = i
			out.Files = append(out.Files, checkstyleFile{Name: name})
		}
		out.Files[i].Errors = append(out.Files[i].Errors, e)
	}
	for _, e := range l.Errors {
		add(".", checkstyleError{Severity: "error", Message: "Not checked: " + paragraph(e), Source: "terrier.lint." + unchecked})
	}
	for i := range l.Findings {
		f := &l.Findings[i]
		name := visibleControls(f.Range.Filename)
		if name == "" {
			name = "."
		}
		add(name, checkstyleError{max(0, f.Range.Start.Line), max(0, f.Range.Start.Column), severities[f.Severity], message(f), "terrier.lint." + oneLine(f.Rule)})
	}
	return writeXML(w, out)
}

// writeXML writes an indented document. Characters that XML cannot hold are
// replaced.
func writeXML(w io.Writer, v any) error {
	data, err := xml.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append([]byte(xml.Header), append(data, '\n')...))
	return err
}
