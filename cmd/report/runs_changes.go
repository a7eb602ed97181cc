package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/mattn/go-runewidth"
)

// A PlannedChange is what a plan does to a resource, or to an output.
type PlannedChange struct {
	Address         string             `json:"address"` // of an output "output.NAME"
	PreviousAddress string             `json:"previous_address,omitempty"`
	Actions         []string           `json:"actions"` // as terraform has them
	Importing       bool               `json:"importing,omitempty"`
	Attributes      []PlannedAttribute `json:"attributes"` // that differ, by name
}

// A PlannedAttribute is an attribute before and after. What is sensitive, and
// what is not known yet, is said in words in the place of the value.
type PlannedAttribute struct {
	Name   string `json:"name"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

const (
	sensitiveValue = "(sensitive value)" // as terraform has it
	unknownValue   = "(known after apply)"
)

// plannedChanges are the changes of a plan, by address, those of outputs last.
func plannedChanges(planJSON []byte) ([]PlannedChange, error) {
	plan := &tfjson.Plan{}
	plan.UseJSONNumber(true)
	if err := json.Unmarshal(planJSON, plan); err != nil {
		return nil, err
	}
	out := []PlannedChange{}
	hidden := secretsOf(plan)
	for _, r := range plan.ResourceChanges {
		if r == nil || r.Change == nil || r.Mode == tfjson.DataResourceMode {
			continue
		}
		c := plannedChange(r.Address, r.Change)
		c.PreviousAddress = r.PreviousAddress
		if r.DeposedKey != "" {
			c.Address += " (deposed " + r.DeposedKey + ")"
		}
		if r.Change.Actions.NoOp() && c.PreviousAddress == "" && !c.Importing {
			continue
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b PlannedChange) int { return strings.Compare(a.Address, b.Address) })
	for _, name := range slices.Sorted(maps.Keys(plan.OutputChanges)) {
		if change := plan.OutputChanges[name]; change != nil && !change.Actions.NoOp() {
			out = append(out, plannedChange("output."+name, change))
		}
	}
	for i := range out {
		for j := range out[i].Attributes {
			a := &out[i].Attributes[j]
			a.Before, a.After = plainCredentials(hidden.mask(a.Before)), plainCredentials(hidden.mask(a.After))
		}
	}
	return out, nil
}

// planSecrets are the texts that a plan marks as sensitive somewhere. Providers
// copy what they are given into attributes that have no mark: terraform_data's
// output is one.
type planSecrets map[string]bool

// minSecret is how long a text has to be to be looked for elsewhere: "true"
// and "10" stand everywhere.
const minSecret = 5

func secretsOf(plan *tfjson.Plan) planSecrets {
	s := planSecrets{}
	collect := func(c *tfjson.Change) {
		if c != nil {
			s.collect(c.Before, c.BeforeSensitive)
			s.collect(c.After, c.AfterSensitive)
		}
	}
	for _, r := range slices.Concat(plan.ResourceChanges, plan.ResourceDrift) {
		if r != nil {
			collect(r.Change)
		}
	}
	for _, c := range plan.OutputChanges {
		collect(c)
	}
	return s
}

func (s planSecrets) collect(value, mark any) {
	if !anyMarked(mark) {
		return
	}
	switch v := value.(type) {
	case string:
		if len(v) >= minSecret {
			s[v] = true
		}
	case json.Number:
		if len(v) >= minSecret {
			s[v.String()] = true
		}
	case map[string]any:
		for name, inner := range v {
			s.collect(inner, part(mark, name))
		}
	case []any:
		for i, inner := range v {
			var m any = true
			if list, ok := mark.([]any); ok {
				if m = nil; i < len(list) {
					m = list[i]
				}
			}
			s.collect(inner, m)
		}
	}
}

// mask takes out the texts that hold a secret.
func (s planSecrets) mask(value any) any {
	switch v := value.(type) {
	case string:
		if s.in(v) {
			return sensitiveValue
		}
	case json.Number:
		if s.in(v.String()) {
			return sensitiveValue
		}
	case map[string]any:
		out := map[string]any{}
		for name, inner := range v {
			if s.in(name) {
				name = sensitiveValue
			}
			out[name] = s.mask(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = s.mask(inner)
		}
		return out
	}
	return value
}

func (s planSecrets) in(text string) bool {
	for secret := range s {
		if strings.Contains(text, secret) {
			return true
		}
	}
	return false
}

func plannedChange(address string, c *tfjson.Change) PlannedChange {
	out := PlannedChange{Address: address, Actions: []string{}, Importing: c.Importing != nil, Attributes: []PlannedAttribute{}}
	for _, a := range c.Actions {
		out.Actions = append(out.Actions, string(a))
	}
	before, isMap := c.Before.(map[string]any)
	after, afterMap := c.After.(map[string]any)
	if !(isMap || c.Before == nil) || !(afterMap || c.After == nil) || c.Before == nil && c.After == nil {
		// An output that is no object.
		out.add("", c.Before, c.After, c.AfterUnknown, c.BeforeSensitive, c.AfterSensitive)
		return out
	}
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	if unknown, ok := c.AfterUnknown.(map[string]any); ok {
		for name := range unknown {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		out.add(name, before[name], after[name], part(c.AfterUnknown, name), part(c.BeforeSensitive, name), part(c.AfterSensitive, name))
	}
	return out
}

// add adds an attribute that differs. What is sensitive on one side is on both,
// as terraform has it.
func (c *PlannedChange) add(name string, before, after, unknown, beforeSensitive, afterSensitive any) {
	if !anyMarked(unknown) && same(before, after) {
		return
	}
	for _, side := range []*any{&before, &after} {
		*side = masked(masked(*side, beforeSensitive), afterSensitive)
	}
	if anyMarked(unknown) {
		after = withUnknown(after, unknown)
		if anyMarked(beforeSensitive) || anyMarked(afterSensitive) {
			after = sensitiveValue
		}
	}
	c.Attributes = append(c.Attributes, PlannedAttribute{name, before, after})
}

func same(a, b any) bool {
	x, err := json.Marshal(a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(b)
	return err == nil && bytes.Equal(x, y)
}

// part is what a mark says of an attribute: one of a whole says it of each.
func part(mark any, name string) any {
	switch m := mark.(type) {
	case map[string]any:
		return m[name]
	case bool:
		return m
	case nil:
		return nil
	}
	return true // it has a shape that nobody knows
}

// anyMarked reports whether anything below a mark is marked.
func anyMarked(mark any) bool {
	switch m := mark.(type) {
	case nil:
		return false
	case bool:
		return m
	case map[string]any:
		for _, v := range m {
			if anyMarked(v) {
				return true
			}
		}
		return false
	case []any:
		return slices.ContainsFunc(m, anyMarked)
	}
	return true
}

// masked takes out what is marked as sensitive. Where the mark does not have
// the value's shape, all of it goes.
func masked(value, mark any) any {
	if !anyMarked(mark) || value == nil {
		return value
	}
	switch m := mark.(type) {
	case map[string]any:
		if v, ok := value.(map[string]any); ok {
			out := map[string]any{}
			for name := range v {
				out[name] = masked(v[name], m[name])
			}
			return out
		}
	case []any:
		if v, ok := value.([]any); ok && len(m) >= len(v) {
			out := make([]any, len(v))
			for i := range v {
				out[i] = masked(v[i], m[i])
			}
			return out
		}
	}
	return sensitiveValue
}

// withUnknown says in words what is not known yet.
func withUnknown(value, mark any) any {
	switch m := mark.(type) {
	case bool:
		if m {
			return unknownValue
		}
	case map[string]any:
		v, _ := value.(map[string]any)
		if v == nil && value != nil {
			return value
		}
		out := maps.Clone(v)
		if out == nil {
			out = map[string]any{}
		}
		for name, inner := range m {
			if anyMarked(inner) {
				out[name] = withUnknown(out[name], inner)
			}
		}
		return out
	case []any:
		v, _ := value.([]any)
		if v == nil && value != nil {
			return value
		}
		out := slices.Clone(v)
		for i, inner := range m {
			if i == len(out) {
				out = append(out, nil)
			}
			if anyMarked(inner) {
				out[i] = withUnknown(out[i], inner)
			}
		}
		return out
	}
	return value
}

// plainCredentials masks the credentials of URLs in texts.
func plainCredentials(value any) any {
	switch v := value.(type) {
	case string:
		return mask(v)
	case map[string]any:
		out := map[string]any{}
		for name, inner := range v {
			out[mask(name)] = plainCredentials(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = plainCredentials(inner)
		}
		return out
	}
	return value
}

func changeText(p *printer, st Style, c PlannedChange) {
	mark, paint := actionMark(c.Actions, st)
	line := paint(fmt.Sprintf("%3s", mark)) + " " + oneLine(c.Address)
	if c.PreviousAddress != "" {
		line += " (was " + oneLine(c.PreviousAddress) + ")"
	}
	if c.Importing {
		line += " (import)"
	}
	p.f("%s\n", line)
	creates := slices.Equal(c.Actions, []string{"create"})
	deletes := slices.Equal(c.Actions, []string{"delete"}) || slices.Equal(c.Actions, []string{"forget"})
	if creates && !st.Verbose && !strings.HasPrefix(c.Address, "output.") || deletes {
		return
	}
	for _, a := range c.Attributes {
		text := valueText(a.Before) + " -> " + valueText(a.After)
		if creates {
			text = valueText(a.After)
		}
		if a.Name != "" {
			text = oneLine(a.Name) + ": " + text
		}
		p.f("      %s\n", text)
	}
}

// actionMark is terraform's sign for what is done.
func actionMark(actions []string, st Style) (string, func(string) string) {
	switch strings.Join(actions, " ") {
	case "create":
		return "+", st.green
	case "update":
		return "~", st.yellow
	case "delete":
		return "-", st.red
	case "delete create":
		return "-/+", st.red
	case "create delete":
		return "+/-", st.red
	case "forget":
		return ".", st.red
	case "no-op":
		return " ", st.faint
	case "read":
		return "<=", st.faint
	}
	return "?", st.red
}

func valueText(v any) string {
	if text, ok := v.(string); ok && (text == sensitiveValue || text == unknownValue) {
		return text
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "?"
	}
	return runewidth.Truncate(oneLine(strings.TrimSpace(b.String())), 60, "…")
}
