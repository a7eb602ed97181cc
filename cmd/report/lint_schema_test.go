package report

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// validators hold each format against its schema.
func validators(t *testing.T) map[string]func(t *testing.T, report string) {
	t.Helper()
	byJSON := func(schema []byte) func(*testing.T, string) {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		if err := c.AddResource("schema.json", doc); err != nil {
			t.Fatal(err)
		}
		compiled, err := c.Compile("schema.json")
		if err != nil {
			t.Fatal(err)
		}
		return func(t *testing.T, report string) {
			t.Helper()
			got, err := jsonschema.UnmarshalJSON(strings.NewReader(report))
			if err != nil {
				t.Fatal(err)
			}
			if err := compiled.Validate(got); err != nil {
				t.Errorf("%v\n%.2000s", err, report)
			}
		}
	}
	file := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata", "schemas", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	byXSD := func(name string) func(*testing.T, string) {
		return func(t *testing.T, report string) {
			t.Helper()
			cmd := exec.Command("xmllint", "--noout", "--nonet", "--huge", "--schema", filepath.Join("testdata", "schemas", name), "-")
			cmd.Stdin = strings.NewReader(report)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("xmllint, which `make tools` installs: %v\n%s\n%.2000s", err, out, report)
			}
		}
	}
	return map[string]func(*testing.T, string){
		"json":       byJSON(file("lint.schema.json")),
		"gitlab":     byJSON(file("gitlab-codequality.schema.json")),
		"sarif":      byJSON(sarifSchema(t)),
		"junit":      byXSD("jenkins-junit.xsd"),
		"checkstyle": byXSD("checkstyle.xsd"),
		"github":     func(t *testing.T, report string) { workflowCommands(t, report) },
		"text": func(t *testing.T, report string) {
			if report != strings.ToValidUTF8(report, "") {
				t.Error("not UTF-8")
			}
		},
	}
}

// sarifSchema is the schema of OASIS, which the library has as a constant.
func sarifSchema(t *testing.T) []byte {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "schema.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var schema string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && spec.Names[0].Name == "schema" {
			schema, err = strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		}
		return true
	})
	if err != nil || !strings.Contains(schema, "Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema") {
		t.Fatalf("the library's SARIF schema is not where it was: %v", err)
	}
	return []byte(schema)
}

// A command is a workflow command as the runner of GitHub Actions reads it.
type command struct {
	name  string
	props map[string]string
	data  string
}

// workflowCommands reads the lines of a log: ActionCommand.TryParseV2 of
// actions/runner.
func workflowCommands(t *testing.T, log string) []command {
	t.Helper()
	var out []command
	for _, line := range strings.FieldsFunc(log, func(r rune) bool { return r == '\n' || r == '\r' }) {
		rest, ok := strings.CutPrefix(line, "::")
		info, data, ok2 := strings.Cut(rest, "::")
		if !ok || !ok2 {
			t.Errorf("no command: %q", line)
			continue
		}
		name, list, _ := strings.Cut(info, " ")
		if name != "error" && name != "warning" && name != "notice" {
			t.Errorf("command %q: %q", name, line)
		}
		c := command{name, map[string]string{}, strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%").Replace(data)}
		for _, prop := range strings.Split(list, ",") {
			key, value, ok := strings.Cut(prop, "=")
			if !ok || value == "" || c.props[key] != "" {
				t.Errorf("property %q: %q", prop, line)
			}
			c.props[key] = strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%").Replace(value)
		}
		out = append(out, c)
	}
	return out
}

// hostileTexts are what a repository may put into names and sources.
var hostileTexts = []string{
	"\x1b]0;owned\x07\x1b[2J\x1b[31m", "a\nb\r\n::error::owned", "::set-output name=x::y", `<![CDATA[ ]]> & <x a="b" c='d'>`, "\x00\x01\x0b\x0c\x7f\u0085\ufffe\uffff",
	"\xff\xfe\xc3\x28\xed\xa0\x80", strings.Repeat("x", 10_000), strings.Repeat("é日🐕", 3000), "\u202egnp.exe\u2066\u200b\u2028", "100% %25 %0A a:b,c=d", "{0} {{1}} [a](0) ${var.x} %s %d %!",
	" ", "../../../etc/passwd", "/etc/passwd", "a b/#c?d%e:f", "-->", `"id":-1,"fixes":[]}`, "](javascript:x)", "./x", "~/x", `C:\x`, "\ufeffbom",
}

// hostileLint has each of them in each place.
func hostileLint() *Lint {
	l := &Lint{Files: map[string]*hcl.File{}, Root: hostileTexts[0], Version: "\x1b", Rules: lintRules}
	for i, text := range hostileTexts {
		pos := func(line, column, at int) hcl.Pos { return hcl.Pos{Line: line, Column: column, Byte: at} }
		l.Files[text] = &hcl.File{Bytes: []byte(text + "\n" + text + "\n")}
		for j, r := range []hcl.Range{
			{Filename: text, Start: pos(1, 1, 0), End: pos(1, 2, 1)},
			{Filename: text, Start: pos(1, 1, 0), End: pos(3, 1, 2*len(text)+2)},
			{Filename: text, Start: pos(900, 900, 9_000_000), End: pos(901, 1, 9_000_001)},
			{Filename: text, Start: pos(-1, -1, -1), End: pos(-5, -5, -5)},
			{Filename: text, Start: pos(2, 9, 9), End: pos(1, 1, 0)},
			{Filename: "main.tf"}, {},
		} {
			f := lint.Finding{Rule: lintRules[i%3].Name, Severity: lint.Severities[1+(i+j)%3], Range: r, Summary: "About " + text, Detail: text + "\n" + text, Fingerprint: strings.Repeat("ab", 32),
				Related: []lint.Related{{Range: r, Text: text}, {Range: r, Text: text}},
				Fix:     &lint.Fix{Summary: text, Edits: []hclparse.Edit{{Start: j - 1, End: j + 1, New: []byte(text)}, {Start: 1, End: 1}}}}
			l.Findings = append(l.Findings, f)
		}
		l.Errors = append(l.Errors, "Error "+text)
	}
	return l
}

func TestLintSchemas(t *testing.T) {
	check := validators(t)
	for _, set := range []struct {
		name string
		l    *Lint
	}{{"everything", lintExample(t)}, {"nothing", &Lint{}}, {"nothing but rules", &Lint{Rules: lintRules, Root: "acme", Version: "1"}}, {"hostile", hostileLint()}} {
		for _, format := range LintFormats() {
			t.Run(set.name+"/"+format, func(t *testing.T) {
				got := written(t, set.l, format, Style{Width: 80})
				check[format](t, got)
				for _, r := range got {
					if r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 {
						if (format == "json" || format == "gitlab" || format == "sarif") && r >= 0x7f {
							continue // no escape of JSON; it is data there
						}
						t.Fatalf("the control character %q is in it", r)
					}
				}
				if !utf8.ValidString(got) {
					t.Error("not UTF-8")
				}
			})
		}
	}
}

// TestSchemasRefuse holds that the validators can fail.
func TestSchemasRefuse(t *testing.T) {
	l := lintExample(t)
	for format, change := range map[string][2]string{
		"json":       {`"severity": "error"`, `"severity": "fatal"`},
		"gitlab":     {`"severity": "critical"`, `"severity": "bad"`},
		"sarif":      {`"level": "error"`, `"level": "bad"`},
		"junit":      {`<testcase name=`, `<testcase title=`},
		"checkstyle": {`severity="error"`, `severity="bad"`},
		"github":     {`::error `, `:error `},
	} {
		report := written(t, l, format, Style{})
		broken := strings.Replace(report, change[0], change[1], 1)
		if broken == report {
			t.Errorf("%s has no %s", format, change[0])
		}
		if os.Getenv("REPORT_BROKEN") == format {
			validators(t)[format](t, broken)
		}
	}
	for _, format := range []string{"json", "gitlab", "sarif", "junit", "checkstyle", "github"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSchemasRefuse$")
		if os.Getenv("REPORT_BROKEN") != "" {
			break
		}
		cmd.Env = append(os.Environ(), "REPORT_BROKEN="+format)
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("%s: a broken report is valid\n%s", format, out)
		}
	}
}

// TestSARIFFixes applies the fixes of a SARIF report as a reader of it would,
// by lines and UTF-16 columns, and compares with the edits themselves.
func TestSARIFFixes(t *testing.T) {
	files := map[string]*hcl.File{}
	var all []lint.Finding
	for name, text := range map[string]string{
		"ascii.tf":      "a {\n  source = \"⟦http⟧://x\"\n}\n",
		"bom.tf":        "\ufeffsource = \"⟦http⟧://x\"\n",
		"wide.tf":       "x = \"日本\", source = \"⟦http⟧://x\"\r\n",
		"astral.tf":     "x = \"🐕🐕e\u0301\", source = \"⟦http🐕⟧://x\"\n",
		"lines.tf":      "x = ⟦[\n  \"🐕\",\r\n]⟧ # end\n",
		"insert.tf":     "x = 1⟦⟧\n",
		"last.tf":       "x = ⟦1⟧",
		"whole-line.tf": "a\n⟦b\n⟧c\n",
		"a b%#.tf":      "x = ⟦1⟧\n",
	} {
		f := marked(t, files, name, text, "https")
		f.Rule, f.Severity, f.Summary = "insecure-transport", lint.Error, "S"
		all = append(all, f)
	}
	var report struct {
		Runs []struct {
			ColumnKind string
			Results    []struct {
				Fixes []struct {
					ArtifactChanges []struct {
						ArtifactLocation struct{ URI string }
						Replacements     []struct {
							DeletedRegion struct{ StartLine, StartColumn, EndLine, EndColumn int }
							Inserted      struct{ Text string } `json:"insertedContent"`
						}
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(written(t, &Lint{Findings: all, Files: files}, "sarif", Style{})), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Runs) != 1 || len(report.Runs[0].Results) != len(all) || report.Runs[0].ColumnKind != "utf16CodeUnits" {
		t.Fatalf("%+v", report)
	}
	for i, r := range report.Runs[0].Results {
		src := string(files[all[i].Range.Filename].Bytes)
		want, err := hclparse.Apply([]byte(src), all[i].Fix.Edits)
		if err != nil {
			t.Fatal(err)
		}
		change := r.Fixes[0].ArtifactChanges[0]
		if path := unescapePath(t, change.ArtifactLocation.URI); path != all[i].Range.Filename {
			t.Errorf("path %q", path)
		}
		e := change.Replacements[0]
		text := []rune(strings.TrimPrefix(src, "\ufeff"))
		offset := func(line, column int) int {
			at := 0
			for ; line > 1; at++ {
				if text[at] == '\n' {
					line--
				}
			}
			for column > 1 {
				if column--; text[at] > 0xffff {
					column--
				}
				at++
			}
			return at
		}
		d := e.DeletedRegion
		got := string(text[:offset(d.StartLine, d.StartColumn)]) + e.Inserted.Text + string(text[offset(d.EndLine, d.EndColumn):])
		if strings.HasPrefix(src, "\ufeff") {
			got = "\ufeff" + got
		}
		if got != string(want) {
			t.Errorf("%s: %+v gives %q, want %q", all[i].Range.Filename, d, got, want)
		}
	}
}

func unescapePath(t *testing.T, uri string) string {
	t.Helper()
	var b strings.Builder
	for i := 0; i < len(uri); i++ {
		if uri[i] != '%' {
			b.WriteByte(uri[i])
			continue
		}
		n, err := strconv.ParseUint(uri[i+1:i+3], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String()
}

// TestLintCounts holds what readers of the formats do with them: which ids are
// unique, and how many findings arrive.
func TestLintCounts(t *testing.T) {
	for _, l := range []*Lint{lintExample(t), hostileLint()} {
		total := len(l.Findings) + len(l.Errors)
		var issues []struct{ Fingerprint string }
		if err := json.Unmarshal([]byte(written(t, l, "gitlab", Style{})), &issues); err != nil {
			t.Fatal(err)
		}
		ids := map[string]bool{}
		for _, i := range issues {
			ids[i.Fingerprint] = true
		}
		if len(ids) != total {
			t.Errorf("gitlab: %d fingerprints of %d", len(ids), total)
		}
		if got := workflowCommands(t, written(t, l, "github", Style{})); len(got) != total {
			t.Errorf("github: %d commands of %d", len(got), total)
		}
		junit := written(t, l, "junit", Style{})
		names := map[string]bool{}
		for _, m := range regexp.MustCompile(`<testcase (name="[^"]*" classname="[^"]*")>`).FindAllStringSubmatch(junit, -1) {
			names[m[1]] = true
		}
		if len(names) < total {
			t.Errorf("junit: %d names of %d", len(names), total)
		}
		if got := strings.Count(written(t, l, "checkstyle", Style{}), "<error "); got != total {
			t.Errorf("checkstyle: %d errors of %d", got, total)
		}
	}
}

func TestGitHubCommands(t *testing.T) {
	got := workflowCommands(t, written(t, lintExample(t), "github", Style{}))
	if len(got) != 7 {
		t.Fatalf("%d commands", len(got))
	}
	if c := got[0]; c.name != "error" || c.props["file"] != "" || !strings.HasPrefix(c.data, "https://h.example/vpc.git does not answer") {
		t.Errorf("what was not checked: %+v", c)
	}
	if c := got[2]; c.props["file"] != "live/prod/größe 100% #1.tf" || c.props["line"] != "2" || c.props["col"] != "13" || c.props["endColumn"] != "17" || c.props["title"] != "insecure-transport" {
		t.Errorf("%+v", c)
	}
	if c := got[4]; c.name != "warning" || c.props["col"] != "" || c.props["line"] != "2" || c.props["endLine"] != "4" {
		t.Errorf("columns of several lines: %+v", c)
	}
	if got[6].name != "notice" {
		t.Errorf("%+v", got[6])
	}
}

// TestSARIFUnset holds that only members go that say nothing.
func TestSARIFUnset(t *testing.T) {
	for in, want := range map[string]string{
		`{"id":-1,"x":1}`: `{"x":1}`,
		`{"x":1,"id":-1}`: `{"x":1}`,
		`{"x":1,"id":-1,"fixes":[],"y":[{"id":-1}]}`:   `{"x":1,"y":[{}]}`,
		`{"id":-12,"fixes":[1],"results":[],"x":-1}`:   `{"id":-12,"fixes":[1],"results":[],"x":-1}`,
		`{"text":"\"id\":-1,\"fixes\":[]}","id":-1}`:   `{"text":"\"id\":-1,\"fixes\":[]}"}`,
		`{"text":"\\","id":-1,"b":"\\\"id\":-1,\\\""}`: `{"text":"\\","b":"\\\"id\":-1,\\\""}`,
		`[]`: `[]`,
	} {
		if got := string(withoutUnset([]byte(in))); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	got := written(t, &Lint{}, "sarif", Style{})
	if !strings.Contains(got, `"results": []`) || !strings.Contains(got, `"rules": []`) || strings.Contains(got, "-1,") {
		t.Errorf("a clean report: %s", got)
	}
}
