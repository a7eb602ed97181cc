package cmd

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/terrier-iac/terrier/modules/lint/rules"
	"github.com/terrier-iac/terrier/modules/lock"
)

// pages are the Markdown files of the repository, by path from its root. One
// that is new is among them by itself.
func pages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(name, ".."+string(filepath.Separator)))
		hidden := strings.HasPrefix(d.Name(), ".") && rel != ".."
		if d.IsDir() && (hidden || d.Name() == "testdata" || rel == "demo" || rel == "bin" || strings.HasPrefix(rel, "golangenv-")) {
			return filepath.SkipDir
		}
		if strings.HasSuffix(rel, ".md") {
			out[rel] = readFile(t, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "cmd/CONFIG.md", "modules/lint/rules/branch_ref.md"} {
		if out[name] == "" {
			t.Fatalf("%s is not among the pages", name)
		}
	}
	return out
}

// A fence is a code block of a page.
type fence struct {
	page, language, text string
	line                 int // of its first line
}

func (f fence) String() string { return fmt.Sprintf("%s:%d", f.page, f.line) }

var fenceMark = regexp.MustCompile("^ *```(.*)$")

// splitPage takes the code blocks out of a page; prose is the rest, with its lines.
func splitPage(t *testing.T, name, text string) (prose string, blocks []fence) {
	t.Helper()
	var open *fence
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		m := fenceMark.FindStringSubmatch(strings.TrimRight(line, "\n"))
		switch {
		case m != nil && open == nil:
			open = &fence{page: name, language: m[1], line: i + 2}
		case m != nil:
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.text += line
			line = "\n"
		}
		if m != nil {
			line = "\n"
		}
		prose += line
	}
	if open != nil {
		t.Errorf("%s: the block does not end", open)
	}
	return prose, blocks
}

// codeSpans are what stands between backticks.
func codeSpans(prose string) []string {
	var out []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(prose, -1) {
		out = append(out, strings.Join(strings.Fields(m[1]), " "))
	}
	return out
}

// What the pages show is there: each configuration is read without a complaint,
// and the Terraform in them is Terraform.
func TestPagesConfigurations(t *testing.T) {
	configurations, terraform := 0, 0
	for name, text := range pages(t) {
		_, blocks := splitPage(t, name, text)
		for _, b := range blocks {
			if b.language != "hcl" && b.language != "terraform" {
				continue
			}
			file, diags := hclsyntax.ParseConfig([]byte(b.text), b.String(), hcl.InitialPos)
			// The pages of rules show Terraform, but for what is set in
			// terrier.hcl. What parse-error finds does not parse.
			ofRule := path.Dir(name) == "modules/lint/rules"
			if b.language == "terraform" || ofRule && !strings.HasPrefix(b.text, "rule ") {
				terraform++
				if diags.HasErrors() && path.Base(name) != "parse_error.md" {
					t.Errorf("%s: %s", b, diags)
				} else if !diags.HasErrors() && len(file.Body.(*hclsyntax.Body).Attributes) > 0 {
					t.Errorf("%s: an argument outside of a block", b)
				}
				continue
			}
			configurations++
			if shown := shownConfig([]byte(b.text)); shown != "" {
				t.Errorf("%s:\n%s", b, shown)
			}
		}
	}
	if configurations < 5 || terraform < 50 {
		t.Errorf("%d configurations and %d blocks of Terraform found", configurations, terraform)
	}
}

// Each command and each flag of the pages exists, and each command and flag that
// exists is on a page.
func TestPagesCommands(t *testing.T) {
	named := map[string]bool{} // commands, and "command --flag"
	flags := map[string]bool{}
	found := 0
	check := func(where, line string) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		found++
		a := &app{stdout: io.Discard, stderr: io.Discard}
		cmd, rest, err := a.rootCommand().Find(words[1:])
		if err != nil || !cmd.Runnable() {
			t.Errorf("%s: %s: %v", where, line, err)
			return
		}
		for i := range rest {
			rest[i] = strings.Split(rest[i], "|")[0]
		}
		err = cmd.ParseFlags(rest)
		if args := cmd.Flags().Args(); err == nil && len(args) > 0 {
			err = cmd.ValidateArgs(args)
		}
		if err != nil {
			t.Errorf("%s: %s: %v", where, line, err)
		}
		named[cmd.CommandPath()] = true
	}
	foreign := []string{"all-files", "upload-pack"} // flags of pre-commit and git
	known := map[string]bool{"help": true}
	eachCommand(func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
		cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
	})
	for name, text := range pages(t) {
		prose, blocks := splitPage(t, name, text)
		for _, span := range codeSpans(prose) {
			if strings.HasPrefix(span, "terrier ") {
				check(name, span)
			}
			if m := regexp.MustCompile(`^--([a-z-]+)`).FindStringSubmatch(span); m != nil {
				flags[m[1]] = true
				if !known[m[1]] && !slices.Contains(foreign, m[1]) {
					t.Errorf("%s: no command has --%s", name, m[1])
				}
			}
			if m := regexp.MustCompile(`^-([a-zA-Z])\b`).FindStringSubmatch(span); m != nil {
				flags[m[1]] = true
			}
			for _, m := range regexp.MustCompile(` --([a-z-]+)`).FindAllStringSubmatch(span, -1) {
				flags[m[1]] = true
			}
		}
		for _, b := range blocks {
			for _, line := range strings.Split(b.text, "\n") {
				if strings.HasPrefix(strings.TrimSpace(line), "terrier ") && b.language == "sh" {
					check(b.String(), strings.TrimSpace(line))
				}
			}
			for _, m := range regexp.MustCompile(` --([a-z-]+)`).FindAllStringSubmatch(b.text, -1) {
				flags[m[1]] = true
			}
		}
	}
	if found < 50 {
		t.Errorf("%d commands found", found)
	}
	eachCommand(func(cmd *cobra.Command) {
		if !named[cmd.CommandPath()] {
			t.Errorf("%s is on no page", cmd.CommandPath())
		}
		missing := func(f *pflag.Flag) {
			if !flags[f.Name] && !flags[f.Shorthand] && f.Name != "help" {
				t.Errorf("%s --%s is on no page", cmd.CommandPath(), f.Name)
			}
		}
		cmd.LocalFlags().VisitAll(missing)
		cmd.InheritedFlags().VisitAll(missing)
	})
}

// eachCommand calls f with each command that does something.
func eachCommand(f func(*cobra.Command)) {
	a := &app{stdout: io.Discard, stderr: io.Discard}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Runnable() {
			f(cmd)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(a.rootCommand())
}

// The help of each command fits a terminal of 80 columns.
func TestHelpWidth(t *testing.T) {
	check := func(command string) {
		var out strings.Builder
		Main(append(strings.Fields(command)[1:], "--help"), &out, io.Discard)
		for _, line := range strings.Split(out.String(), "\n") {
			if n := len([]rune(line)); n > 80 {
				t.Errorf("%s --help: %d columns: %s", command, n, line)
			}
		}
	}
	check("terrier")
	eachCommand(func(cmd *cobra.Command) { check(cmd.CommandPath()) })
}

// CONFIG.md names each block and each attribute that the decoder knows, and no
// other.
func TestPageOfConfiguration(t *testing.T) {
	prose, _ := splitPage(t, "CONFIG.md", readFile(t, "CONFIG.md"))
	spans := codeSpans(prose)
	known := map[string]bool{}
	want := func(name string) {
		known[name] = true
		if !slices.ContainsFunc(spans, func(s string) bool { return s == name || strings.HasPrefix(s, name+` "`) }) {
			t.Errorf("`%s` is not in it", name)
		}
	}
	sources, err := filepath.Glob("config_*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range sources {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text := readFile(t, file)
		for _, call := range regexp.MustCompile(`attributes\(("[^)]*)\)`).FindAllStringSubmatch(text, -1) {
			for _, name := range regexp.MustCompile(`"(\w+)!?"`).FindAllStringSubmatch(call[1], -1) {
				want(name[1])
			}
		}
		for _, block := range regexp.MustCompile(`\{Type: "(\w+)"`).FindAllStringSubmatch(text, -1) {
			want(block[1])
		}
	}
	for _, r := range rules.All {
		for _, option := range r.Options {
			want(option)
			if !slices.Contains(spans, fmt.Sprintf("rule %q", r.Name)) {
				t.Errorf("the settings of %s are not in it", r.Name)
			}
		}
	}
	if len(known) < 40 {
		t.Errorf("%d names found", len(known))
	}
	for _, row := range regexp.MustCompile("(?m)^\\| (?:`(\\w+)[^|]*)?\\| (`[^|]*)\\|").FindAllStringSubmatch(prose, -1) {
		for _, name := range append(codeSpans(row[2]), row[1]) {
			if name != "" && !known[name] {
				t.Errorf("the decoder does not know %q", name)
			}
		}
	}
}

// The tables of rules and problems are what the code says.
func TestPageTables(t *testing.T) {
	var want strings.Builder
	for _, r := range rules.All {
		needs, fixes := " ", " "
		if r.Needs != "" {
			needs = " " + string(r.Needs) + " "
			if strings.HasPrefix(string(r.Needs), "--") {
				needs = " `" + string(r.Needs) + "` "
			}
		}
		if r.Fixes {
			fixes = " yes "
		}
		fmt.Fprintf(&want, "| [%s](rules/%s.md) | %s | %s |%s|%s|\n", r.Name, strings.ReplaceAll(r.Name, "-", "_"), r.Severity, lowerFirst(r.Summary), needs, fixes)
	}
	table := func(file, head string) string {
		_, text, _ := strings.Cut(readFile(t, file), head)
		text, _, _ = strings.Cut(text, "\n\n")
		return text + "\n"
	}
	if d := cmp.Diff(want.String(), table("../modules/lint/README.md", "|---|---|---|---|---|\n")); d != "" {
		t.Errorf("modules/lint/README.md (-want +got):\n%s", d)
	}
	want.Reset()
	for _, r := range lock.Rules() {
		fmt.Fprintf(&want, "| `%s` | %s |\n", r, lock.RuleDocs[r])
	}
	if d := cmp.Diff(want.String(), table("../modules/lock/README.md", "|---|---|\n")); d != "" {
		t.Errorf("modules/lock/README.md (-want +got):\n%s", d)
	}
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Links between pages lead to files and headings that are there, and every page
// can be reached from the README.
func TestPagesLinks(t *testing.T) {
	all := pages(t)
	headings := map[string]map[string]bool{}
	links := map[string][]string{} // pages that a page leads to
	for name, text := range all {
		prose, _ := splitPage(t, name, text)
		headings[name] = map[string]bool{}
		for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(prose, -1) {
			if anchor := anchorOf(m[1]); headings[name][anchor] {
				t.Errorf("%s: the heading %q is there twice", name, m[1])
			} else {
				headings[name][anchor] = true
			}
		}
	}
	n := 0
	for name, text := range all {
		prose, _ := splitPage(t, name, text)
		for _, m := range link.FindAllStringSubmatch(regexp.MustCompile("`[^`]*`").ReplaceAllString(prose, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			n++
			target, anchor, _ := strings.Cut(m[1], "#")
			to := name
			if target != "" {
				to = path.Join(path.Dir(name), target)
			}
			if _, err := os.Stat(filepath.Join("..", filepath.FromSlash(to))); err != nil {
				t.Errorf("%s: %s leads nowhere", name, m[1])
			} else if anchor != "" && !headings[to][anchor] {
				t.Errorf("%s: %s has no heading %q", name, to, anchor)
			}
			links[name] = append(links[name], to)
		}
	}
	if n < 40 {
		t.Errorf("%d links found", n)
	}
	reached := map[string]bool{"README.md": true}
	for queue := []string{"README.md"}; len(queue) > 0; queue = queue[1:] {
		for _, to := range links[queue[0]] {
			if !reached[to] {
				reached[to] = true
				queue = append(queue, to)
			}
		}
	}
	for name := range all {
		if !reached[name] {
			t.Errorf("no link leads to %s", name)
		}
	}
}

// anchorOf is what forges make of a heading.
func anchorOf(heading string) string {
	heading = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(heading, " ", "-")
}

// The README names the packages as they are.
func TestReadmeNamesPackages(t *testing.T) {
	_, section, _ := strings.Cut(readFile(t, "../README.md"), "\n## How the code is laid out\n")
	_, blocks := splitPage(t, "README.md", section)
	if len(blocks) != 1 {
		t.Fatalf("%d blocks", len(blocks))
	}
	got := map[string]bool{}
	var at []string
	for _, m := range regexp.MustCompile(`(?m)^( *)(\w+)/`).FindAllStringSubmatch(blocks[0].text, -1) {
		depth := len(m[1]) / 2
		if depth > len(at) {
			t.Fatalf("%s is too deep", m[2])
		}
		at = append(at[:depth:depth], m[2])
		got[path.Join(at...)] = true
	}
	out, err := exec.Command("go", "list", "../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(out))
	nested, err := filepath.Glob("../*/*/go.mod") // go list leaves these out
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range nested {
		names = append(names, strings.TrimPrefix(path.Dir(filepath.ToSlash(file)), "../"))
	}
	want := map[string]bool{}
	for _, name := range names {
		for name = strings.TrimPrefix(name, "github.com/terrier-iac/terrier/"); name != "."; name = path.Dir(name) {
			want[name] = true
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
