package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/package-url/packageurl-go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/versions"
)

// newList makes a list of files; live/NAME/… is the environment NAME.
func newList(files map[string]string, environments ...string) *List {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tree, _ := hclparse.LoadCalls(fsys)
	g := modules.NewGraph(tree, nil)
	set := versions.New(versions.Input{
		Graph: g, Calls: lint.Calls(&lint.Input{Graph: g}), Environments: environments,
		EnvironmentsOf: func(dir string) []string {
			if part := strings.Split(dir, "/"); len(part) > 1 && part[0] == "live" {
				return part[1:2]
			}
			return nil
		},
	})
	return NewList(set, "acme", "v0.0.0", nil, false)
}

const sha = "0123456789abcdef0123456789abcdef01234567"

func sources() map[string]string {
	return map[string]string{
		"live/qa/main.tf": `
module "a" {
  source = "git::https://git.example.com/terraform/vpc.git?ref=v1.1.0"
}
module "b" {
  source = "github.com/acme/modules//dns?ref=dns/v1.0.0"
}
module "c" {
  source  = "terraform-aws-modules/iam/aws//modules/role"
  version = "~> 5.0"
}
module "d" {
  source  = "app.terraform.io/acme/eks/aws"
  version = "= 1.2.3"
}
module "e" {
  source = "git::https://user:hunter2@git.example.com/secret.git?ref=main&token=hunter2"
}
module "f" {
  source = "git::file:///srv/git/f.git?ref=` + sha + `" # v1.0.0
}
module "g" {
  source = "git::https://git.example.com/x.git?ref=%3D1%2B1%7C%3Cscript%3E%60"
}
module "h" {
  source = "bitbucket.org/acme/h?ref=v1.0.0"
}
module "i" {
  source = "git::https://git.example.com/a b.git?ref=v1.0.0"
}
module "k" {
  source = "git::https://git.example.com/k.git?ref=%1B[31m%00%E2%80%AEv1"
}
module "j" {
  source = var.x
}
`,
		"live/prod/main.tf": `
module "a" {
  source = "git::ssh://git@git.example.com/terraform/vpc.git?ref=v1.0.0"
}
`,
		"other/main.tf": `
module "a" {
  source = "git@git.example.com:terraform/vpc.git"
}
`,
	}
}

// cycloneDXSchema compiles CycloneDX's own schema of a version, which comes
// with its library.
func cycloneDXSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for url, name := range map[string]string{
		"http://cyclonedx.org/schema/bom-1.6.schema.json":  "bom-1.6.schema.json",
		"http://cyclonedx.org/schema/spdx.schema.json":     "spdx.schema.json",
		"http://cyclonedx.org/schema/jsf-0.82.schema.json": "jsf-0.82.schemax.json",
	} {
		if _, err := os.Stat(filepath.Join(strings.TrimSpace(string(dir)), "schema", name)); err != nil {
			name = strings.Replace(name, "schemax", "schema", 1)
		}
		f, err := os.Open(filepath.Join(strings.TrimSpace(string(dir)), "schema", name))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(url, doc); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestListCycloneDX(t *testing.T) {
	schema := cycloneDXSchema(t)
	var bad any
	if err := json.Unmarshal([]byte(`{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "nonsense"}]}`), &bad); err != nil {
		t.Fatal(err)
	}
	if schema.Validate(bad) == nil {
		t.Fatal("the schema takes everything")
	}
	for name, l := range map[string]*List{"all": newList(sources(), "qa", "prod"), "no environments": newList(sources()), "nothing": newList(nil)} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := WriteList(&out, l, "cyclonedx", Style{}); err != nil {
				t.Fatal(err)
			}
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(out.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(doc); err != nil {
				t.Errorf("%v\n%s", err, out.String())
			}
			refs := map[string]bool{}
			var bom struct {
				Metadata struct {
					Component struct {
						BOMRef string `json:"bom-ref"`
					}
				}
				Components []struct {
					BOMRef string `json:"bom-ref"`
					PURL   string
				}
				Dependencies []struct {
					Ref       string
					DependsOn []string
				}
			}
			if err := json.Unmarshal(out.Bytes(), &bom); err != nil {
				t.Fatal(err)
			}
			refs[bom.Metadata.Component.BOMRef] = true
			for _, c := range bom.Components {
				if refs[c.BOMRef] {
					t.Errorf("two components %q", c.BOMRef)
				}
				refs[c.BOMRef] = true
				if c.PURL == "" {
					continue
				}
				if p, err := packageurl.FromString(c.PURL); err != nil || p.ToString() != c.PURL {
					t.Errorf("%s: %v", c.PURL, err)
				}
			}
			for _, d := range bom.Dependencies {
				for _, r := range append(d.DependsOn, d.Ref) {
					if !refs[r] {
						t.Errorf("%q depends on %q, which is no component", d.Ref, r)
					}
				}
			}
			if name != "all" {
				return
			}
			for _, purl := range []string{
				"pkg:github/acme/modules@dns/v1.0.0#dns",
				"pkg:bitbucket/acme/h@v1.0.0",
				"pkg:terraform/terraform-aws-modules/iam/aws#modules/role",
				"pkg:terraform/acme/eks/aws@1.2.3?repository_url=app.terraform.io",
				"pkg:generic/f@" + sha + "?vcs_url=git%2Bfile:///srv/git/f.git%40" + sha,
			} {
				if !strings.Contains(strings.ReplaceAll(out.String(), "%2F", "/"), `"`+purl+`"`) {
					t.Errorf("no %s in\n%s", purl, strings.Join(regexp.MustCompile(`"purl": .*`).FindAllString(out.String(), -1), "\n"))
				}
			}
		})
	}
}

// No format prints a secret, drives a terminal, or differs between two runs.
func TestListFormats(t *testing.T) {
	for _, format := range ListFormats() {
		t.Run(format, func(t *testing.T) {
			var first string
			for i := range 5 {
				var out bytes.Buffer
				if err := WriteList(&out, newList(sources(), "qa", "prod"), format, Style{Width: 80}); err != nil {
					t.Fatal(err)
				}
				if i == 0 {
					first = out.String()
				}
				if out.String() != first {
					t.Fatalf("run %d differs:\n%s\n%s", i, first, out.String())
				}
			}
			if strings.Contains(first, "hunter2") || strings.ContainsAny(first, "\x1b\x00") || strings.Contains(first, "\u202e") && (format == "text" || format == "markdown") {
				t.Error(first)
			}
			switch format {
			case "csv":
				rows, err := csv.NewReader(strings.NewReader(first)).ReadAll()
				if err != nil || len(rows) != 13 {
					t.Errorf("%d rows, %v", len(rows), err)
				}
				for _, row := range rows {
					for _, field := range row {
						if field != "" && strings.ContainsRune("=+-@", rune(field[0])) && field != "= 1.2.3" {
							t.Errorf("a formula: %q", field)
						}
					}
				}
			case "markdown":
				for i, row := range strings.Split(strings.TrimSpace(first), "\n") {
					if n := len(regexp.MustCompile(`[^\\]\|`).FindAllString(row, -1)); n != 4 {
						t.Errorf("row %d has %d columns: %s", i, n, row)
					}
				}
				if strings.Contains(first, "<script>") {
					t.Error(first)
				}
			case "json", "jsonl":
				for d := json.NewDecoder(strings.NewReader(first)); d.More(); {
					var v any
					if err := d.Decode(&v); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// The fields that other tools rely on.
func TestListFields(t *testing.T) {
	var out bytes.Buffer
	if err := WriteList(&out, newList(sources(), "qa", "prod"), "json", Style{}); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		FormatVersion string   `json:"format_version"`
		Environments  []string `json:"environments"`
		Modules       []struct {
			Name, Source, Subdir string
			Versions             map[string][]struct {
				Version, Ref, Commit, File string
				Line                       int
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.FormatVersion != "1.0" || fmt.Sprintf("%q", doc.Environments) != `["qa" "prod" ""]` {
		t.Errorf("%q %q", doc.FormatVersion, doc.Environments)
	}
	got := map[string]string{}
	for _, m := range doc.Modules {
		for env, all := range m.Versions {
			for _, v := range all {
				got[m.Name+" "+env] = fmt.Sprintf("%s %s %s|%s|%s|%s:%d", m.Source, m.Subdir, v.Version, v.Ref, v.Commit, v.File, v.Line)
			}
		}
	}
	for at, want := range map[string]string{
		"vpc prod": "git::ssh://git@git.example.com/terraform/vpc.git  1.0.0|v1.0.0||live/prod/main.tf:3",
		"vpc ":     "git::ssh://git@git.example.com/terraform/vpc.git  |||other/main.tf:3",
		"dns qa":   "git::https://github.com/acme/modules.git dns 1.0.0|dns/v1.0.0||live/qa/main.tf:6",
		"role qa":  "terraform-aws-modules/iam/aws modules/role |~> 5.0||live/qa/main.tf:10",
		"f qa":     "git::file:///srv/git/f.git  1.0.0|" + sha + "|" + sha + "|live/qa/main.tf:20",
	} {
		if got[at] != want {
			t.Errorf("%s: got %s, want %s", at, got[at], want)
		}
	}
}

// A table fits every terminal: what is wide becomes narrower, and a name that is
// too long stands in its own line.
func TestTableFits(t *testing.T) {
	long := strings.Repeat("name-", 16)
	rows := func() [][]string {
		return [][]string{
			{"module", "environment", "current", "allowed", "latest", "behind", ""},
			{"vpc", "sandbox", "1.0.0", "1.1.0", "1.1.0", "1", "same files"},
			{long, "staging-eu-central-1-canary", "1.2.0-rc.1.of-the-nightly-build", "1.10.0", "1.10.0", "12", ""},
			{"网络-网络", "prod", "feature/a-long-name-of-a-branch", "1.10.0", "1.10.0", "?", ""},
		}
	}
	for _, width := range []int{70, 80, 100, 200} {
		st := Style{Width: width}
		var out bytes.Buffer
		textTable(&printer{w: &out}, rows(), st)
		for _, line := range strings.Split(out.String(), "\n") {
			if columns(line) > width {
				t.Errorf("%d columns of %d: %s", columns(line), width, line)
			}
		}
		whole := strings.Contains(out.String(), long) && strings.Contains(out.String(), "1.2.0-rc.1.of-the-nightly-build")
		if !strings.Contains(out.String(), "same files\n") || whole != (width == 200) {
			t.Errorf("at %d columns:\n%s", width, out.String())
		}
	}
	without := withoutLatest(rows())
	if strings.Join(without[0], " ") != "module environment current allowed behind " || len(without[1]) != 6 {
		t.Errorf("%q", without)
	}
	other := rows()
	other[1][4] = "2.0.0"
	if len(withoutLatest(other)[0]) != 7 {
		t.Error("a newer release that is not allowed is left out")
	}
}

// What breaks in many places is told once.
func TestDiffCallersTogether(t *testing.T) {
	d := &Diff{Module: "vpc", Old: "v1.0.0", New: "v2.0.0", Level: "major", Callers: []DiffCaller{
		{"a.tf", 1, "vpc", "it lacks x"}, {"b.tf", 2, "vpc", "it passes y"}, {"c.tf", 3, "vpc", "it lacks x"},
	}}
	var out bytes.Buffer
	if err := WriteDiff(&out, d, "text", Style{Width: 80}); err != nil {
		t.Fatal(err)
	}
	const want = "\n3 places that would break\n  it lacks x\n      a.tf:1\n      c.tf:3\n  it passes y\n      b.tf:2\n"
	if !strings.Contains(out.String(), want) {
		t.Errorf("%s", out.String())
	}
}

// Thirty modules and six environments at 80 columns: every line fits, every
// version is there, and colour only says again what the words say.
func TestListTextFolds(t *testing.T) {
	files := map[string]string{}
	envs := []string{"sandbox", "development", "qa", "staging", "prod-eu", "prod-us"}
	for i, env := range envs {
		var b strings.Builder
		for m := range 30 {
			fmt.Fprintf(&b, "module \"m%d\" {\n  source = \"git::https://git.example.com/terraform/%s.git?ref=v%d.%d.0\"\n}\n", m, strings.Repeat("module-", 1+m%5)+fmt.Sprint(m), m, 9-i)
		}
		for n := range 6 {
			fmt.Fprintf(&b, "module \"x%d\" {\n  source = \"git::https://git.example.com/terraform/many.git?ref=%s\"\n}\n", n, []string{"v1.0.0", "v1.1.0", "main", "feature/a-long-name-of-a-branch", "v0.1.0", sha}[n])
		}
		files["live/"+env+"/main.tf"] = b.String()
	}
	write := func(st Style) string {
		var out bytes.Buffer
		if err := WriteList(&out, newList(files, envs...), "text", st); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	text := write(Style{Width: 80})
	for _, line := range strings.Split(text, "\n") {
		if columns(line) > 80 {
			t.Errorf("%d columns: %s", columns(line), line)
		}
	}
	for _, want := range []string{"29.4.0 -5", "sandbox", "prod-us", "… 3 more"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if plain := escapes.ReplaceAllString(write(Style{Width: 80, Color: true}), ""); plain != text {
		t.Error("with colour it says something else")
	}
	if all := write(Style{Width: 80, Verbose: true}); !strings.Contains(all, "0.1.0") || strings.Contains(all, "more") {
		t.Error("with -v something is left out")
	}
}

func TestInert(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "v1.0.0": "v1.0.0", "~> 1.0": "~> 1.0", "= 1.2.3": "= 1.2.3", ">= 1": ">= 1",
		"=1+1": "'=1+1", "=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0", "-1": "'-1", "@x": "'@x", "+1": "'+1", "\t=1": "'\t=1",
	} {
		if got := inert(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
