package live

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/terrier-iac/terrier/live/account"
	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/fingerprint"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/store"
	"github.com/terrier-iac/terrier/live/terraform"
)

// An examined is what a saved plan turned out to be.
type examined struct {
	json     []byte
	plan     *tfjson.Plan
	document *fingerprint.Document
	summary  fingerprint.Summary
	lockFile string
	modules  []store.Module
	refusals []guard.Refusal // of guards that the plan alone decides
}

// maxLockFile bounds a provider lock file, in bytes: real ones have some
// kilobytes.
const maxLockFile = 4 << 20

// examine reads the saved plan in file, which is u's as the session planned it:
// what it would do, whether it is for u's state, and which accounts its
// providers reach. show gives its JSON.
func (o *Operation) examine(ctx context.Context, run *store.Run, u *estate.Unit, s *session, file string, show func() ([]byte, error)) (*examined, error) {
	header, err := terraform.ReadPlanFile(file)
	if err != nil {
		return nil, asProblem(err)
	}
	e := &examined{refusals: meant(u, header)}
	if e.json, err = show(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, asProblem(err)
	}
	e.plan = &tfjson.Plan{}
	if err := json.Unmarshal(e.json, e.plan); err != nil {
		return nil, &Problem{Reason: fmt.Sprintf("what terraform shows of the plan cannot be read: %v", err), Hint: "use another terraform with --tf-path"}
	}
	e.summary = fingerprint.Summarize(e.plan)
	e.refusals = append(e.refusals, guard.CheckParsed(e.json, e.plan, s.settings.Rules)...)
	key, err := o.Store.Key(run.ID)
	if err != nil {
		return nil, err
	}
	// From here on it is kept and shown.
	if e.json, err = hidden(e.json, key); err != nil {
		return nil, asProblem(err)
	}
	if e.lockFile, err = lockFileDigest(s.Dir); err != nil {
		return nil, asProblem(err)
	}
	for _, m := range s.prepared.Modules {
		if m.Address != "" {
			e.modules = append(e.modules, store.Module{Source: m.Address, Subdir: m.Subdir, Ref: m.Ref, Commit: m.Commit})
		}
	}
	refusals, err := o.providers(ctx, u, s, e.plan)
	if err != nil {
		return nil, err
	}
	e.refusals = append(e.refusals, refusals...)
	e.document, err = o.document(run, u, s, e, file)
	if err != nil {
		return nil, asProblem(err)
	}
	return e, nil
}

// meant refuses a plan that is for another state than u's: terraform itself
// applies it without a word.
func meant(u *estate.Unit, p *terraform.PlanFile) []guard.Refusal {
	var out []guard.Refusal
	want, got := workspaceName(u.Workspace), workspaceName(p.Backend.Workspace)
	if want != got {
		out = append(out, guard.Refusal{Guard: guard.Workspace, Reason: fmt.Sprintf("the plan is for the workspace %q, and the stack's is %q", got, want), Hint: "plan it anew with `terrier plan --renew`"})
	}
	kind := u.Backend.Type
	if kind == "" {
		kind = "local"
	}
	if kind != p.Backend.Type {
		out = append(out, guard.Refusal{Guard: guard.Backend, Reason: fmt.Sprintf("the plan is for a state in the backend %q, and the stack's is %q", p.Backend.Type, kind), Hint: "plan it anew with `terrier plan --renew`"})
	}
	if len(p.Targets) > 0 || len(p.Replaces) > 0 {
		out = append(out, guard.Refusal{Guard: guard.Incomplete, Reason: "the plan is of a part of the stack (-target), or replaces on demand (-replace)", Hint: "plan it anew with `terrier plan --renew`"})
	}
	return out
}

func workspaceName(name string) string {
	if name == "" {
		return "default"
	}
	return name
}

// providers refuses provider instances that are not in the unit's account.
func (o *Operation) providers(ctx context.Context, u *estate.Unit, s *session, plan *tfjson.Plan) ([]guard.Refusal, error) {
	a := s.settings.Account
	if a == nil || a.ID == "" {
		return nil, nil
	}
	// The installed modules are read from here: links do not lead out of it.
	stack, err := os.OpenRoot(s.Dir)
	if err != nil {
		return nil, asProblem(err)
	}
	defer stack.Close()
	in := account.ProvidersInput{
		Plan: plan, Tree: o.Static, Dir: u.Stack, Stack: stack.FS(), Workspace: u.Workspace, Tofu: o.Terraform.Product == terraform.ProductTofu,
		Process: s.account, Profile: o.Broker.ProfileAccount,
	}
	for _, m := range s.prepared.Modules {
		in.Modules = append(in.Modules, account.Module{Key: m.Key, Dir: m.Dir})
	}
	instances, err := account.Providers(ctx, in)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &Problem{Guard: guard.Account, Reason: fmt.Sprintf("which accounts the providers reach cannot be told: %v", err)}
	}
	var out []guard.Refusal
	for _, r := range account.Judge(*a, s.settings.Pins, instances) {
		out = append(out, guard.Refusal{Guard: guard.Account, Reason: r.Reason, Hint: r.Hint})
	}
	return out, nil
}

// document makes the canonical form of the plan, of which the fingerprint is the
// sum.
func (o *Operation) document(run *store.Run, u *estate.Unit, s *session, e *examined, file string) (*fingerprint.Document, error) {
	saved, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c := fingerprint.Context{
		Terraform: o.Terraform.Product + " " + o.Terraform.Version, Backend: backendDigest(u), Workspace: workspaceName(u.Workspace),
		Account: s.account, LockFile: e.lockFile,
	}
	if c.Configuration, err = fingerprint.Configuration(saved); err != nil {
		return nil, err
	}
	names, err := o.Files(u)
	if err != nil {
		return nil, err
	}
	if c.Files, err = fingerprint.Files(o.FS, names); err != nil {
		return nil, err
	}
	for _, m := range e.modules {
		c.Modules = append(c.Modules, fingerprint.Module(m))
	}
	key, err := o.Store.Key(run.ID)
	if err != nil {
		return nil, err
	}
	return fingerprint.Make(e.json, c, key)
}

// lockFileDigest is the SHA-256 of a stack's provider lock file, "" where there
// is none.
func lockFileDigest(dir string) (string, error) {
	name := filepath.Join(dir, ".terraform.lock.hcl")
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case !info.Mode().IsRegular() || info.Size() > maxLockFile:
		return "", fmt.Errorf("%s is no lock file", path.Join(".", filepath.Base(name)))
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
