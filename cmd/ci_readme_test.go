package cmd

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

// Every command that these files run has the flags and the formats that they
// give it.
func TestCIFlags(t *testing.T) {
	var commands [][]string
	add := func(run ciRun) {
		for _, c := range run.commands {
			commands = append(commands, c[1:])
		}
	}
	job, err := readComponent(t).job(map[string]any{"version": "installed", "changed_since": "main", "baseline": "baseline.json", "lock": true})
	if err != nil {
		t.Fatal(err)
	}
	add(runScript(t, gitlabShells[0], job.Script[0], job.env()...))
	step, env := readAction(t).step(t, "terrier lint", map[string]string{"changed-since": "main", "baseline": "baseline.json", "lock": "true"},
		map[string]string{"github.event.pull_request.base.sha || github.event.merge_group.base_sha": ""})
	add(runScript(t, githubShell, step.Run, env...))
	if len(commands) != 4 {
		t.Fatalf("%d commands", len(commands))
	}
	for _, h := range readHooks(t) {
		commands = append(commands, strings.Fields(h.Entry)[1:])
	}
	for _, words := range commands {
		a := &app{stdout: io.Discard, stderr: io.Discard}
		cmd, rest, err := a.rootCommand().Find(words)
		if err != nil || !cmd.Runnable() {
			t.Errorf("%s: %v", words, err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("%s: %v", words, err)
		}
		for _, word := range rest {
			format := strings.TrimPrefix(word, "--format=")
			if before, _, found := strings.Cut(word, "="); found && !strings.HasPrefix(word, "-") {
				format = before // the value of --report
			} else if format == word {
				continue
			}
			if usage := cmd.Flags().Lookup("format").Usage; !regexp.MustCompile(`\b` + format + `\b`).MatchString(usage) {
				t.Errorf("%s: %s is not in %q", words, format, usage)
			}
		}
	}
}

// What the pages show of CI is what these files take, and CI.md has each input.
func TestPagesOfCI(t *testing.T) {
	hooks, components, workflows, recipes := 0, 0, 0, 0
	for name, text := range pages(t) {
		_, blocks := splitPage(t, name, text)
		for _, b := range blocks {
			if b.language != "yaml" {
				continue
			}
			var config struct {
				Repos []struct {
					Repo, Rev string
					Hooks     []struct {
						ID   string
						Args []string
					}
				}
				Include []struct {
					Component string
					Inputs    map[string]any
				}
				Jobs map[string]any
			}
			parseYAML(t, b.text, &config)
			switch uses := strings.Contains(b.text, "uses: terrier-iac/"); {
			case strings.HasPrefix(b.text, "stages:"): // see TestPipelineOfOperate
				recipes++
				continue
			case strings.Contains(b.text, "terrier apply"):
				recipes++
				t.Run(b.String(), func(t *testing.T) { checkWorkflowOfOperate(t, b.text) })
				continue
			case strings.HasPrefix(b.text, ".terrier:") || strings.HasPrefix(b.text, "terrier-"):
				t.Run(b.String(), func(t *testing.T) { recipes += checkPipeline(t, b.text) })
				continue
			case len(config.Jobs) > 0 && !uses:
				recipes++
				t.Run(b.String(), func(t *testing.T) { checkRecipe(t, b.text) })
				continue
			}
			if len(config.Repos)+len(config.Include)+len(config.Jobs) != 1 {
				t.Errorf("%s: what is this?", b)
			}
			for _, r := range config.Repos {
				for _, h := range r.Hooks {
					hooks++
					hook, ok := readHooks(t)[h.ID]
					if !ok {
						t.Errorf("%s: no hook %s", b, h.ID)
						continue
					}
					a := &app{stdout: io.Discard, stderr: io.Discard}
					cmd, rest, err := a.rootCommand().Find(append(strings.Fields(hook.Entry)[1:], h.Args...))
					if err == nil {
						err = cmd.ParseFlags(rest)
					}
					if err != nil {
						t.Errorf("%s: %v", b, err)
					}
				}
			}
			for _, include := range config.Include {
				components++
				if _, err := readComponent(t).job(include.Inputs); err != nil || !strings.Contains(include.Component, "/lint@v") {
					t.Errorf("%s: %s: %v", b, include.Component, err)
				}
			}
			if len(config.Jobs) > 0 {
				workflows++
				t.Run(b.String(), func(t *testing.T) { checkWorkflow(t, b.text) })
			}
		}
	}
	if hooks < 2 || components < 2 || workflows < 2 || recipes < 7 {
		t.Errorf("%d hooks, %d components, %d workflows, %d recipes", hooks, components, workflows, recipes)
	}
	_, section, _ := strings.Cut(readFile(t, "CI.md"), "\n## Inputs\n")
	section, _, _ = strings.Cut(section, "\n## ")
	t.Run("inputs", func(t *testing.T) {
		type row struct{ gitlab, github, fallback string }
		var rows []row
		for _, m := range regexp.MustCompile("(?m)^\\| `?([a-z_]*)`? ?\\| `?([a-z-]*)`? ?\\| (.*?) \\|").FindAllStringSubmatch(section, -1) {
			rows = append(rows, row{m[1], m[2], m[3]})
		}
		check := func(inputs map[string]ciInput, name func(row) string) {
			seen := map[string]bool{}
			for _, r := range rows {
				if name(r) == "" {
					continue
				}
				input, ok := inputs[name(r)]
				if !ok || seen[name(r)] {
					t.Errorf("%s is no input, or there twice", name(r))
				}
				seen[name(r)] = true
				if v := fmt.Sprint(input.Default); v != "" && input.Default != nil && input.Type != "array" && r.fallback != "`"+v+"`" {
					t.Errorf("%s: the default is %s, not %s", name(r), v, r.fallback)
				}
			}
			for n, input := range inputs {
				if !seen[n] {
					t.Errorf("%s is not in the table", n)
				}
				if input.Description == "" {
					t.Errorf("%s has no description", n)
				}
			}
		}
		check(readComponent(t).inputs, func(r row) string { return r.gitlab })
		check(readAction(t).Inputs, func(r row) string { return r.github })
	})
}

// checkWorkflow holds a workflow that uses the action against the action.
func checkWorkflow(t *testing.T, text string) {
	t.Helper()
	const use = "uses: ./\n"
	workflow := regexp.MustCompile(`terrier-iac/terrier@v[\d.]+ #.*`).ReplaceAllString(text, "./")
	if strings.Count(workflow, use) != 1 {
		t.Fatal("it does not use the action")
	}
	if shown := lintWorkflow(t, workflow); shown != "" {
		t.Error(shown)
	}
	// What actionlint would say of an input or an output that is not there.
	with := func(inputs ...string) string {
		block := "        with:\n"
		for _, name := range inputs {
			block += "          " + name + ": ''\n"
		}
		// In place of the inputs that it has.
		plain := regexp.MustCompile(`(uses: \./\n(?:        id: .*\n)?)        with:\n(?:          .*\n)+`).ReplaceAllString(workflow, "$1")
		return strings.Replace(plain, use, use+block, 1)
	}
	if shown := lintWorkflow(t, with("no-such")); !strings.Contains(shown, "no-such") {
		t.Errorf("an unknown input: %q", shown)
	}
	if strings.Contains(workflow, ".outputs.") {
		wrong := strings.ReplaceAll(workflow, "outputs.sarif", "outputs.no-such")
		if shown := lintWorkflow(t, wrong); !strings.Contains(shown, "no-such") {
			t.Errorf("an unknown output: %q", shown)
		}
	}
	all := slices.Sorted(maps.Keys(readAction(t).Inputs))
	if shown := lintWorkflow(t, with(all...)); shown != "" {
		t.Error(shown)
	}
}

// lintWorkflow is what actionlint says of a workflow beside action.yml.
func lintWorkflow(t *testing.T, workflow string) string {
	t.Helper()
	dir := t.TempDir()
	name := filepath.Join(dir, ".github", "workflows", "terrier.yml")
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{name: workflow, filepath.Join(dir, "action.yml"): readFile(t, "../action.yml")} {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	project, err := actionlint.NewProject(dir)
	if err != nil {
		t.Fatal(err)
	}
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{WorkingDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	found, err := linter.LintFile(name, project)
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for _, e := range found {
		fmt.Fprintln(&shown, e)
	}
	return shown.String()
}
