package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

const journalName = "progress.jsonl"

// A State is how far the apply of a stack has come.
type State string

const (
	// NotStarted is where there is no step.
	NotStarted State = ""
	// Started is the step before terraform starts. To who asks State, one with
	// nothing after it is StateUnknown.
	Started        State = "started"
	StateApplied   State = "applied"
	StateUnchanged State = "unchanged"
	StateFailed    State = "failed" // terraform said so: how much of it was done is in the state
	// StateRefused: terraform ended before it began, as by a lock or a plan that
	// is stale. Nothing was applied, and the plan is what it was.
	StateRefused State = "refused"
	// StateUnknown: it may have been applied, in part or in whole. Read the
	// state.
	StateUnknown State = "unknown"
)

// A Step is a line of the journal.
type Step struct {
	Stack   string    `json:"stack"` // its Name
	State   State     `json:"state"`
	Time    time.Time `json:"time"` // UTC
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Digest  string    `json:"digest"`          // of the plan
	Attempt int       `json:"attempt"`         // from 1, set by Record
	Error   string    `json:"error,omitempty"` // with no secret in it
}

// A journal is what was read of a file, so that each step is read once.
type journal struct {
	file  fs.FileInfo
	end   int64 // behind the last whole line
	steps []Step
	last  map[string]int // each stack's newest step
}

// Record appends a step to the journal of a run; it is on the disk when Record
// returns. Time and Digest are handed in; Host and PID are set where they are
// zero. Call it with Started before terraform starts, and with what came of it
// afterwards: who was killed between has left StateUnknown.
func (s *Store) Record(run string, step Step) error {
	if !slices.Contains([]State{Started, StateApplied, StateUnchanged, StateFailed, StateRefused, StateUnknown}, step.State) {
		return fmt.Errorf("%q is no state of a stack", step.State)
	}
	if _, err := folder(step.Stack); err != nil {
		return err
	}
	if step.Time.IsZero() {
		return errors.New("a step has no time")
	}
	step.Time = step.Time.UTC().Round(0)
	if step.Host == "" {
		step.Host, _ = os.Hostname() // "" where it has no name
	}
	if step.PID == 0 {
		step.PID = os.Getpid()
	}
	if len(step.Error) > maxLine/4 {
		step.Error = step.Error[:maxLine/4] + " …"
	}
	master, err := s.master(false)
	if err != nil {
		return s.noKey(run, err)
	}
	dir, err := s.run(run)
	if err != nil {
		return err
	}
	defer dir.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.steps(dir, run, master)
	if err != nil {
		return err
	}
	step.Attempt = 0
	if i, ok := j.last[step.Stack]; ok {
		step.Attempt = j.steps[i].Attempt
	}
	if step.State == Started {
		step.Attempt++
	}
	object, err := json.Marshal(step)
	if err != nil {
		return err
	}
	line := sealLine.seal(master, journalName+" "+run, object)
	return s.appendLine(dir, journalName, shownFile(run, journalName), line)
}

// Steps is the journal, in its order. A line that a crash has torn is passed
// over: what was to be recorded had not begun. One that was edited is
// ErrForeign.
func (s *Store) Steps(run string) ([]Step, error) {
	j, err := s.journal(run)
	if err != nil {
		return nil, err
	}
	return slices.Clone(j.steps), nil
}

// State is what is known of a stack: its newest step, with StateUnknown where
// that is Started; the zero Step where there is none. Ask while you hold Lock:
// else an unknown one may be running.
func (s *Store) State(run, stack string) (Step, error) {
	j, err := s.journal(run)
	if err != nil {
		return Step{}, err
	}
	i, ok := j.last[stack]
	if !ok {
		return Step{}, nil
	}
	step := j.steps[i]
	if step.State == Started {
		step.State = StateUnknown
	}
	return step, nil
}

func (s *Store) journal(run string) (journal, error) {
	master, err := s.master(false)
	if err != nil {
		return journal{}, s.noKey(run, err)
	}
	dir, err := s.run(run)
	if err != nil {
		return journal{}, err
	}
	defer dir.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.steps(dir, run, master)
	if err != nil {
		return journal{}, err
	}
	return *j, nil
}

// steps reads what is new in the journal. The caller holds s.mu.
func (s *Store) steps(dir *os.Root, run string, master []byte) (*journal, error) {
	info, err := dir.Lstat(journalName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	j := s.journals[run]
	if j == nil || info == nil || j.file == nil || !os.SameFile(j.file, info) || info.Size() < j.end {
		j = &journal{last: map[string]int{}}
	}
	next := journal{file: info, steps: j.steps, last: j.last}
	before := len(j.steps)
	next.end, err = eachLine(dir, journalName, shownFile(run, journalName), j.end, func(_ int, line []byte) error {
		var step Step
		_, ours := sealLine.check(master, journalName+" "+run, line)
		switch {
		case ours && json.Unmarshal(line, &step) == nil:
			next.steps = append(next.steps, step)
			return nil
		case torn(line):
			return nil
		}
		return &ForeignError{Run: run, Why: fmt.Sprintf("step %d of its %s was edited, or is another run's", len(next.steps)+1, journalName)}
	})
	if err != nil {
		delete(s.journals, run)
		return nil, err
	}
	for i := before; i < len(next.steps); i++ {
		next.last[next.steps[i].Stack] = i
	}
	s.journals[run] = &next
	return &next, nil
}
