package terraform

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	tfjson "github.com/hashicorp/terraform-json"
)

// Plan runs init, plan and show in dir, and returns the plan as `terraform
// show -json` gives it: every field, also those that terraform-json does not
// know, sensitive values in clear text. The state is read and not locked,
// nothing is applied, and the saved plan is deleted. It runs the code that is
// in dir: providers, data sources and external programs.
func (t *Terraform) Plan(ctx context.Context, dir string) (json.RawMessage, error) {
	// Not below dir, where fileset would see it. The directory is 0700: a
	// saved plan holds secrets.
	tmp, err := os.MkdirTemp("", "terrier-plan-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	file := filepath.Join(tmp, "plan.tfplan")

	if err := t.init(ctx, dir); err != nil {
		return nil, err
	}
	if _, err := t.run(ctx, dir, "plan", "-input=false", "-no-color", "-lock=false", "-out="+file); err != nil {
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
func (t *Terraform) init(ctx context.Context, dir string) error {
	t.initMu.Lock()
	defer t.initMu.Unlock()
	_, err := t.run(ctx, dir, "init", "-input=false", "-no-color")
	return err
}
