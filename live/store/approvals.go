package store

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
)

const approvalsName = "approvals.jsonl"

// An Approval says that somebody approved a stack's plan.
type Approval struct {
	Run         string    `json:"run"`
	Stack       string    `json:"stack"` // its Name
	Environment string    `json:"environment"`
	Digest      string    `json:"digest"`
	Fingerprint string    `json:"fingerprint"`
	By          string    `json:"by"`
	Time        time.Time `json:"time"` // UTC, whole seconds
}

// Approve records that by approves the plan of a stack as it is in r, the
// manifest that was loaded and shown. The same again is no second approval.
func (s *Store) Approve(r *Run, stack, by string, now time.Time) error {
	st := r.Stack(stack)
	by = strings.TrimSpace(by)
	switch {
	case st == nil:
		return fmt.Errorf("run %s has no stack %q", r.ID, stack)
	case r.Drift:
		return fmt.Errorf("run %s only looks for drift: there is nothing to approve\nhint: plan without --drift", r.ID)
	case st.Digest == "" || st.Fingerprint == "":
		return fmt.Errorf("%s has no plan in run %s (%s), so there is nothing to approve", stack, r.ID, st.Status)
	case by == "" || strings.ContainsFunc(by, func(c rune) bool { return isControl(c) || !unicode.IsPrint(c) }):
		return fmt.Errorf("%q is nobody's name: an approval says who gave it", by)
	}
	had, err := s.Approvals(r, stack)
	if err != nil {
		return err
	}
	for _, a := range had {
		if person(a.By) == person(by) && a.Digest == st.Digest {
			return nil
		}
	}
	master, err := s.master(false)
	if err != nil {
		return s.noKey(r.ID, err)
	}
	object, err := json.Marshal(Approval{
		Run: r.ID, Stack: stack, Environment: st.Environment, Digest: st.Digest, Fingerprint: st.Fingerprint,
		By: by, Time: now.UTC().Truncate(time.Second),
	})
	if err != nil {
		return err
	}
	dir, err := s.run(r.ID)
	if err != nil {
		return err
	}
	defer dir.Close()
	line := sealLine.seal(master, approvalsName+" "+r.ID, object)
	return s.appendLine(dir, approvalsName, shownFile(r.ID, approvalsName), line)
}

// Approvals are those that count for the plan that the stack has in r, each
// person's first, by By. One counts where its run, stack, environment and
// fingerprint are those of the manifest: a plan that was made anew keeps it
// exactly where the fingerprint is equal.
func (s *Store) Approvals(r *Run, stack string) ([]Approval, error) {
	st := r.Stack(stack)
	if st == nil {
		return nil, fmt.Errorf("run %s has no stack %q", r.ID, stack)
	}
	all, _, err := s.AllApprovals(r.ID)
	if err != nil || st.Fingerprint == "" || st.Digest == "" {
		return nil, err
	}
	return counting(all, r.ID, st), nil
}

func counting(all []Approval, run string, st *Stack) []Approval {
	var out []Approval
	seen := map[string]bool{}
	for _, a := range all {
		if a.Run != run || a.Stack != st.Name || a.Environment != st.Environment || a.Fingerprint != st.Fingerprint || st.Fingerprint == "" {
			continue
		}
		if who := person(a.By); who != "" && !seen[who] {
			seen[who] = true
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b Approval) int { return cmp.Compare(a.By, b.By) })
	return out
}

// AllApprovals are all of a run, in their order; damaged are the lines, from 1,
// that no key of ours has sealed. They count for nothing.
func (s *Store) AllApprovals(run string) (approvals []Approval, damaged []int, err error) {
	dir, err := s.run(run)
	if err != nil {
		return nil, nil, err
	}
	defer dir.Close()
	return s.approvals(dir, run)
}

func (s *Store) approvals(dir *os.Root, run string) (approvals []Approval, damaged []int, err error) {
	master, err := s.master(false)
	if err != nil {
		return nil, nil, s.noKey(run, err)
	}
	_, err = eachLine(dir, approvalsName, shownFile(run, approvalsName), 0, func(n int, line []byte) error {
		var a Approval
		_, ours := sealLine.check(master, approvalsName+" "+run, line)
		if ours {
			ours = json.Unmarshal(line, &a) == nil
		}
		if ours {
			approvals = append(approvals, a)
		} else if len(line) > 0 {
			damaged = append(damaged, n)
		}
		return nil
	})
	return approvals, damaged, err
}

// person is a name as it is compared: Ada and ada are one.
func person(by string) string {
	return strings.Map(func(c rune) rune {
		least := c
		for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, strings.TrimSpace(by))
}
