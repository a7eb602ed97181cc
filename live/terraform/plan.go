package terraform

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	tfjson "github.com/hashicorp/terraform-json"
)

// Options are what a stack is planned with, beside its own files: where one
// code serves several environments.
type Options struct {
	Workspace     string   // "" leaves it to the environment and to .terraform
	VarFiles      []string // relative to the stack's directory, or absolute
	BackendConfig []string // files, as VarFiles, or KEY=VALUE
}

// Plan runs init, plan and show in dir, and returns the plan as `terraform
// show -json` gives it: every field, also those that terraform-json does not
// know, sensitive values in clear text. The state is read and not locked,
// nothing is applied, and the saved plan is deleted. It runs the code that is
// in dir: providers, data sources and external programs.
func (t *Terraform) Plan(ctx context.Context, dir string, o Options) (json.RawMessage, error) {
	// Not below dir, where fileset would see it. The directory is 0700: a
	// saved plan holds secrets.
	tmp, err := os.MkdirTemp("", "terrier-plan-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	file := filepath.Join(tmp, "plan.tfplan")

	if err := t.init(ctx, dir, o); err != nil {
		return nil, err
	}
	args := []string{"plan", "-input=false", "-no-color", "-lock=false", "-out=" + file}
	for _, f := range o.VarFiles {
		args = append(args, "-var-file="+f)
	}
	if _, err := t.runIn(ctx, dir, o.Workspace, args...); err != nil {
		return nil, err
	}
	out, err := t.run(ctx, dir, "show", "-json", "-no-color", file)
	if err != nil {
		return nil, err
	}
	var plan tfjson.Plan
	if err := json.Unmarshal(out, &plan); err != nil {
		return nil, fmt.Errorf("terraform show in %s: this is not a plan: %w", dir, err)
	}
	return json.RawMessage(out), nil
}

// init is `terraform init`, one at a time.
func (t *Terraform) init(ctx context.Context, dir string, o Options) error {
	t.initMu.Lock()
	defer t.initMu.Unlock()
	args := []string{"init", "-input=false", "-no-color"}
	for _, b := range o.BackendConfig {
		args = append(args, "-backend-config="+b)
	}
	_, err := t.runIn(ctx, dir, o.Workspace, args...)
	return err
}
