package guard

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
)

// Nothing of the user's terraform configuration reaches the tests.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "terrier-guard-test-")
	if err != nil {
		panic(err)
	}
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "TF_") {
			os.Unsetenv(name)
		}
	}
	rc := filepath.Join(dir, "terraform.rc")
	if err := os.WriteFile(rc, nil, 0o600); err != nil {
		panic(err)
	}
	for k, v := range map[string]string{"HOME": dir, "TF_CLI_CONFIG_FILE": rc, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"} {
		os.Setenv(k, v)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// planned is the JSON of what the real terraform plans in a directory that was
// applied before, with one module "m" beside it in each state.
func planned(t *testing.T, before, after, module string, fails bool, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	run := func(fails bool, args ...string) []byte {
		cmd := exec.Command("terraform", args...)
		cmd.Dir = dir
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); (err != nil) != fails {
			t.Fatalf("terraform %s: %v\n%s%s", strings.Join(args, " "), err, out.Bytes(), errs.Bytes())
		}
		return out.Bytes()
	}
	write("main.tf", before)
	write("m/main.tf", module)
	if strings.Contains(before+after, "module \"") {
		run(false, "init", "-no-color")
	}
	run(false, "apply", "-auto-approve", "-no-color")
	write("main.tf", after)
	run(fails, append([]string{"plan", "-no-color", "-out", "p.tfplan"}, args...)...)
	return run(false, "show", "-json", "p.tfplan")
}

func parsed(t *testing.T, planJSON []byte) *tfjson.Plan {
	t.Helper()
	var p tfjson.Plan
	if err := json.Unmarshal(planJSON, &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

// lines is refusals as text.
func lines(found []Refusal) string {
	var b strings.Builder
	for _, r := range found {
		b.WriteString(string(r.Guard) + ": " + r.Reason + "\n")
	}
	return b.String()
}
