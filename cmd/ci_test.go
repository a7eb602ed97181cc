package cmd

import (
	"encoding/json"
	"fmt"
	goversion "go/version"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// A ciInput is an input of the GitLab component or of the GitHub Action.
type ciInput struct {
	Description string
	Type        string // GitLab: "" is a string
	Default     any    // nil: it must be given
	Regex       string
	Options     []string
}

// A component is templates/lint.yml.
type component struct {
	inputs map[string]ciInput
	body   string // what comes after the header, not interpolated
}

func readComponent(t *testing.T) component {
	t.Helper()
	header, body, found := strings.Cut(readFile(t, "../templates/lint.yml"), "\n---\n")
	if !found {
		t.Fatal("no header")
	}
	var h struct {
		Spec struct {
			Inputs map[string]ciInput
		}
	}
	parseYAML(t, header, &h)
	return component{h.Spec.Inputs, body}
}

type gitlabJob struct {
	Stage     string
	Image     struct{ Name string }
	Rules     []map[string]string
	Variables map[string]string
	Script    []string
	Artifacts struct {
		When    string
		Reports map[string]string
	}
}

// job is the component as GitLab makes it for inputs: values are checked, then
// written into the text, which is parsed after that.
func (c component) job(inputs map[string]any) (*gitlabJob, error) {
	for name := range inputs {
		if _, ok := c.inputs[name]; !ok {
			return nil, fmt.Errorf("no input %s", name)
		}
	}
	body := c.body
	for name, input := range c.inputs {
		v, ok := inputs[name]
		if !ok {
			v = input.Default
		}
		text := fmt.Sprint(v)
		switch v.(type) {
		case string:
			ok = input.Type == "" || input.Type == "string"
		case bool:
			ok = input.Type == "boolean"
		case []any:
			ok = input.Type == "array"
			flow, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			text = string(flow)
		default:
			return nil, fmt.Errorf("%s has no value", name)
		}
		if !ok {
			return nil, fmt.Errorf("%s is of another type", name)
		}
		if input.Regex != "" && !regexp.MustCompile(input.Regex).MatchString(text) {
			return nil, fmt.Errorf("%s is not like %s", name, input.Regex)
		}
		if input.Options != nil && !slices.Contains(input.Options, text) {
			return nil, fmt.Errorf("%s is none of %s", name, input.Options)
		}
		body = strings.ReplaceAll(body, "$[[ inputs."+name+" ]]", text)
	}
	var jobs map[string]*gitlabJob
	if err := yaml.Unmarshal([]byte(body), &jobs); err != nil {
		return nil, err
	}
	if len(jobs) != 1 || jobs["terrier-lint"] == nil {
		return nil, fmt.Errorf("the jobs are %v", slices.Sorted(maps.Keys(jobs)))
	}
	return jobs["terrier-lint"], nil
}

type actionStep struct {
	Name, ID, If, Shell, Uses, Run string
	Env, With                      map[string]string
}

type action struct {
	Inputs  map[string]ciInput
	Outputs map[string]struct{ Value string }
	Runs    struct{ Steps []actionStep }
}

func readAction(t *testing.T) action {
	t.Helper()
	var a action
	parseYAML(t, readFile(t, "../action.yml"), &a)
	return a
}

// step is the one of that name, with its environment as the runner makes it for
// inputs and for the expressions of the event.
func (a action) step(t *testing.T, name string, inputs, event map[string]string) (actionStep, []string) {
	t.Helper()
	i := slices.IndexFunc(a.Runs.Steps, func(s actionStep) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no step %s", name)
	}
	var env []string
	for k, expr := range a.Runs.Steps[i].Env {
		expr = strings.TrimSuffix(strings.TrimPrefix(expr, "${{ "), " }}")
		v, ok := event[expr]
		if input, found := strings.CutPrefix(expr, "inputs."); found {
			if v, ok = inputs[input]; !ok {
				v, ok = a.Inputs[input].Default.(string)
			}
		}
		if !ok {
			t.Fatalf("%s: %s is not known", k, expr)
		}
		env = append(env, k+"="+v)
	}
	return a.Runs.Steps[i], env
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func parseYAML(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

// standIns writes a terrier and a go that record their arguments, and end with
// what $LINT, $LOCK, $BUMP and $PLAN say; it returns their directory.
func standIns(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"terrier", "go"} {
		script := `#!/bin/sh
[ "$1" = version ] && exit
{ printf '%s' "${0##*/}"; printf '\037%s' "$@"; printf '\036'; } >>"$RECORD"
[ "$1" = lint ] && { [ -z "$REPORT" ] || echo '{}' >"$REPORT"; exit "${LINT:-0}"; }
[ "$1" = lock ] && exit "${LOCK:-0}"
[ "$1" = bump ] && exit "${BUMP:-0}"
[ "$1" = plan ] && exit "${PLAN:-0}"
exit 0
`
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A ciRun is what came of a script.
type ciRun struct {
	code     int
	out      string
	commands [][]string // what the stand-ins were called with
	outputs  string     // GITHUB_OUTPUT
	files    []string   // what is in the work directory afterwards
}

// runScript runs a script of a job in a work directory that holds baseline.json
// and "live dir".
func runScript(t *testing.T, shell []string, script string, env ...string) ciRun {
	t.Helper()
	work, record := t.TempDir(), filepath.Join(t.TempDir(), "record")
	if err := os.Mkdir(filepath.Join(work, "live dir"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{record, record + ".output", filepath.Join(work, "baseline.json")} {
		if err := os.WriteFile(name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(shell[0], append(shell[1:len(shell):len(shell)], script)...)
	cmd.Dir = work
	cmd.Env = append([]string{
		"PATH=" + standIns(t) + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "RECORD=" + record,
		"RUNNER_TEMP=/tmp/runner", "GITHUB_OUTPUT=" + record + ".output", "GITHUB_PATH=" + record + ".path",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
	}, env...)
	out, err := cmd.CombinedOutput()
	run := ciRun{code: cmd.ProcessState.ExitCode(), out: string(out), outputs: readFile(t, record+".output")}
	if run.code < 0 {
		t.Fatal(err)
	}
	for _, line := range strings.Split(readFile(t, record), "\x1e") {
		if line != "" {
			run.commands = append(run.commands, strings.Split(strings.ReplaceAll(line, work, "WORK"), "\x1f"))
		}
	}
	entries, err := os.ReadDir(work)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		run.files = append(run.files, e.Name())
	}
	return run
}

// The shells that GitLab's runner and GitHub's start. The tests use both kinds
// of the first: an image may have no bash.
var (
	gitlabShells = [][]string{{"bash", "-eo", "pipefail", "-c"}, {"sh", "-e", "-c"}}
	githubShell  = []string{"bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"}
)

func (j *gitlabJob) env(more ...string) []string {
	env := []string{"CI_SERVER_URL=https://gitlab.example.com", "CI_SERVER_HOST=gitlab.example.com", "CI_JOB_TOKEN=secret-7"}
	for k, v := range j.Variables {
		env = append(env, k+"="+v)
	}
	return append(env, more...)
}

// hostile are values that a shell, a pattern or an option parser would take for
// more than words.
var hostile = []string{
	"$(touch pwned)", "`touch pwned`", "; touch pwned", "&& touch pwned #", "| touch pwned", "> pwned", "'; touch pwned; '", "$HOME ${HOME}", "*", "--help", "-C/", "~",
}

func TestGitLabComponent(t *testing.T) {
	c := readComponent(t)
	reports := []string{"--report", "gitlab=WORK/gl-code-quality-report.json", "--report", "junit=WORK/terrier-junit.xml"}
	lint := func(more ...string) []string {
		return append(append([]string{"terrier", "lint"}, reports...), more...)
	}
	lock := []string{"terrier", "lock", "--check"}
	install := []string{"go", "install", "github.com/terrier-iac/terrier/cmd/terrier@v1.2.3"}
	for _, test := range []struct {
		name   string
		inputs map[string]any
		env    []string
		code   int
		want   [][]string
		out    string
	}{
		{"defaults", map[string]any{"version": "v1.2.3"}, nil, 0, [][]string{install, lint()}, ""},
		{"a merge request", nil, []string{"CI_MERGE_REQUEST_DIFF_BASE_SHA=abc"}, 0, [][]string{lint("--changed-since=abc")}, ""},
		{"everything, in a merge request", map[string]any{"changed_since": ""}, []string{"CI_MERGE_REQUEST_DIFF_BASE_SHA=abc"}, 0, [][]string{lint()}, ""},
		{"all inputs", map[string]any{"changed_since": "origin/main", "baseline": "../baseline.json", "fail_on": "info", "lock": true, "args": " --only  unpinned-source   . ", "working_directory": "live dir"}, nil, 0,
			[][]string{lint("--fail-on=info", "--changed-since=origin/main", "--baseline=../baseline.json", "--only", "unpinned-source", "."), lock}, ""},
		{"found by lint", map[string]any{"lock": true}, []string{"LINT=2"}, 2, [][]string{lint(), lock}, ""},
		{"found by lock", map[string]any{"lock": true}, []string{"LOCK=2"}, 2, [][]string{lint(), lock}, ""},
		{"an error of lock", map[string]any{"lock": true}, []string{"LINT=2", "LOCK=1"}, 1, [][]string{lint(), lock}, ""},
		{"an error of lint", map[string]any{"lock": true}, []string{"LINT=1", "LOCK=2"}, 1, [][]string{lint(), lock}, ""},
		{"no baseline", map[string]any{"baseline": "none.json"}, nil, 1, nil, "the baseline none.json is not there\nhint: terrier lint --baseline FILE writes it; commit it\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.inputs["version"] == nil {
				inputs := map[string]any{"version": "installed"}
				maps.Copy(inputs, test.inputs)
				test.inputs = inputs
			}
			job, err := c.job(test.inputs)
			if err != nil {
				t.Fatal(err)
			}
			for _, shell := range gitlabShells {
				run := runScript(t, shell, job.Script[0], job.env(test.env...)...)
				if run.code != test.code || run.out != test.out {
					t.Errorf("%s: exit code %d, want %d\n%s", shell[0], run.code, test.code, run.out)
				}
				if diff := cmp.Diff(test.want, run.commands); diff != "" {
					t.Errorf("%s: %s", shell[0], diff)
				}
			}
		})
	}
	job, err := c.job(map[string]any{"version": "v1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	if len(job.Script) != 1 || job.Stage != "test" || len(job.Rules) != 2 || job.Variables["GIT_DEPTH"] != "0" || job.Artifacts.When != "always" ||
		job.Artifacts.Reports["codequality"] != "gl-code-quality-report.json" || job.Artifacts.Reports["junit"] != "terrier-junit.xml" {
		t.Errorf("%+v", job)
	}
	if strings.Contains(job.Script[0], "[[ inputs") || strings.Contains(readComponent(t).body[strings.Index(c.body, "script:"):], "$[[") {
		t.Error("an input is a part of the script")
	}
	t.Run("reports of an earlier run", func(t *testing.T) {
		job, err := c.job(map[string]any{"version": "installed"})
		if err != nil {
			t.Fatal(err)
		}
		run := runScript(t, gitlabShells[0], "touch gl-code-quality-report.json terrier-junit.xml\n"+job.Script[0], job.env("LINT=1")...)
		if diff := cmp.Diff([]string{"baseline.json", "live dir"}, run.files); diff != "" || run.code != 1 {
			t.Errorf("exit code %d, files: %s", run.code, diff)
		}
	})
	if job, err := c.job(map[string]any{"version": "installed", "stage": "a: b # c"}); err != nil || job.Stage != "a: b # c" {
		t.Errorf("a stage of an odd name: %v", err)
	}
	for _, in := range []map[string]any{
		{}, {"version": "latest"}, {"version": "main"}, {"version": "v1"}, {"version": "v1.2.3;touch pwned"}, {"version": "1234567"},
		{"image": "golang"}, {"image": "golang:latest"}, {"image": "registry:5000/golang"}, {"image": "registry:5000/golang:latest"},
		{"stage": "a\"\n  script: x"}, {"args": "a\"b"}, {"args": "a\nb"}, {"args": `a\b`}, {"baseline": "a\"b"}, {"changed_since": "a\rb"}, {"working_directory": "a\"b"},
		{"fail_on": "never"}, {"lock": "yes"}, {"unknown": "x"},
	} {
		if in["version"] == nil && len(in) > 0 {
			in["version"] = "v1.2.3"
		}
		if _, err := c.job(in); err == nil {
			t.Errorf("%v is accepted", in)
		}
	}
	for _, image := range []string{"golang:1.26", "registry:5000/go/x:v1", "$CI_REGISTRY/x:1.0", "x@sha256:" + strings.Repeat("0a", 32), "golang:1.26@sha256:" + strings.Repeat("0a", 32)} {
		if job, err := c.job(map[string]any{"version": "installed", "image": image}); err != nil || job.Image.Name != image {
			t.Errorf("%s: %v", image, err)
		}
	}
	t.Run("hostile", func(t *testing.T) {
		for _, v := range hostile {
			for _, input := range []string{"args", "changed_since", "baseline", "working_directory"} {
				job, err := c.job(map[string]any{"version": "installed", input: v})
				if err != nil {
					t.Fatal(err)
				}
				for _, shell := range gitlabShells {
					run := runScript(t, shell, job.Script[0], job.env()...)
					var want [][]string // none: it is neither a file nor a directory
					switch input {
					case "args":
						want = [][]string{lint(strings.Fields(v)...)}
					case "changed_since":
						want = [][]string{lint("--changed-since=" + v)}
					}
					checkHostile(t, input+"="+v, run, want)
				}
			}
		}
	})
}

func checkHostile(t *testing.T, name string, run ciRun, want [][]string) {
	t.Helper()
	if diff := cmp.Diff(want, run.commands); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
	if diff := cmp.Diff([]string{"baseline.json", "live dir"}, run.files); diff != "" {
		t.Errorf("%s: files: %s", name, diff)
	}
	if (run.code == 0) != (want != nil) {
		t.Errorf("%s: exit code %d\n%s", name, run.code, run.out)
	}
}

// With job_token git gets the token for this GitLab, and for no other host; it
// stands in no configuration, and a helper of the user's own has the rest.
func TestGitLabJobToken(t *testing.T) {
	job, err := readComponent(t).job(map[string]any{"version": "installed", "job_token": true})
	if err != nil {
		t.Fatal(err)
	}
	script := strings.ReplaceAll(job.Script[0], "exit \"$code\"", `
		git config --list | sed 's/^/config /'
		for host in https://gitlab.example.com https://github.com http://gitlab.example.com; do
			printf 'url=%s/a/b.git\n\n' "$host" | git credential fill 2>/dev/null | sed "s|^|$host |" || true
		done
		git ls-remote --get-url ssh://git@gitlab.example.com/a/b.git
		git ls-remote --get-url ssh://git@gitlab.example.com:2222/a/b.git
		git ls-remote --get-url git@gitlab.example.com:a/b.git
		git ls-remote --get-url ssh://git@github.com/a/b.git`)
	for _, shell := range gitlabShells {
		run := runScript(t, shell, script, job.env("GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=credential.helper", "GIT_CONFIG_VALUE_0=!echo username=ada; echo password=own; :", "CI_SERVER_SHELL_SSH_PORT=2222")...)
		for _, line := range strings.Split(run.out, "\n") {
			if strings.HasPrefix(line, "config ") && strings.Contains(line, "secret-7") {
				t.Errorf("the token is in the configuration: %s", line)
			}
		}
		_, got, _ := strings.Cut(run.out, "https://gitlab.example.com protocol")
		want := `=https
https://gitlab.example.com host=gitlab.example.com
https://gitlab.example.com username=gitlab-ci-token
https://gitlab.example.com password=secret-7
https://github.com protocol=https
https://github.com host=github.com
https://github.com username=ada
https://github.com password=own
http://gitlab.example.com protocol=http
http://gitlab.example.com host=gitlab.example.com
http://gitlab.example.com username=ada
http://gitlab.example.com password=own
https://gitlab.example.com/a/b.git
https://gitlab.example.com/a/b.git
https://gitlab.example.com/a/b.git
ssh://git@github.com/a/b.git
`
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", shell[0], diff)
		}
	}
}

func TestGitHubAction(t *testing.T) {
	a := readAction(t)
	const base = "github.event.pull_request.base.sha || github.event.merge_group.base_sha"
	lint := func(more ...string) []string {
		return append([]string{"terrier", "lint", "--format=github", "--report", "sarif=/tmp/runner/terrier.sarif"}, more...)
	}
	lock := []string{"terrier", "lock", "--check"}
	type in = map[string]string
	for _, test := range []struct {
		name    string
		inputs  in
		event   string
		env     []string
		code    int
		want    [][]string
		out     string
		outputs string
	}{
		{"defaults", nil, "", nil, 0, [][]string{lint()}, "", "exit-code=0\n"},
		{"a shallow clone", nil, "0123456789", nil, 1, nil, "the base commit 0123456789 is not in this clone\nhint: give actions/checkout fetch-depth: 0, or this action changed-since: ''\n", "exit-code=1\n"},
		{"everything, in a pull request", in{"changed-since": ""}, "0123456789", nil, 0, [][]string{lint()}, "", "exit-code=0\n"},
		{"all inputs", in{"changed-since": "origin/main", "baseline": "../baseline.json", "fail-on": "error", "lock": "true", "args": " --only  unpinned-source\n. ", "working-directory": "live dir", "sarif": "my report.sarif"}, "", []string{"LINT=2", "REPORT=my report.sarif"}, 2,
			[][]string{{"terrier", "lint", "--format=github", "--report", "sarif=WORK/live dir/my report.sarif", "--fail-on=error", "--changed-since=origin/main", "--baseline=../baseline.json", "--only", "unpinned-source", "."}, lock}, "",
			"sarif=WORK/live dir/my report.sarif\nexit-code=2\n"},
		{"found by lock", in{"lock": "true"}, "", []string{"LOCK=2"}, 2, [][]string{lint(), lock}, "", "exit-code=2\n"},
		{"an error of lock", in{"lock": "true"}, "", []string{"LINT=2", "LOCK=1"}, 1, [][]string{lint(), lock}, "", "exit-code=1\n"},
		{"an error of lint", in{"lock": "true"}, "", []string{"LINT=1", "LOCK=2"}, 1, [][]string{lint(), lock}, "", "exit-code=1\n"},
		{"a word for true", in{"lock": "yes"}, "", nil, 1, nil, "the input lock is neither true nor false\n", "exit-code=1\n"},
		{"no baseline", in{"baseline": "none.json"}, "", nil, 1, nil, "the baseline none.json is not there\nhint: terrier lint --baseline FILE writes it; commit it\n", "exit-code=1\n"},
		{"an output through a file's name", in{"sarif": "a\nexit-code=0"}, "", nil, 1, nil, "the input sarif holds a control character\n", "exit-code=1\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			step, env := a.step(t, "terrier lint", test.inputs, in{base: test.event})
			run := runScript(t, githubShell, step.Run, append(env, test.env...)...)
			if run.code != test.code || run.out != test.out {
				t.Errorf("exit code %d, want %d\n%s", run.code, test.code, run.out)
			}
			if diff := cmp.Diff(test.want, run.commands); diff != "" {
				t.Error(diff)
			}
			outputs := regexp.MustCompile(`(?m)^sarif=.*/live dir/`).ReplaceAllString(run.outputs, "sarif=WORK/live dir/")
			if diff := cmp.Diff(test.outputs, outputs); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("a report of an earlier run", func(t *testing.T) {
		step, env := a.step(t, "terrier lint", in{"sarif": "my.sarif"}, in{base: ""})
		run := runScript(t, githubShell, "touch my.sarif\n"+step.Run, append(env, "LINT=1")...)
		if run.outputs != "exit-code=1\n" {
			t.Errorf("the outputs are %s", run.outputs)
		}
	})
	t.Run("hostile", func(t *testing.T) {
		for _, v := range append([]string{"\"; touch pwned; \"", "a\ntouch pwned", `\`}, hostile...) {
			for _, input := range []string{"args", "changed-since", "fail-on", "baseline", "working-directory"} {
				step, env := a.step(t, "terrier lint", in{input: v}, in{base: ""})
				var want [][]string
				switch input {
				case "args":
					want = [][]string{lint(strings.Fields(v)...)}
				case "changed-since":
					want = [][]string{lint("--changed-since=" + v)}
				case "fail-on": // terrier knows which there are
					want = [][]string{lint("--fail-on=" + v)}
				}
				checkHostile(t, input+"="+v, runScript(t, githubShell, step.Run, env...), want)
			}
		}
	})
	t.Run("install", func(t *testing.T) {
		for _, test := range []struct {
			version, path string
			want          []string
		}{
			{"", "/x/_actions/terrier-iac/terrier/v1.2.3", []string{"go", "install", "-trimpath", "-ldflags", "-X github.com/terrier-iac/terrier/cmd.version=v1.2.3", "./cmd/terrier"}},
			{"", "/x/my-action", []string{"go", "install", "-trimpath", "-ldflags", "-X github.com/terrier-iac/terrier/cmd.version=dev", "./cmd/terrier"}},
			{"", "/x/_actions/a/b/it's", []string{"go", "install", "-trimpath", "-ldflags", "-X github.com/terrier-iac/terrier/cmd.version=dev", "./cmd/terrier"}},
			{"v1.2.3", "", []string{"go", "install", "github.com/terrier-iac/terrier/cmd/terrier@v1.2.3"}},
			{"latest", "", nil},
			{"v1.2.3\n", "", nil},
			{"$(touch pwned)", "", nil},
		} {
			step, env := a.step(t, "Install terrier", in{"version": test.version}, nil)
			dir := t.TempDir()
			if test.path != "" {
				dir += test.path
				if err := os.MkdirAll(dir, 0o777); err != nil {
					t.Fatal(err)
				}
			}
			run := runScript(t, githubShell, step.Run, append(env, "GITHUB_ACTION_PATH="+dir)...)
			var want [][]string
			if test.want != nil {
				want = [][]string{test.want}
			}
			checkHostile(t, "version="+test.version, run, want)
		}
	})
	for _, step := range a.Runs.Steps {
		if strings.Contains(step.Run, "${{") {
			t.Errorf("%s: an expression is a part of the script", step.Name)
		}
	}
	for _, uses := range regexp.MustCompile(`uses: (.*)`).FindAllStringSubmatch(readFile(t, "../action.yml"), -1) {
		if !regexp.MustCompile(`^[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`).MatchString(uses[1]) {
			t.Errorf("%s is not pinned", uses[1])
		}
	}
}

// Both install with the same Go, and one that can build this module.
func TestCIGoVersion(t *testing.T) {
	image := readComponent(t).inputs["image"].Default.(string)
	setup := readAction(t).Runs.Steps[0].With["go-version"]
	if image != "golang:"+setup+"-bookworm" {
		t.Errorf("GitLab has %s, GitHub %s", image, setup)
	}
	needs := regexp.MustCompile(`(?m)^go (.*)$`).FindStringSubmatch(readFile(t, "../go.mod"))[1]
	if goversion.Compare("go"+setup, "go"+needs) < 0 {
		t.Errorf("go.mod needs %s, which %s cannot build", needs, setup)
	}
}

type hook struct {
	ID, Name, Description, Language, Entry, Files, Exclude string
	PassFilenames                                          *bool `yaml:"pass_filenames"`
	RequireSerial                                          bool  `yaml:"require_serial"`
}

func readHooks(t *testing.T) map[string]hook {
	t.Helper()
	var list []hook
	parseYAML(t, readFile(t, "../.pre-commit-hooks.yaml"), &list)
	hooks := map[string]hook{}
	for _, h := range list {
		hooks[h.ID] = h
	}
	return hooks
}

func TestHooks(t *testing.T) {
	hooks := readHooks(t)
	if diff := cmp.Diff([]string{"terrier-lint", "terrier-lock"}, slices.Sorted(maps.Keys(hooks))); diff != "" {
		t.Fatal(diff)
	}
	for _, h := range hooks {
		if h.Language != "golang" || !h.RequireSerial || h.Name == "" || h.Description == "" {
			t.Errorf("%+v", h)
		}
	}
	if h := hooks["terrier-lock"]; h.PassFilenames == nil || *h.PassFilenames {
		t.Error("terrier-lock gets the names of files")
	}
	for name, want := range map[string]string{
		"a/main.tf": "lint lock", "main.tf.json": "lint lock", "x.tofu": "lint lock", "x.tofu.json": "lint lock",
		"live/prod/terragrunt.hcl": "lint lock", "_envcommon/vpc.hcl": "lint lock", "root.hcl": "lint lock",
		"terrier.hcl": "lock", ".terrier.lock.hcl": "lock",
		".terraform.lock.hcl": "", "a/.tflint.hcl": "", "x.tfvars": "", "x.tf.md": "", "package.json": "", "xtf": "", "a.hcl.bak": "",
		"a/.terraform/modules/x/main.tf": "", "a/.terragrunt-cache/x/terragrunt.hcl": "",
	} {
		var got []string
		for _, id := range []string{"lint", "lock"} {
			h := hooks["terrier-"+id]
			if regexp.MustCompile(h.Files).MatchString(name) && !regexp.MustCompile(h.Exclude).MatchString(name) {
				got = append(got, id)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// pre-commit installs with go install ./...: that gives terrier and nothing
// else.
func TestOneProgram(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(out)); got != "github.com/terrier-iac/terrier/cmd/terrier" {
		t.Errorf("the programs are %s", got)
	}
}
