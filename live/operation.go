// Package live plans and applies: the units of an estate in their order, each
// with real terraform, in its account, under its guards, and from saved plans
// alone.
//
// It decides what comes next and what is refused. How terraform runs, whose the
// credentials are, what a plan would do and where a run is kept, the packages
// below it know.
package live

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/terrier-iac/terrier/live/account"
	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/install"
	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/live/static"
	"github.com/terrier-iac/terrier/live/store"
	"github.com/terrier-iac/terrier/live/terraform"
)

// An Operation is what plans and applies are made with. Its methods are called
// one at a time.
type Operation struct {
	Root      string // of the repository, absolute: stacks are below it
	Home      string // the directory of terrier.hcl, absolute: .terrier is in it
	Estate    *estate.Estate
	Tree      Tree // as it is when the operation begins
	Terraform *terraform.Terraform
	Installer *install.Installer
	Broker    *account.Broker
	Store     *store.Store
	// Settings are what the configuration that guards says of a unit.
	Settings func(u *estate.Unit) (Settings, error)
	// Files are the files that a unit is made of, beside the modules from
	// elsewhere: names in FS, sorted.
	Files func(u *estate.Unit) ([]string, error)
	// Behind says what has changed in a unit since a commit at which it was
	// applied, as far as that can be told; "" for nothing. Nil where there is no
	// history.
	Behind func(ctx context.Context, u *estate.Unit, commit string) (string, error)
	FS     fs.FS        // of Root
	Static *static.Tree // of the configuration in it
	// Approved refuses a plan that has not the approvals which its environment
	// asks for; nil where it has them.
	Approved func(ctx context.Context, run *store.Run, s *store.Stack, r guard.Rules) (*guard.Refusal, error)
	// Records are those of earlier runs; Record adds some.
	Records []runs.Record
	Record  func(ctx context.Context, records ...runs.Record) error
	Jobs    int           // how many stacks at a time
	Timeout time.Duration // of one terraform process, 0 for none
	By      string        // who
	Now     func() time.Time
	Environ []string    // the user's environment
	Tell    func(Event) // one call at a time; nil for nobody

	telling sync.Mutex
	saving  sync.Mutex // of the manifest and the records
	naming  sync.Once
	byName  map[string]*estate.Unit
	byUnit  map[[2]string][]runs.Record
	batch   *batch // while units are planned
}

// A Tree is the repository's work tree.
type Tree struct {
	Commit string // 40 hexadecimal digits, "" outside of git
	Branch string // "" for none
	// Branches are those that the commit is on: of the remote, where there is
	// one, since what only this clone has nobody has reviewed.
	Branches []string
	// Dirty are the paths that differ from the commit, sorted, without those
	// that terraform and terrier write.
	Dirty []string
}

// Settings are what the configuration says of a unit.
type Settings struct {
	Rules   guard.Rules
	Account *account.Account // nil without one
	// Pins are account ids of provider instances that the files do not tell.
	Pins map[string]string
	// StatePlanRole and StateApplyRole are roles for the state alone, "" for
	// none.
	StatePlanRole, StateApplyRole string
	// Refusals are what the branch at hand may not have done to its
	// configuration.
	Refusals []guard.Refusal
}

// An Event is something that happens to a unit.
type Event struct {
	Unit   string // its name
	Kind   EventKind
	Text   string // of a line, or of a result
	Status string // of the end
}

// An EventKind is what happens.
type EventKind int

// The kinds of events.
const (
	EventStart EventKind = iota // a unit's turn begins; Text says what for
	EventStep                   // a step of it begins: "init", "plan", "apply"
	EventLine                   // terraform printed a line
	EventEnd                    // its turn has ended
)

func (o *Operation) tell(u string, kind EventKind, text, status string) {
	if o.Tell == nil {
		return
	}
	o.telling.Lock()
	defer o.telling.Unlock()
	o.Tell(Event{Unit: u, Kind: kind, Text: text, Status: status})
}

// A Problem is why a unit's turn came to nothing: a guard that refuses or, with
// no guard, something that failed.
type Problem struct {
	Guard        guard.Name
	Reason, Hint string
	// Unknown says that something may have been applied.
	Unknown bool
	// Untouched says that terraform ended before it applied anything.
	Untouched bool
}

func (p *Problem) Error() string {
	if p.Hint == "" {
		return p.Reason
	}
	return p.Reason + "\nhint: " + p.Hint
}

// unit is the estate's of that name, nil for none.
func (o *Operation) unit(name string) *estate.Unit {
	o.naming.Do(func() {
		o.byName = make(map[string]*estate.Unit, len(o.Estate.Units))
		for _, u := range o.Estate.Units {
			o.byName[u.Name()] = u
		}
	})
	return o.byName[name]
}

// backendDigest names the place of a unit's state without telling it: the
// identity may hold credentials. It is "" where the place is not known.
func backendDigest(u *estate.Unit) string {
	if u.Backend.Identity == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(u.Backend.Identity))
	return hex.EncodeToString(sum[:])
}

// lockStack takes a stack's directory from other terriers, and waits for them.
func (o *Operation) lockStack(ctx context.Context, u *estate.Unit) (unlock func(), err error) {
	for told := false; ; {
		unlock, err := o.Store.LockStack(u.Stack)
		if err == nil || !errors.Is(err, store.ErrLocked) {
			return unlock, err
		}
		if !told {
			o.tell(u.Name(), EventStep, "waiting for another terrier", "")
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
