package cmd

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
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

// The README's snippets are what these files take, and its table has each input.
func TestReadmeOfCI(t *testing.T) {
	_, section, _ := strings.Cut(readFile(t, "../README.md"), "\n## In CI\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(section, -1)
	if len(blocks) != 3 {
		t.Fatalf("%d snippets", len(blocks))
	}
	t.Run("pre-commit", func(t *testing.T) {
		var config struct {
			Repos []struct {
				Repo, Rev string
				Hooks     []struct{ ID string }
			}
		}
		parseYAML(t, blocks[0][1], &config)
		if len(config.Repos) != 1 || len(config.Repos[0].Hooks) != 2 {
			t.Fatalf("%+v", config)
		}
		hooks := readHooks(t)
		for _, h := range config.Repos[0].Hooks {
			if _, ok := hooks[h.ID]; !ok {
				t.Errorf("no hook %s", h.ID)
			}
		}
	})
	t.Run("GitLab", func(t *testing.T) {
		var config struct {
			Include []struct {
				Component string
				Inputs    map[string]any
			}
		}
		parseYAML(t, blocks[1][1], &config)
		for _, include := range config.Include {
			if _, err := readComponent(t).job(include.Inputs); err != nil || !strings.Contains(include.Component, "/lint@v") {
				t.Errorf("%s: %v", include.Component, err)
			}
		}
		if len(config.Include) != 1 {
			t.Errorf("%+v", config)
		}
	})
	t.Run("GitHub", func(t *testing.T) {
		ours := regexp.MustCompile(`terrier-iac/terrier@v[\d.]+ #.*`)
		workflow := ours.ReplaceAllString(blocks[2][1], "./")
		if strings.Count(workflow, "uses: ./\n") != 1 {
			t.Fatal("the snippet does not use the action")
		}
		if shown := lintWorkflow(t, workflow); shown != "" {
			t.Error(shown)
		}
		// What actionlint would say of an input or an output that is not there.
		wrong := strings.Replace(workflow, "uses: ./\n", "uses: ./\n        with:\n          no-such: x\n", 1)
		if shown := lintWorkflow(t, wrong); !strings.Contains(shown, "no-such") {
			t.Errorf("an unknown input: %q", shown)
		}
		wrong = strings.ReplaceAll(workflow, "outputs.sarif", "outputs.no-such")
		if shown := lintWorkflow(t, wrong); !strings.Contains(shown, "no-such") {
			t.Errorf("an unknown output: %q", shown)
		}
		all := "uses: ./\n        with:\n"
		for name := range readAction(t).Inputs {
			all += "          " + name + ": ''\n"
		}
		if shown := lintWorkflow(t, strings.Replace(workflow, "uses: ./\n", all, 1)); shown != "" {
			t.Error(shown)
		}
	})
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
