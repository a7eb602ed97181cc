package live

import (
	"context"
	"fmt"
	"strings"

	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/store"
	"github.com/terrier-iac/terrier/live/terraform"
)

// before are the guards that need no plan to be read: what the repository, the
// clock, the surroundings and the records say.
func (a *applying) before(ctx context.Context, u *estate.Unit, st *store.Stack, settings Settings) ([]guard.Refusal, error) {
	rules := settings.Rules
	out := append([]guard.Refusal(nil), settings.Refusals...)
	out = append(out, Surroundings(a.Environ, a.Estate)...)
	if v := a.Terraform.Product + " " + a.Terraform.Version; v != a.run.Terraform {
		out = append(out, guard.Refusal{Guard: guard.Version, Reason: fmt.Sprintf("the plan was made by %s, and this is %s", a.run.Terraform, v), Hint: "name that one with --tf-path, or `terrier plan --renew " + a.run.ID + "`"})
	}
	renew := "`terrier plan --renew " + a.run.ID + "`"
	if a.Tree.Commit != a.run.Commit {
		out = append(out, guard.Refusal{Guard: guard.Stale, Reason: fmt.Sprintf("the run was planned at commit %s, and %s is checked out", short(a.run.Commit), short(a.Tree.Commit)), Hint: "check that commit out, or " + renew})
	}
	for _, d := range []struct {
		when  string
		paths []string
	}{{"when it was planned, the work tree had changes", a.run.Dirty}, {"the work tree has changes", a.Tree.Dirty}} {
		if len(d.paths) > 0 {
			out = append(out, guard.Refusal{Guard: guard.Dirty, Reason: fmt.Sprintf("%s: %s", d.when, some(d.paths)), Hint: "commit them, then " + renew})
			break
		}
	}
	if len(rules.Branches) > 0 && !onBranch(rules, a.Tree.Branches) {
		out = append(out, guard.Refusal{Guard: guard.Branch, Reason: fmt.Sprintf("commit %s is not on %s", short(a.Tree.Commit), strings.Join(rules.Branches, ", or on ")), Hint: "merge it, fetch, and plan there"})
	}
	if r := guard.Frozen(a.Now(), rules.Freeze); r != nil {
		out = append(out, *r)
	}
	if st.Backend != backendDigest(u) && st.Digest != "" {
		out = append(out, guard.Refusal{Guard: guard.Backend, Reason: "the plan was made for a state in another place", Hint: renew})
	}
	if st.Workspace != workspaceName(u.Workspace) && st.Digest != "" {
		out = append(out, guard.Refusal{Guard: guard.Workspace, Reason: fmt.Sprintf("the plan was made for the workspace %q, and the stack's is %q", st.Workspace, workspaceName(u.Workspace)), Hint: renew})
	}
	order, err := a.environments(ctx, u)
	return append(out, order...), err
}

// Surroundings refuses what would change a plan or an apply behind our back.
func Surroundings(environ []string, e *estate.Estate) []guard.Refusal {
	var workspaces []string
	for _, u := range e.Units {
		if u.Workspace != "" {
			workspaces = append(workspaces, u.Workspace)
		}
	}
	var out []guard.Refusal
	for _, h := range terraform.Hazards(environ, workspaces...) {
		where := h.Name
		if h.File != "" {
			where = h.File + ": " + h.Name
		}
		out = append(out, guard.Refusal{Guard: guard.Environment, Reason: where + ": " + h.Reason, Hint: h.Hint})
	}
	return out
}

// onBranch reports whether one of the branches that a commit is on is allowed.
func onBranch(rules guard.Rules, branches []string) bool {
	for _, b := range branches {
		if guard.OnBranch(b, rules) == nil {
			return true
		}
	}
	return false
}

// environments refuses a unit of an environment whose predecessors have
// something left to apply: in this run, by the records, or by what has changed in
// them since they were applied.
func (a *applying) environments(ctx context.Context, u *estate.Unit) ([]guard.Refusal, error) {
	for _, e := range a.Estate.Upstream(u) {
		if e.Kind != "environment" || a.run.Stack(e.From.Name()) != nil {
			continue // what is in the run goes before, or defers it
		}
		why := ""
		switch stand := a.Stand(e.From); {
		case e.From.Terragrunt: // nobody here applies it, and no record tells
		case stand.Settled == nil:
			why = "was never applied, as far as the records say"
		case stand.Pending != nil:
			why = fmt.Sprintf("has something left to apply (run %s)", stand.Pending.Run)
		case a.Behind != nil:
			behind, err := a.Behind(ctx, e.From, stand.Settled.Commit)
			if err != nil {
				return nil, err
			}
			if behind != "" {
				why = "has changed since it was applied: " + behind
			}
		}
		if why != "" {
			return []guard.Refusal{{
				Guard: guard.Order, Reason: fmt.Sprintf("%s comes after %s, and %s %s", u.Environment, e.From.Environment, e.From.Name(), why),
				Hint: fmt.Sprintf("terrier plan --env %s, then apply it", e.From.Environment),
			}}, nil
		}
	}
	return nil, nil
}

// differs refuses what the manifest says of a plan, whose private copy is file,
// and what it is now.
func (a *applying) differs(u *estate.Unit, st *store.Stack, s *session, e *examined, file string) ([]guard.Refusal, error) {
	var out []guard.Refusal
	renew := "`terrier plan --renew " + a.run.ID + "`"
	if st.AccountID != s.account {
		out = append(out, guard.Refusal{Guard: guard.Account, Reason: fmt.Sprintf("the plan was made in account %s, and these credentials are of account %s", orNone(st.AccountID), orNone(s.account)), Hint: renew})
	}
	document := e.document
	if st.LockFile != e.lockFile {
		out = append(out, guard.Refusal{Guard: guard.LockFile, Reason: "the provider lock file is not the one of the plan", Hint: "bring .terraform.lock.hcl back, or " + renew})
		// Who passes that guard passes no other with it.
		same := *e
		same.lockFile = st.LockFile
		var err error
		if document, err = a.document(a.run, u, s, &same, file); err != nil {
			return nil, asProblem(err)
		}
	}
	if st.AccountID == s.account && st.Fingerprint != document.Sum() {
		out = append(out, guard.Refusal{Guard: guard.Changed, Reason: "what the plan was made of has changed since: the files of the stack, its modules, or what terraform shows of it", Hint: renew})
	}
	return out, nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// short is a commit for people.
func short(commit string) string {
	if commit == "" {
		return "none"
	}
	return commit[:min(len(commit), 12)]
}

// some names the first of many paths.
func some(paths []string) string {
	const most = 3
	if len(paths) <= most {
		return strings.Join(paths, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(paths[:most], ", "), len(paths)-most)
}
