package cmd

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	agekey "filippo.io/age"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// operateJob is a job of the page's .gitlab-ci.yml that plans or applies.
type operateJob struct {
	Extends, Stage, Environment string
	Image                       string
	ResourceGroup               string `yaml:"resource_group"`
	Interruptible               *bool
	Needs                       []string
	IDTokens                    map[string]struct{ Aud string } `yaml:"id_tokens"`
	Variables                   map[string]string
	Rules                       []struct {
		If, When  string
		Variables map[string]string
	}
	BeforeScript []string `yaml:"before_script"`
	Script       []string
	Artifacts    struct {
		Paths  []string
		Expire string `yaml:"expire_in"`
	}
}

// operatePage is what CI.md shows of plan and apply: the configuration, GitLab's
// file and GitHub's.
func operatePage(t *testing.T) (config, gitlab, github string) {
	t.Helper()
	_, section, _ := strings.Cut(readFile(t, "CI.md"), "\n## Plan and apply\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, blocks := splitPage(t, "CI.md", section)
	if len(blocks) != 3 || blocks[0].language != "hcl" {
		t.Fatalf("%d blocks", len(blocks))
	}
	return blocks[0].text, blocks[1].text, blocks[2].text
}

// The jobs of GitLab's file run as their runners would run them, each in a clone
// of its own, with real terraform and a bucket: a merge request plans for
// itself, main plans and shares, and the apply has the run from the bucket.
func TestPipelineOfOperate(t *testing.T) {
	config, text, _ := operatePage(t)
	var jobs map[string]any
	parseYAML(t, text, &jobs)
	if len(jobs) != 4 {
		t.Errorf("%d keys", len(jobs))
	}
	var file struct {
		Stages []string
		Base   operateJob `yaml:".terrier"`
		Plan   operateJob `yaml:"terrier-plan"`
		Apply  operateJob `yaml:"terrier-apply-prod"`
	}
	parseYAML(t, text, &file)
	base, plan, apply := file.Base, file.Plan, file.Apply
	if apply.Rules[0].When != "manual" || apply.Environment != "prod" || apply.ResourceGroup == "" || apply.Interruptible == nil || *apply.Interruptible ||
		len(apply.Needs) != 1 || apply.Needs[0] != "terrier-plan" || plan.Stage != file.Stages[0] || apply.Stage != file.Stages[1] ||
		base.Variables["GIT_DEPTH"] != "0" || base.IDTokens["AWS_TOKEN"].Aud == "" || plan.Extends != ".terrier" || apply.Extends != ".terrier" {
		t.Errorf("%+v", file)
	}

	bucket := s3mem.New()
	if err := bucket.CreateBucket("acme-terrier"); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(gofakes3.New(bucket).Server())
	defer s.Close()
	identity, err := agekey.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	top := t.TempDir()
	git := func(dir string, args ...string) string {
		t.Helper()
		out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %s", args, out)
		}
		return strings.TrimSpace(string(out))
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
		"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com",
	} {
		t.Setenv(name, value)
	}
	// No forge can be asked here, and there is no account: the rest of the page's
	// configuration is as it is.
	config = regexp.MustCompile(`(?s)account "prod" \{.*?\n\}\n`).ReplaceAllString(config, "")
	config = regexp.MustCompile(`(?m)^ +(account|approvals) += .*\n`).ReplaceAllString(config, "")
	config = regexp.MustCompile(`age1\w+`).ReplaceAllString(config, identity.Recipient().String())
	author := filepath.Join(top, "author")
	git(top, "init", "-q", "-b", "main", author)
	write(filepath.Join(author, "terrier.hcl"), config)
	write(filepath.Join(author, ".gitignore"), ".terraform/\n")
	stack := filepath.Join(author, "live", "prod", "net", "main.tf")
	state := filepath.Join(top, "state", "net.tfstate")
	write(stack, "terraform {\n  backend \"local\" {\n    path = \""+state+"\"\n  }\n}\n")
	git(author, "add", ".")
	git(author, "commit", "-q", "-m", "The repository")
	before := git(author, "rev-parse", "HEAD")
	write(stack, readFile(t, stack)+"resource \"terraform_data\" \"x\" {}\n")
	git(author, "commit", "-q", "-a", "-m", "A resource")
	origin := filepath.Join(top, "origin.git")
	git(top, "clone", "-q", "--bare", author, origin)

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(top, "bin")
	if err := os.Mkdir(bin, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "terrier")); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(top, "terraformrc"), "")
	// job runs one in a clone of its own, in which GitLab's runner checks the
	// commit out and no branch.
	job := func(name string, j operateJob, code int, env ...string) (dir, out string) {
		t.Helper()
		dir = filepath.Join(top, name)
		git(top, "clone", "-q", origin, dir)
		git(dir, "checkout", "-q", "--detach", "origin/main")
		git(dir, "branch", "-q", "-D", "main")
		for _, artifact := range []string{filepath.Join(top, "artifact")} {
			if _, err := os.Stat(artifact); err == nil && len(j.Needs) > 0 {
				if out, err := exec.Command("cp", "-R", artifact+"/.", dir).CombinedOutput(); err != nil {
					t.Fatalf("%s", out)
				}
			}
		}
		cmd := exec.Command("bash", "-eo", "pipefail", "-c", strings.Join(append(append([]string(nil), base.BeforeScript...), j.Script...), "\n"))
		cmd.Dir = dir
		cmd.Env = append([]string{
			"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + dir + ".home", "GIT_CONFIG_NOSYSTEM=1", "CI=true", "GITLAB_CI=true", "CI_JOB_ID=7", "CI_PIPELINE_ID=3",
			"CI_DEFAULT_BRANCH=main", "AWS_TOKEN=token", "AWS_WEB_IDENTITY_TOKEN_FILE=" + dir + ".token", "AWS_ENDPOINT_URL_S3=" + s.URL, "AWS_ACCESS_KEY_ID=x",
			"AWS_SECRET_ACCESS_KEY=x", "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=" + filepath.Join(top, "terraformrc"), "TERRIER_CACHE_DIR=" + filepath.Join(top, "cache"),
			"TERRIER_BASE=" + strings.ReplaceAll(base.Variables["TERRIER_BASE"], "$CI_DEFAULT_BRANCH", "main"),
		}, env...)
		data, err := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Fatalf("%s: %d, want %d: %v\n%s", name, got, code, err, data)
		}
		if info, err := os.Stat(dir + ".token"); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: the token: %v", name, err)
		}
		return dir, string(data)
	}
	objects := func() int {
		list, err := bucket.ListBucket("acme-terrier", nil, gofakes3.ListBucketPage{})
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Contents)
	}
	changed := func(rule int, value string) string {
		t.Helper()
		if len(plan.Rules) != 3 || plan.Rules[rule].Variables["TERRIER_CHANGED_SINCE"] == "" || plan.Rules[2].Variables != nil {
			t.Fatalf("%+v", plan.Rules)
		}
		return "TERRIER_CHANGED_SINCE=" + value
	}
	_, out := job("merge-request", plan, 0, changed(0, before))
	if objects() != 0 || !strings.Contains(out, "live/prod/net") || !strings.Contains(out, "stays here") {
		t.Errorf("%d objects:\n%s", objects(), out)
	}
	secrets := []string{"TERRIER_RUNS_KEY=" + strings.Repeat("k", 40), "TERRIER_AGE_IDENTITY=" + identity.String()}
	if dir, out := job("nothing", plan, 0, append(secrets, changed(1, "HEAD"))...); objects() != 0 {
		t.Errorf("%s: nothing changed, and it made %d objects:\n%s", dir, objects(), out)
	}
	dir, out := job("plan", plan, 0, append(secrets, changed(1, before))...)
	if objects() == 0 || !strings.Contains(out, "1 to add") {
		t.Errorf("%d objects:\n%s", objects(), out)
	}
	if _, err := os.Stat(state); err == nil {
		t.Fatal("it is applied")
	}
	// What GitLab keeps of it.
	for _, glob := range plan.Artifacts.Paths {
		found, err := filepath.Glob(filepath.Join(dir, glob))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v %v", glob, found, err)
		}
		rel, err := filepath.Rel(dir, found[0])
		if err != nil {
			t.Fatal(err)
		}
		write(filepath.Join(top, "artifact", rel), readFile(t, found[0]))
	}
	_, out = job("apply", apply, 0, secrets...)
	if !strings.Contains(out, "Apply  1 applied") {
		t.Error(out)
	}
	if _, err := os.Stat(state); err != nil {
		t.Error(err)
	}
	// Once more is no harm: the bucket tells that it is done.
	if _, out = job("again", apply, 0, secrets...); !strings.Contains(out, "applied already") {
		t.Error(out)
	}
}

// checkWorkflowOfOperate holds GitHub's file against actionlint, and what it
// calls against the flags.
func checkWorkflowOfOperate(t *testing.T, text string) {
	t.Helper()
	if shown := lintWorkflow(t, text); shown != "" {
		t.Error(shown)
	}
	for _, m := range regexp.MustCompile(`uses: (\S+)(.*)`).FindAllStringSubmatch(text, -1) {
		if !regexp.MustCompile(`^(actions|hashicorp|aws-actions)/[\w-]+@[0-9a-f]{40}$`).MatchString(m[1]) || !strings.HasPrefix(m[2], " # v") {
			t.Errorf("%s is not pinned", m[1])
		}
		if setup := readAction(t).Runs.Steps[0]; strings.Contains(m[1], "setup-go") && m[1] != setup.Uses {
			t.Errorf("it uses %s, and the action %s", m[1], setup.Uses)
		}
	}
	var workflow struct {
		Jobs map[string]struct {
			Environment string
			Permissions map[string]string
			Steps       []struct{ Run string }
		}
	}
	parseYAML(t, text, &workflow)
	var words []string
	for name, job := range workflow.Jobs {
		if job.Environment == "" || job.Permissions["id-token"] != "write" {
			t.Errorf("%s: %+v", name, job)
		}
		for _, step := range job.Steps {
			run := runScript(t, githubShell, step.Run, "BEFORE=0123", "RUN=20261124T145953Z-1a2b3c")
			if run.code != 0 || run.outputs != "" {
				t.Errorf("%s: %d %s %s", step.Run, run.code, run.out, run.outputs)
			}
			checkCommands(t, run.commands)
			for _, c := range run.commands {
				if c[0] == "terrier" {
					words = append(words, c[1])
				}
			}
			if !strings.Contains(step.Run, "terrier plan") {
				continue
			}
			script := "mkdir -p .terrier/runs/r1\n" + step.Run
			if run := runScript(t, githubShell, script, "BEFORE=0123", "PLAN=2"); run.code != 0 || run.outputs != "run=r1\n" {
				t.Errorf("with something to apply: %d %q", run.code, run.outputs)
			}
			if run := runScript(t, githubShell, script, "BEFORE=0123", "PLAN=1"); run.code != 1 || run.outputs != "" {
				t.Errorf("an error: %d %q", run.code, run.outputs)
			}
		}
	}
	for _, permission := range []string{"actions", "contents", "deployments", "pull-requests"} { // see live/approval
		if workflow.Jobs["apply"].Permissions[permission] != "read" {
			t.Errorf("apply has no permission %s", permission)
		}
	}
	if len(words) != 2 {
		t.Errorf("it runs %q", words)
	}
}
