package live

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/terrier-iac/terrier/live/account"
	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/install"
	"github.com/terrier-iac/terrier/live/store"
	"github.com/terrier-iac/terrier/live/terraform"
)

// A purpose is what a unit's terraform runs for: it chooses the roles.
type purpose bool

const (
	toPlan  purpose = false
	toApply purpose = true
)

// A session is a unit's directory, ready for terraform: locked, with its
// credentials checked and its modules in place.
type session struct {
	terraform.Session
	settings Settings
	account  string // the id that the credentials belong to, "" without an account
	prepared *install.Prepared
	// life is what is known of an earlier apply of the stack that nobody watched
	// to its end, nil for none.
	life *terraform.Life
	// again says that an earlier apply of the stack did something, or may have.
	again bool
	// lines is what terraform printed to the last step.
	lines   lines
	closing []func()
	// rest is called when terraform's part of a plan is done, nil for nobody.
	rest func()
}

// close gives back what open took, the last first.
func (s *session) close() {
	for i := len(s.closing) - 1; i >= 0; i-- {
		s.closing[i]()
	}
	s.closing = nil
}

// open makes a unit ready: the lock on its directory, the credentials of its
// account, the identity behind them, and terraform's init. The error is a
// *Problem, but for one that concerns no single unit.
func (o *Operation) open(ctx context.Context, run *store.Run, u *estate.Unit, p purpose) (_ *session, err error) {
	s := &session{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	unlock, err := o.lockStack(ctx, u)
	if err != nil {
		return nil, err
	}
	s.closing = append(s.closing, unlock)
	if s.settings, err = o.Settings(u); err != nil {
		return nil, &Problem{Reason: err.Error()}
	}
	if r := s.settings.Refusals; len(r) > 0 {
		return nil, refused(r[0])
	}
	log, err := o.Store.Log(run.ID, u.Name())
	if err != nil {
		return nil, err
	}
	kept := &bounded{to: log}
	s.closing = append(s.closing, kept.close)
	s.Session = terraform.Session{
		Dir: filepath.Join(o.Root, filepath.FromSlash(u.Stack)), Workspace: u.Workspace, VarFiles: u.VarFiles,
		BackendConfig: u.BackendConfig, Timeout: o.Timeout,
		Line: func(line string) {
			s.lines.add(line)
			kept.add(line)
			o.tell(u.Name(), EventLine, line, "")
		},
	}
	if err := o.credentials(ctx, run, s, p); err != nil {
		return nil, err
	}
	o.tell(u.Name(), EventStep, "init", "")
	if err := o.prepare(ctx, u, s); err != nil {
		return nil, err
	}
	return s, nil
}

// credentials gives the session those of its account, and asks whose they are.
func (o *Operation) credentials(ctx context.Context, run *store.Run, s *session, p purpose) error {
	a := s.settings.Account
	stateRole := s.settings.StatePlanRole
	if p == toApply {
		stateRole = s.settings.StateApplyRole
	}
	name := account.SessionName(run.ID, o.By)
	if a != nil {
		role := a.PlanRole
		if p == toApply {
			role = a.ApplyRole
		}
		c, err := o.Broker.Credentials(ctx, *a, role, name)
		if err != nil {
			return accountProblem(ctx, err)
		}
		id, arn, err := o.Broker.Identity(ctx, c)
		if err == nil {
			err = account.Check(*a, id, arn)
		}
		if err != nil {
			return accountProblem(ctx, err)
		}
		s.account = id
		s.Env, s.Unset = c.Env(), c.Unset()
	}
	if stateRole == "" {
		return nil
	}
	c, err := o.Broker.Credentials(ctx, account.Account{}, stateRole, name)
	if err != nil {
		return accountProblem(ctx, err)
	}
	profile, err := account.NewStateProfile("", c)
	if err != nil {
		return &Problem{Reason: err.Error()}
	}
	s.closing = append(s.closing, func() { _ = profile.Close() })
	s.Env = append(s.Env, profile.Env()...)
	s.BackendConfig = append(append([]string(nil), s.BackendConfig...), profile.BackendConfig()...)
	return nil
}

// accountProblem tells what the guard of accounts refuses from what failed.
func accountProblem(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p := asProblem(err)
	var wrong *account.WrongAccount
	var role *account.RoleRefused
	if errors.As(err, &wrong) || errors.As(err, &role) {
		p.Guard = guard.Account
	}
	return p
}

// prepare puts the modules in their place and runs init where it has to.
func (o *Operation) prepare(ctx context.Context, u *estate.Unit, s *session) error {
	prepared, err := o.Installer.Prepare(ctx, install.Input{
		Root: o.Root, Stack: u.Stack, Workspace: u.Workspace, BackendConfig: s.BackendConfig, Backend: backendDigest(u),
		Init: func(ctx context.Context, i install.InitOptions) error {
			init := s.Session
			init.Env = append(append([]string(nil), s.Env...), i.Env...)
			init.Unset = append(append([]string(nil), s.Unset...), i.Unset...)
			return o.Terraform.Init(ctx, init, terraform.InitOptions{Reconfigure: i.Reconfigure, ReadonlyLock: i.ReadonlyLock, Get: i.Get})
		},
	})
	if err != nil {
		return prepareProblem(ctx, err)
	}
	s.prepared = prepared
	s.closing = append(s.closing, prepared.Release)
	for _, note := range prepared.Notes {
		o.tell(u.Name(), EventLine, note, "")
	}
	return nil
}

func prepareProblem(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p := asProblem(err)
	var moved *install.LockMismatch
	var missing *install.NotLocked
	if errors.As(err, &moved) || errors.As(err, &missing) {
		p.Guard = guard.LockFile
	}
	return p
}
