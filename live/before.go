package live

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/store"
	"github.com/terrier-iac/terrier/live/terraform"
)

// before are the guards that need no plan to be read: what the repository, the
// clock, the surroundings and the records say.
func (a *applying) before(u *estate.Unit, st *store.Stack, settings Settings) []guard.Refusal {
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
	return append(out, a.environments(u)...)
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
		out = append(out, guard.Refusal{Guard: guard.Environment, Reason: where + " " + h.Reason, Hint: h.Hint})
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
// something left to apply: in this run, or by the records.
func (a *applying) environments(u *estate.Unit) []guard.Refusal {
	var out []guard.Refusal
	for _, e := range a.Estate.Upstream(u) {
		if e.Kind != "environment" || a.run.Stack(e.From.Name()) != nil {
			continue // what is in the run goes before, or defers it
		}
		stand := a.Stand(e.From)
		switch {
		case stand.Settled == nil:
			out = append(out, guard.Refusal{Guard: guard.Order, Reason: fmt.Sprintf("%s comes after %s, and %s was never applied, as far as the records say", u.Environment, e.From.Environment, e.From.Name())})
		case stand.Pending != nil:
			out = append(out, guard.Refusal{Guard: guard.Order, Reason: fmt.Sprintf("%s comes after %s, and %s has something left to apply (run %s)", u.Environment, e.From.Environment, e.From.Name(), stand.Pending.Run)})
		default:
			continue
		}
		out[len(out)-1].Hint = fmt.Sprintf("terrier plan --env %s, then apply it", e.From.Environment)
		return out
	}
	return out
}

// differs refuses what the manifest says of a plan and what it is now.
func (a *applying) differs(st *store.Stack, s *session, e *examined) []guard.Refusal {
	var out []guard.Refusal
	renew := "`terrier plan --renew " + a.run.ID + "`"
	if st.AccountID != s.account {
		out = append(out, guard.Refusal{Guard: guard.Account, Reason: fmt.Sprintf("the plan was made in account %s, and these credentials are of account %s", orNone(st.AccountID), orNone(s.account)), Hint: renew})
	}
	if st.LockFile != e.lockFile {
		out = append(out, guard.Refusal{Guard: guard.LockFile, Reason: "the provider lock file is not the one of the plan", Hint: "bring .terraform.lock.hcl back, or " + renew})
	}
	if len(out) == 0 && st.Fingerprint != e.document.Sum() {
		out = append(out, guard.Refusal{Guard: guard.Changed, Reason: "what the plan was made of has changed since: the files of the stack, its modules, or what terraform shows of it", Hint: renew})
	}
	return out
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

// TerraformsOwn reports whether a path is of what terraform and terrier write
// beside the configuration: it makes no work tree dirty. A provider lock file is
// not among them; the guard lock looks after it.
func TerraformsOwn(p string) bool {
	for _, part := range strings.Split(path.Dir(filepath.ToSlash(p)), "/") {
		switch part {
		case ".terraform", ".terrier", "terraform.tfstate.d":
			return true
		}
	}
	for _, glob := range []string{".terrier", ".terraform", "*.tfstate", "*.tfstate.backup", "*.tfstate.*.backup", ".*.tfstate.lock.info", "terraform.tfstate.d"} {
		if ok, _ := doublestar.Match(glob, path.Base(filepath.ToSlash(p))); ok {
			return true
		}
	}
	return false
}
