package cmd

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A recipeJob is a job of .gitlab-ci.yml that a page shows.
type recipeJob struct {
	Extends      string
	Image        string
	Rules        []map[string]string
	Variables    map[string]string
	AllowFailure struct {
		ExitCodes int `yaml:"exit_codes"`
	} `yaml:"allow_failure"`
	BeforeScript []string `yaml:"before_script"`
	Script       []string
}

// checkCommands holds what a script calls terrier with against the flags.
func checkCommands(t *testing.T, commands [][]string) {
	t.Helper()
	for _, words := range commands {
		if words[0] != "terrier" {
			continue
		}
		a := &app{stdout: io.Discard, stderr: io.Discard}
		cmd, rest, err := a.rootCommand().Find(words[1:])
		if err == nil && cmd.Runnable() {
			err = cmd.ParseFlags(rest)
		}
		if err != nil || !cmd.Runnable() {
			t.Errorf("%q: %v", words, err)
		}
	}
}

// goInstall is how a recipe installs terrier.
const goInstall = "go install github.com/terrier-iac/terrier/cmd/terrier@v1.0.0"

// checkPipeline runs the jobs of a page's .gitlab-ci.yml, and returns how many
// there are. Git gets the token for this GitLab alone, and no file holds it.
func checkPipeline(t *testing.T, text string) int {
	t.Helper()
	var jobs map[string]recipeJob
	parseYAML(t, text, &jobs)
	n := 0
	for name, job := range jobs {
		if strings.HasPrefix(name, ".") {
			continue
		}
		n++
		if base, ok := jobs[job.Extends]; ok {
			job.Image, job.Rules, job.Variables, job.BeforeScript = base.Image, base.Rules, base.Variables, base.BeforeScript
		} else if job.Extends != "" {
			t.Errorf("%s extends %s, which is not there", name, job.Extends)
		}
		if image := readComponent(t).inputs["image"].Default; job.Image != image {
			t.Errorf("%s: the image is %s, not %s", name, job.Image, image)
		}
		if len(job.Rules) != 1 || job.Rules[0]["if"] == "" || job.Variables["GIT_DEPTH"] == "" {
			t.Errorf("%s: rules %v, variables %v", name, job.Rules, job.Variables)
		}
		config := filepath.Join(t.TempDir(), "gitconfig")
		script := append([]string{"git init -q", "git remote add origin https://gitlab-ci-token:secret-7@gitlab.example.com/live/live.git"}, job.BeforeScript...)
		script = append(script, job.Script...)
		script = append(script, "git remote get-url origin", `for host in https://gitlab.example.com https://github.com; do
			printf 'url=%s/a/b.git\n\n' "$host" | git credential fill 2>/dev/null | sed "s|^|$host |" || true
		done`)
		run := runScript(t, gitlabShells[1], strings.Join(script, "\n"), "CI_SERVER_URL=https://gitlab.example.com", "CI_SERVER_HOST=gitlab.example.com",
			"CI_PROJECT_URL=https://gitlab.example.com/live/live", "GITLAB_TOKEN=secret-8", "GIT_CONFIG_GLOBAL="+config)
		if run.code != 0 {
			t.Errorf("%s: %d: %s", name, run.code, run.out)
		}
		checkCommands(t, run.commands)
		var words []string
		for _, c := range run.commands {
			words = append(words, strings.Join(c, " "))
		}
		if len(words) != 2 || words[0] != goInstall || !slices.Contains(job.Script, words[1]) {
			t.Errorf("%s: it runs %q", name, words)
		}
		if len(job.BeforeScript) == 0 {
			continue
		}
		if data, err := os.ReadFile(config); err != nil || strings.Contains(string(data), "secret") {
			t.Errorf("%s: %v: git's configuration is %s", name, err, data)
		}
		const want = `https://gitlab.example.com/live/live.git
https://gitlab.example.com protocol=https
https://gitlab.example.com host=gitlab.example.com
https://gitlab.example.com username=oauth2
https://gitlab.example.com password=secret-8
`
		if diff := cmp.Diff(want, run.out); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	return n
}

// checkRecipe runs the steps of a page's workflow that does not use the action,
// and holds what it uses against the action.
func checkRecipe(t *testing.T, text string) {
	t.Helper()
	if shown := lintWorkflow(t, text); shown != "" {
		t.Error(shown)
	}
	setup := readAction(t).Runs.Steps[0]
	for _, m := range regexp.MustCompile(`uses: (\S+)(.*)`).FindAllStringSubmatch(text, -1) {
		if !regexp.MustCompile(`^actions/[\w-]+@[0-9a-f]{40}$`).MatchString(m[1]) || !strings.HasPrefix(m[2], " # v") {
			t.Errorf("%s is not pinned", m[1])
		}
		if strings.Contains(m[1], "setup-go") && m[1] != setup.Uses {
			t.Errorf("it uses %s, and the action %s", m[1], setup.Uses)
		}
	}
	if !strings.Contains(text, "go-version: "+fmt.Sprint(setup.With["go-version"])+"\n") {
		t.Errorf("it has another Go than the action: %v", setup.With["go-version"])
	}
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ Run string }
		}
	}
	parseYAML(t, text, &workflow)
	for _, job := range workflow.Jobs {
		var all [][]string
		for _, step := range job.Steps {
			script := "git init -q\n" + step.Run
			run := runScript(t, githubShell, script)
			all = append(all, run.commands...)
			if run.code != 0 {
				t.Errorf("%d: %s", run.code, run.out)
			}
			if !strings.Contains(step.Run, "terrier bump") {
				continue
			}
			if run := runScript(t, githubShell, script, "BUMP=2"); run.code != 0 {
				t.Errorf("what stays as it is fails the step: %s", run.out)
			}
			if run := runScript(t, githubShell, script, "BUMP=1"); run.code != 1 {
				t.Errorf("an error does not fail the step: %s", run.out)
			}
		}
		checkCommands(t, all)
		if len(all) < 2 || strings.Join(all[0], " ") != goInstall {
			t.Errorf("it runs %q", all)
		}
	}
}
