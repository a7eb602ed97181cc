package terraform

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// packed is a plan while the others are made: compressed (plans are large and
// repeat themselves), and in memory, since it holds secrets.
type packed []byte

func pack(plan json.RawMessage) packed {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	// Writing to memory does not fail.
	_, _ = w.Write(plan)
	_ = w.Close()
	return buf.Bytes()
}

func (p packed) open() (json.RawMessage, error) {
	r, err := gzip.NewReader(bytes.NewReader(p))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// diffPlans says where two plans differ, as JSON paths, changes of resources
// first. The values of attributes and outputs are given where they are short
// and not sensitive; of all else only the path.
//
// Set aside are: the sources of module calls, which were to change; the order
// of lists that have none (modules, resources, checks); and the plan's own
// timestamp, wherever plantimestamp() put it.
func diffPlans(before, after json.RawMessage) ([]string, error) {
	b, err := normalise(before)
	if err != nil {
		return nil, err
	}
	a, err := normalise(after)
	if err != nil {
		return nil, err
	}
	var d differ
	for _, key := range planKeys(b, a) {
		d.compare([]string{key}, b[key], a[key], has(b, key), has(a, key))
	}
	return d.found, nil
}

// planKeys lists the top-level keys of both plans, those first that say most.
func planKeys(b, a map[string]any) []string {
	set := map[string]bool{}
	for k := range b {
		set[k] = true
	}
	for k := range a {
		set[k] = true
	}
	keys := sorted(set)
	first := []string{"resource_changes", "output_changes", "resource_drift", "planned_values"}
	rank := func(k string) int {
		if i := slices.Index(first, k); i >= 0 {
			return i
		}
		return len(first)
	}
	sort.SliceStable(keys, func(i, j int) bool { return rank(keys[i]) < rank(keys[j]) })
	return keys
}

func has(m map[string]any, key string) bool { _, ok := m[key]; return ok }

// A secret stands for a sensitive value: it can be compared and not read.
type secret [sha256.Size]byte

// normalise decodes a plan into objects that can be compared: lists whose
// elements have an address become objects by address, sensitive values become
// secrets.
func normalise(raw json.RawMessage) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var plan map[string]any
	if err := dec.Decode(&plan); err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	if stamp, ok := plan["timestamp"].(string); ok && stamp != "" {
		delete(plan, "timestamp")
		replaceStrings(plan, stamp, "(the plan's timestamp)")
	}
	for _, key := range []string{"resource_changes", "resource_drift"} {
		for _, c := range objects(plan[key]) {
			maskChange(object(c["change"]))
		}
		plan[key] = byAddress(plan[key])
	}
	for _, c := range objects(plan["deferred_changes"]) {
		maskChange(object(object(c["resource_change"])["change"]))
	}
	for _, c := range object(plan["output_changes"]) {
		maskChange(object(c))
	}
	maskValues(object(plan["planned_values"]))
	maskValues(object(object(plan["prior_state"])["values"]))
	root := object(object(plan["configuration"])["root_module"])
	declared := object(root["variables"])
	for name, v := range object(plan["variables"]) {
		if v := object(v); v != nil && object(declared[name])["sensitive"] == true {
			v["value"] = seal(v["value"])
		}
	}
	plainConfiguration(root)
	for _, key := range []string{"relevant_attributes", "checks"} {
		sortList(plan[key])
	}
	for key, v := range plan {
		if v == nil {
			delete(plan, key) // what byAddress made of a list that was not there
		}
	}
	return plan, nil
}

// maskValues seals the sensitive parts of a state's values, and orders its
// modules.
func maskValues(values map[string]any) {
	for _, o := range object(values["outputs"]) {
		if o := object(o); o != nil && o["sensitive"] == true {
			o["value"] = seal(o["value"])
		}
	}
	plainModule(object(values["root_module"]))
}

func plainModule(m map[string]any) {
	for _, r := range objects(m["resources"]) {
		r["values"] = mask(r["values"], r["sensitive_values"])
	}
	for _, child := range objects(m["child_modules"]) {
		plainModule(child)
	}
	for _, key := range []string{"resources", "child_modules"} {
		if has(m, key) {
			m[key] = byAddress(m[key])
		}
	}
}

// plainConfiguration drops the sources of module calls below a module of the
// configuration, and orders its resources.
func plainConfiguration(m map[string]any) {
	if has(m, "resources") {
		m["resources"] = byAddress(m["resources"])
	}
	for _, v := range object(m["module_calls"]) {
		call := object(v)
		delete(call, "source")
		plainConfiguration(object(call["module"]))
	}
}

func maskChange(c map[string]any) {
	for _, side := range []string{"before", "after"} {
		if has(c, side) {
			c[side] = mask(c[side], c[side+"_sensitive"])
		}
	}
}

// mask seals the parts of v that mark, a value of the same shape with true at
// what is sensitive, names.
func mask(v, mark any) any {
	switch mark := mark.(type) {
	case bool:
		if mark {
			return seal(v)
		}
	case map[string]any:
		if o := object(v); o != nil {
			for key, m := range mark {
				if has(o, key) {
					o[key] = mask(o[key], m)
				}
			}
		}
	case []any:
		if l, ok := v.([]any); ok {
			for i, m := range mark {
				if i < len(l) {
					l[i] = mask(l[i], m)
				}
			}
		}
	}
	return v
}

func seal(v any) any {
	if v == nil {
		return nil
	}
	// What json has decoded it can encode, keys in order.
	data, _ := json.Marshal(v)
	return secret(sha256.Sum256(data))
}

// byAddress makes a list of objects with an address an object. Any other value
// comes back as it is.
func byAddress(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(list))
	for _, e := range list {
		o := object(e)
		address, ok := o["address"].(string)
		if !ok {
			return v
		}
		for _, k := range []string{"deposed", "deposed_key"} {
			if d, ok := o[k].(string); ok {
				address += " (deposed " + d + ")"
			}
		}
		if has(out, address) {
			return v
		}
		out[address] = o
	}
	return out
}

// sortList sorts a list whose order means nothing by its elements' encoding.
func sortList(v any) {
	list, ok := v.([]any)
	if !ok {
		return
	}
	type element struct {
		key string
		v   any
	}
	elements := make([]element, len(list))
	for i, v := range list {
		data, _ := json.Marshal(v)
		elements[i] = element{string(data), v}
	}
	sort.SliceStable(elements, func(i, j int) bool { return elements[i].key < elements[j].key })
	for i, e := range elements {
		list[i] = e.v
	}
}

// replaceStrings replaces old in every string value below v.
func replaceStrings(v any, old, new string) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if s, ok := e.(string); ok {
				v[k] = strings.ReplaceAll(s, old, new)
			} else {
				replaceStrings(e, old, new)
			}
		}
	case []any:
		for i, e := range v {
			if s, ok := e.(string); ok {
				v[i] = strings.ReplaceAll(s, old, new)
			} else {
				replaceStrings(e, old, new)
			}
		}
	}
}

// object is v as an object, nil where it is none.
func object(v any) map[string]any { o, _ := v.(map[string]any); return o }

// objects are the objects in a list.
func objects(v any) []map[string]any {
	list, _ := v.([]any)
	var out []map[string]any
	for _, e := range list {
		if o := object(e); o != nil {
			out = append(out, o)
		}
	}
	return out
}

// A differ collects differences.
type differ struct{ found []string }

func (d *differ) compare(path []string, b, a any, inB, inA bool) {
	switch {
	case !inB:
		d.add(path, "only after")
		return
	case !inA:
		d.add(path, "only before")
		return
	}
	if bo, ao := object(b), object(a); bo != nil && ao != nil {
		keys := map[string]bool{}
		for k := range bo {
			keys[k] = true
		}
		for k := range ao {
			keys[k] = true
		}
		for _, k := range sorted(keys) {
			d.compare(append(slices.Clip(path), k), bo[k], ao[k], has(bo, k), has(ao, k))
		}
		return
	}
	bl, okB := b.([]any)
	al, okA := a.([]any)
	if okB && okA && len(bl) == len(al) {
		for i := range bl {
			d.compare(append(slices.Clip(path), fmt.Sprint(i)), bl[i], al[i], true, true)
		}
		return
	}
	if okB && okA {
		d.add(path, fmt.Sprintf("%d elements before, %d after", len(bl), len(al)))
		return
	}
	if okB || okA || object(b) != nil || object(a) != nil {
		d.add(path, "differs in kind")
		return
	}
	if b == a { // scalars, and secrets
		return
	}
	from, okB := readable(path, b)
	to, okA := readable(path, a)
	if okB && okA {
		d.add(path, from+" before, "+to+" after")
		return
	}
	d.add(path, "differs")
}

func (d *differ) add(path []string, what string) {
	d.found = append(d.found, redact(pathName(path))+": "+what)
}

// readable is a scalar that may be shown. Only changes say of each of their
// values whether it is sensitive.
func readable(path []string, v any) (string, bool) {
	const maxRunes = 80
	shown := len(path) > 3 && (path[0] == "resource_changes" || path[0] == "resource_drift") && path[2] == "change" && (path[3] == "before" || path[3] == "after" || path[3] == "actions") ||
		len(path) > 2 && path[0] == "output_changes" && (path[2] == "before" || path[2] == "after" || path[2] == "actions")
	if _, sealed := v.(secret); sealed || !shown {
		return "", false
	}
	data, err := json.Marshal(v)
	if err != nil {
		return "", false
	}
	s := redact(string(data))
	return s, utf8.RuneCountInString(s) <= maxRunes
}

// pathName writes a path as `a.b[module.x.y].c`: what is no plain name stands
// in brackets.
func pathName(path []string) string {
	var b strings.Builder
	for i, p := range path {
		plain := p != "" && strings.Trim(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") == ""
		switch {
		case !plain:
			b.WriteString("[" + p + "]")
		case i > 0:
			b.WriteString("." + p)
		default:
			b.WriteString(p)
		}
	}
	return b.String()
}
