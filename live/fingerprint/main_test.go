package fingerprint

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
	dir, err := os.MkdirTemp("", "terrier-fingerprint-test-")
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

var key = bytes.Repeat([]byte("k"), MinKey)

// A stack is a directory in which the real terraform runs.
type stack struct {
	t   *testing.T
	dir string
}

func newStack(t *testing.T, files ...string) stack {
	t.Helper()
	s := stack{t, t.TempDir()}
	s.write(files...)
	return s
}

// write takes names and contents in turn.
func (s stack) write(files ...string) {
	s.t.Helper()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(s.dir, files[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o666); err != nil {
			s.t.Fatal(err)
		}
	}
}

// run runs terraform; fails says whether it is to fail.
func (s stack) run(fails bool, args ...string) []byte {
	s.t.Helper()
	cmd := exec.Command("terraform", args...)
	cmd.Dir = s.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); (err != nil) != fails {
		s.t.Fatalf("terraform %s: %v\n%s%s", strings.Join(args, " "), err, out.Bytes(), errs.Bytes())
	}
	return out.Bytes()
}

func (s stack) init()  { s.t.Helper(); s.run(false, "init", "-no-color") }
func (s stack) apply() { s.t.Helper(); s.run(false, "apply", "-auto-approve", "-no-color") }

// depose puts a deposed copy of the first object into the state, as an apply
// leaves it that ends between a create and a destroy.
func (s stack) depose() {
	s.t.Helper()
	name := filepath.Join(s.dir, "terraform.tfstate")
	data, err := os.ReadFile(name)
	if err != nil {
		s.t.Fatal(err)
	}
	v, err := decode(data)
	if err != nil {
		s.t.Fatal(err)
	}
	r := object(array(object(v)["resources"])[0])
	old := map[string]any{"deposed": "0badcafe"}
	for k, v := range object(array(r["instances"])[0]) {
		old[k] = v
	}
	r["instances"] = append(array(r["instances"]), old)
	s.write("terraform.tfstate", string(encode(v)))
}

// A saved plan, in JSON and as a file.
type saved struct{ json, file []byte }

func (s stack) plan(args ...string) saved {
	s.t.Helper()
	return s.planning(false, args...)
}

func (s stack) planning(fails bool, args ...string) saved {
	s.t.Helper()
	s.run(fails, append([]string{"plan", "-no-color", "-out", "p.tfplan"}, args...)...)
	data := s.run(false, "show", "-json", "p.tfplan")
	file, err := os.ReadFile(filepath.Join(s.dir, "p.tfplan"))
	if err != nil {
		s.t.Fatal(err)
	}
	return saved{data, file}
}

func (s stack) document(p saved) *Document {
	s.t.Helper()
	c, err := Configuration(p.file)
	if err != nil {
		s.t.Fatal(err)
	}
	return made(s.t, p.json, Context{Terraform: "terraform 1.11.4", Configuration: c, Files: "none"})
}

func made(t *testing.T, planJSON []byte, c Context) *Document {
	t.Helper()
	d, err := Make(planJSON, c, key)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func parsed(t *testing.T, planJSON []byte) *tfjson.Plan {
	t.Helper()
	var p tfjson.Plan
	if err := json.Unmarshal(planJSON, &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

var plainContext = Context{Terraform: "terraform 1.11.4", Configuration: "sha256:c", Files: "sha256:f"}
