package fingerprint

import (
	"reflect"
	"slices"

	tfjson "github.com/hashicorp/terraform-json"
)

// A Summary counts what a plan would do. A replace is in Replace alone. Reads
// of data sources count nowhere.
type Summary struct {
	Add      int      `json:"add"`
	Change   int      `json:"change"`
	Replace  int      `json:"replace"` // in either order
	Destroy  int      `json:"destroy"` // deposed objects too
	Forget   int      `json:"forget"`  // leaves the state and stays in the account, also where a new one is created in its place
	Moved    int      `json:"moved"`   // in addition to what else is done with it
	Import   int      `json:"import"`  // in addition to what else is done with it
	Drift    int      `json:"drift"`   // objects that are not as the state has them: what a refresh-only plan would take over
	Outputs  int      `json:"outputs"`
	Deferred int      `json:"deferred,omitempty"` // changes that terraform put off: they are in none of the above
	Later    []string `json:"later,omitempty"`    // their addresses, sorted
	Unknown  int      `json:"unknown,omitempty"`  // objects with an action that this version does not know
}

// An Effect is what a plan does with one object.
type Effect string

// The effects. EffectUnknown is for actions that this version does not know: they may
// be the worst.
const (
	EffectNone    Effect = "none"
	EffectRead    Effect = "read"
	EffectAdd     Effect = "add"
	EffectChange  Effect = "change"
	EffectReplace Effect = "replace"
	EffectDestroy Effect = "destroy"
	EffectForget  Effect = "forget"
	EffectUnknown Effect = "unknown"
)

// EffectOf reads the actions of a change: the lists that terraform and tofu
// write (internal/command/jsonplan, actionString), and no other.
func EffectOf(actions tfjson.Actions) Effect {
	switch {
	case actions.NoOp():
		return EffectNone
	case actions.Read():
		return EffectRead
	case actions.Create():
		return EffectAdd
	case actions.Update():
		return EffectChange
	case actions.Replace():
		return EffectReplace
	case actions.Delete():
		return EffectDestroy
	case actions.Forget(), slices.Equal(actions, tfjson.Actions{tfjson.ActionCreate, tfjson.ActionForget}):
		return EffectForget
	}
	return EffectUnknown
}

// Summarize counts. A nil plan does nothing.
func Summarize(p *tfjson.Plan) Summary {
	var s Summary
	if p == nil {
		return s
	}
	moved := map[string]bool{}
	for _, rc := range p.ResourceChanges {
		if rc == nil || rc.Change == nil {
			s.Unknown++
			continue
		}
		if rc.PreviousAddress != "" && rc.PreviousAddress != rc.Address {
			moved[rc.Address] = true
		}
		if rc.Change.Importing != nil {
			s.Import++
		}
		switch EffectOf(rc.Change.Actions) {
		case EffectAdd:
			s.Add++
		case EffectChange:
			s.Change++
		case EffectReplace:
			s.Replace++
		case EffectDestroy:
			s.Destroy++
		case EffectForget:
			s.Forget++
		case EffectUnknown:
			s.Unknown++
		}
	}
	for _, rc := range p.ResourceDrift {
		if rc == nil || rc.Change == nil {
			continue
		}
		// A refresh-only plan lists here what was only moved, and has no changes.
		if rc.PreviousAddress != "" && rc.PreviousAddress != rc.Address {
			moved[rc.Address] = true
		}
		if !reflect.DeepEqual(rc.Change.Before, rc.Change.After) {
			s.Drift++
		}
	}
	s.Moved = len(moved)
	for _, c := range p.OutputChanges {
		if c == nil || EffectOf(c.Actions) != EffectNone {
			s.Outputs++
		}
	}
	for _, d := range p.DeferredChanges {
		s.Deferred++
		if d != nil && d.ResourceChange != nil {
			s.Later = append(s.Later, d.ResourceChange.Address)
		}
	}
	slices.Sort(s.Later)
	return s
}
