package store

import (
	"time"
)

// FormatVersion is that of the manifests that Create and Save write. What has
// the same number before the dot can be read.
const FormatVersion = "1.0"

// A Run is what run.json holds: what was planned, of what, where and by whom.
type Run struct {
	FormatVersion string    `json:"format_version"`       // set by Create and Save
	ID            string    `json:"run"`                  // set by Create: 20261124T145953Z-1a2b3c
	Time          time.Time `json:"time"`                 // when it began, UTC; set by Create
	Commit        string    `json:"commit"`               // of the repository, 40 or 64 hexadecimal digits
	Branch        string    `json:"branch"`               // "" for a detached head
	Base          string    `json:"base"`                 // the commit whose configuration guards, "" for the work tree's
	Dirty         []string  `json:"dirty"`                // paths that differ from the commit, sorted
	By            string    `json:"by"`                   // who, as the forge or git names them
	RenewedBy     []string  `json:"renewed_by,omitempty"` // who else planned it anew since, sorted
	Host          string    `json:"host"`
	Terraform     string    `json:"terraform"`      // its version
	TerraformPath string    `json:"terraform_path"` // the binary that ran
	Drift         bool      `json:"drift"`          // refresh-only: there is nothing to apply
	CI            *CI       `json:"ci,omitempty"`   // nil outside of CI
	Stacks        []*Stack  `json:"stacks"`         // by Name, each once; Save sorts them
	KeyID         string    `json:"key_id"`         // names the key of the seal, and tells nothing of it; set by Create and Save
}

// Stack is the stack of that name, nil for none.
func (r *Run) Stack(name string) *Stack {
	for _, s := range r.Stacks {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// A CI is the job that a run was made in, as the forge's environment has it.
type CI struct {
	Forge    string `json:"forge"`    // "gitlab", "github"
	Project  string `json:"project"`  // group/project, owner/name
	Pipeline string `json:"pipeline"` // id, of GitHub the run's
	Job      string `json:"job"`      // id
	URL      string `json:"url"`      // of the job, for people
	UserID   string `json:"user_id"`  // who started it, as the forge counts
	User     string `json:"user"`
}

// A Status is what became of a stack's plan. What became of its apply is in the
// journal.
type Status string

const (
	Changes   Status = "changes"   // there is a plan that has something to apply
	Unchanged Status = "unchanged" // there is a plan, and nothing to apply
	Deferred  Status = "deferred"  // no plan yet: it waits for what it comes after, or for its workspace
	Failed    Status = "failed"    // Error says why: no plan
	Refused   Status = "refused"   // Refusals say why: no plan that could be applied
	Pending   Status = "pending"   // not planned yet, so for ever in a run that was killed
)

// A Stack is a stack in an environment, in a run.
type Stack struct {
	Name        string   `json:"name"` // estate.Unit.Name: the folder's name, see Store.Dir
	Path        string   `json:"path"` // its directory from the repository's root, with slashes
	Environment string   `json:"environment"`
	Account     string   `json:"account"`    // its name in terrier.hcl
	AccountID   string   `json:"account_id"` // what GetCallerIdentity gave
	Workspace   string   `json:"workspace"`
	Backend     string   `json:"backend"` // SHA-256 of the backend's identity, hexadecimal; "" where it is not known
	Status      Status   `json:"status"`
	Digest      string   `json:"digest"`      // SHA-256 of plan.tfplan, hexadecimal; "" for no plan
	Fingerprint string   `json:"fingerprint"` // fingerprint.Document.Sum, "" for no plan
	Summary     Summary  `json:"summary"`
	LockFile    string   `json:"lock_file"` // SHA-256 of .terraform.lock.hcl, "" for none
	Modules     []Module `json:"modules"`
	Upstream    []string `json:"upstream"` // Names of the stacks that it comes directly after, sorted
	// Error is why it failed, with no secret in it. It may have several lines.
	Error    string    `json:"error,omitempty"`
	Refusals []Refusal `json:"refusals,omitempty"`
	Round    int       `json:"round"` // of apply, in which it was planned: 0 for plan's own
}

// Summary has the fields of fingerprint.Summary, which converts to it.
type Summary struct {
	Add     int `json:"add"`
	Change  int `json:"change"`
	Replace int `json:"replace"`
	Destroy int `json:"destroy"`
	Forget  int `json:"forget"`
	Moved   int `json:"moved"`
	Import  int `json:"import"`
	Drift   int `json:"drift"`
	Outputs int `json:"outputs"`
}

// A Module is a module from elsewhere that the plan was made with.
type Module struct {
	Source string `json:"source"` // its address without subdirectory, ref and credentials
	Subdir string `json:"subdir"`
	Ref    string `json:"ref"`
	Commit string `json:"commit"`
}

// A Refusal has the fields of guard.Refusal.
type Refusal struct {
	Guard  string `json:"guard"`
	Reason string `json:"reason"`
	Hint   string `json:"hint"`
}
