package guard

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/terrier-iac/terrier/live/fingerprint"
)

// maxNamed bounds how many objects a refusal names.
const maxNamed = 20

// CheckJSON is Check on the JSON of a plan (`terraform show -json`). It refuses
// beside what Check does a plan in which planning failed, or that terraform says
// cannot be applied: tfjson.Plan does not hold that. It is what an apply should
// ask.
func CheckJSON(planJSON []byte, r Rules) []Refusal {
	var p tfjson.Plan
	// The error of a decoder can hold a value.
	if err := json.Unmarshal(planJSON, &p); err != nil {
		return []Refusal{unreadable}
	}
	return CheckParsed(planJSON, &p, r)
}

var unreadable = Refusal{Incomplete, "the JSON of the plan cannot be read", "plan again; a newer terraform may need a newer terrier"}

// CheckParsed is CheckJSON where p is what planJSON was read into.
func CheckParsed(planJSON []byte, p *tfjson.Plan, r Rules) []Refusal {
	if p == nil {
		return Check(p, r)
	}
	// Each is the negation of what a whole plan says, so that a field of another
	// type is an error and none that terraform left out is.
	var whole struct {
		Errored       bool              `json:"errored"`
		Applyable     *bool             `json:"applyable"`
		DeferredCalls []json.RawMessage `json:"deferred_action_invocations"`
	}
	if err := json.Unmarshal(planJSON, &whole); err != nil {
		return []Refusal{unreadable}
	}
	var found []Refusal
	switch {
	case whole.Errored:
		found = append(found, Refusal{Incomplete, "planning failed before its end, and a part was saved", "see the errors of the plan, and plan again"})
	case whole.Applyable != nil && !*whole.Applyable && changes(p):
		found = append(found, Refusal{Incomplete, "terraform says that this plan cannot be applied", "plan again"})
	}
	if n := len(whole.DeferredCalls); n > 0 {
		found = append(found, Refusal{Incomplete, fmt.Sprintf("terraform put off %d actions: what they do is not known yet", n), "apply in rounds: first what they wait for"})
	}
	return sorted(append(found, Check(p, r)...))
}

// Check refuses a plan that deletes, replaces or forgets what is protected, that
// does so with more objects than it may, or that is not whole: changes that
// terraform put off or left out, and actions that are not known here. Refusals
// are sorted by guard and reason.
func Check(p *tfjson.Plan, r Rules) []Refusal {
	if p == nil {
		return []Refusal{{Incomplete, "there is no plan", "plan again"}}
	}
	var found []Refusal
	found = append(found, whole(p)...)
	patterns := make([]Pattern, 0, len(r.Protect))
	for _, text := range r.Protect {
		pattern, err := ParsePattern(text)
		if err != nil {
			// The configuration has refused it before. Without it nothing is protected.
			found = append(found, Refusal{Protect, "the pattern " + clean(text) + " cannot be read, so what it protects is not known", "correct it in terrier.hcl"})
			continue
		}
		patterns = append(patterns, pattern)
	}
	lost := map[fingerprint.Effect]int{}
	var protected []string
	for _, rc := range p.ResourceChanges {
		if rc == nil || rc.Change == nil || rc.Mode == tfjson.DataResourceMode {
			continue
		}
		effect := fingerprint.EffectOf(rc.Change.Actions)
		if !loses(effect) {
			continue
		}
		lost[effect]++
		for _, pattern := range patterns {
			as, is, err := matchChange(pattern, rc)
			if err != nil {
				found = append(found, Refusal{Incomplete, "an address of the plan cannot be read, so whether it is protected is not known: " + clean(cmp.Or(rc.Address, "none")), "plan again with this version of terrier"})
				break
			}
			if is {
				protected = append(protected, describe(rc, effect, as)+" (protect "+clean(pattern.String())+")")
				break
			}
		}
	}
	if len(protected) > 0 {
		slices.Sort(protected)
		protected = slices.Compact(protected)
		found = append(found, Refusal{Protect, list(protected), "keep it, or change protect on the base branch first"})
	}
	if n := lost[fingerprint.EffectDestroy] + lost[fingerprint.EffectReplace] + lost[fingerprint.EffectForget]; r.MaxDestroy != nil && n > *r.MaxDestroy {
		found = append(found, Refusal{MaxDestroy, fmt.Sprintf("%d objects would be lost (%d destroyed, %d replaced, %d forgotten), at most %d may be",
			n, lost[fingerprint.EffectDestroy], lost[fingerprint.EffectReplace], lost[fingerprint.EffectForget], max(*r.MaxDestroy, 0)),
			"apply in smaller steps, or change max_destroy on the base branch first"})
	}
	return sorted(found)
}

func sorted(found []Refusal) []Refusal {
	slices.SortFunc(found, func(a, b Refusal) int {
		return cmp.Or(cmp.Compare(a.Guard, b.Guard), cmp.Compare(a.Reason, b.Reason))
	})
	return slices.Compact(found)
}

// loses says whether an object is no longer what the state has it to be. A
// forgotten one lives on with nobody to look after it.
func loses(e fingerprint.Effect) bool {
	return e == fingerprint.EffectDestroy || e == fingerprint.EffectReplace || e == fingerprint.EffectForget
}

// whole refuses what would make the other guards blind.
func whole(p *tfjson.Plan) []Refusal {
	var found []Refusal
	if len(p.DeferredChanges) > 0 {
		var names []string
		for _, d := range p.DeferredChanges {
			if d != nil && d.ResourceChange != nil {
				names = append(names, clean(d.ResourceChange.Address))
			}
		}
		slices.Sort(names)
		found = append(found, Refusal{Incomplete, fmt.Sprintf("terraform put off %d changes, so what they do is not known: %s", len(p.DeferredChanges), list(names)), "apply what they wait for in a plan of its own"})
	} else if p.Complete != nil && !*p.Complete {
		found = append(found, Refusal{Incomplete, "the plan leaves a part of the configuration out", "plan without -target, also in TF_CLI_ARGS and TF_CLI_ARGS_plan"})
	}
	var unknown []string
	for _, rc := range p.ResourceChanges {
		switch {
		case rc == nil:
			unknown = append(unknown, "a change of nothing")
		case rc.Change == nil:
			unknown = append(unknown, clean(cmp.Or(rc.Address, "a change without an address"))+": no change")
		case fingerprint.EffectOf(rc.Change.Actions) == fingerprint.EffectUnknown:
			unknown = append(unknown, clean(rc.Address)+": "+clean(fmt.Sprint(rc.Change.Actions)))
		case rc.Mode != tfjson.ManagedResourceMode && rc.Mode != tfjson.DataResourceMode:
			unknown = append(unknown, clean(rc.Address)+": mode "+clean(string(rc.Mode)))
		case rc.Mode == tfjson.DataResourceMode && loses(fingerprint.EffectOf(rc.Change.Actions)):
			unknown = append(unknown, clean(rc.Address)+": "+clean(fmt.Sprint(rc.Change.Actions))+" of a data source")
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		found = append(found, Refusal{Incomplete, "the plan holds what this version of terrier does not know: " + list(unknown), "a newer terraform may need a newer terrier"})
	}
	return found
}

// matchChange says under which of its names a change is the pattern's. They are
// its address, the one that it had before a `moved`, and for its type alone also
// the type that the plan says.
func matchChange(p Pattern, rc *tfjson.ResourceChange) (as string, is bool, err error) {
	for _, text := range []string{rc.Address, rc.PreviousAddress} {
		if text == "" && rc.Address != "" {
			continue // was not moved
		}
		a, err := parseAddress(text)
		if err != nil {
			return "", false, err
		}
		if p.match(a) {
			return text, true, nil
		}
	}
	if p.name == nil && p.typ == rc.Type {
		return rc.Address, true, nil
	}
	return "", false, nil
}

func describe(rc *tfjson.ResourceChange, e fingerprint.Effect, as string) string {
	s := clean(rc.Address)
	if rc.DeposedKey != "" {
		s += " (deposed " + clean(rc.DeposedKey) + ")"
	}
	if as != rc.Address {
		s += ", before " + clean(as) + ","
	}
	switch e {
	case fingerprint.EffectReplace:
		return s + " would be replaced"
	case fingerprint.EffectForget:
		return s + " would be forgotten"
	}
	return s + " would be destroyed"
}

func list(names []string) string {
	if len(names) > maxNamed {
		return strings.Join(names[:maxNamed], "; ") + fmt.Sprintf("; and %d more", len(names)-maxNamed)
	}
	return strings.Join(names, "; ")
}

// changes says whether a plan has something to apply.
func changes(p *tfjson.Plan) bool {
	s := fingerprint.Summarize(p)
	return s.Add+s.Change+s.Replace+s.Destroy+s.Forget+s.Moved+s.Import+s.Outputs+s.Unknown > 0
}
