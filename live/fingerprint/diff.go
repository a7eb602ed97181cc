package fingerprint

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Bounds of what Diff gives: lines, the last of which says how many are left
// out, characters of a line, and characters of a value.
const (
	MaxLines = 50
	maxLine  = 300
	maxValue = 60
)

// Diff says in lines for people what distinguishes two documents; there is none
// where they are the same, and one at least where they are not. What decides
// most comes first. Lines hold no sensitive value, no value of a variable and no
// literal of the configuration, no credentials of a URL, and no control
// characters.
func Diff(old, new *Document) []string {
	d := &differ{}
	a, b := old.fields, new.fields
	if string(encode(a)) == string(encode(b)) {
		return nil
	}
	if a["key"] != b["key"] {
		d.say("the two were made under different keys: what is sensitive cannot be compared")
		d.keys = true
		d.end()
	}
	d.context(object(a["context"]), object(b["context"]))
	d.end()
	p, q := object(a["plan"]), object(b["plan"])
	d.changes("", p["resource_changes"], q["resource_changes"])
	d.end()
	d.outputs(p["output_changes"], q["output_changes"])
	d.end()
	for _, name := range keys(object(p["variables"]), object(q["variables"])) {
		if d.differ(object(p["variables"])[name], object(q["variables"])[name]) {
			d.say("variable " + name + " differs")
		}
	}
	d.end()
	d.changes("outside of terraform, ", p["resource_drift"], q["resource_drift"])
	d.end()
	d.states("in the state, ", object(object(p["prior_state"])["values"]), object(object(q["prior_state"])["values"]))
	d.end()
	d.states("planned, ", object(p["planned_values"]), object(q["planned_values"]))
	d.end()
	done := []string{"resource_changes", "output_changes", "variables", "resource_drift"}
	for _, k := range keys(p, q) {
		if slices.Contains(done, k) || len(d.lines) > 0 && (k == "planned_values" || k == "prior_state") {
			continue
		}
		d.walk(k+": ", nil, p[k], q[k], has(p, k), has(q, k))
		d.end()
	}
	for _, k := range keys(a, b) {
		if k != "key" && k != "context" && k != "plan" {
			d.walk(k+": ", nil, a[k], b[k], has(a, k), has(b, k))
		}
	}
	d.end()
	if len(d.lines) == 0 {
		d.lines = []string{"they differ in something that cannot be shown"}
	}
	if n := len(d.lines); n > MaxLines {
		d.lines = append(d.lines[:MaxLines-1], fmt.Sprintf("and %d more", n-MaxLines+1))
	}
	return d.lines
}

type differ struct {
	lines []string
	part  []string        // of the section at hand
	said  map[string]bool // addresses of which something was said
	keys  bool            // the keys differ: two sealed values tell nothing
}

func (d *differ) say(line string) { d.part = append(d.part, clean(line, maxLine)) }

// end sorts a section.
func (d *differ) end() {
	slices.Sort(d.part)
	d.lines = append(d.lines, slices.Compact(d.part)...)
	d.part = nil
}

func (d *differ) differ(a, b any) bool {
	if d.keys && isSealed(a) && isSealed(b) {
		return false
	}
	return string(encode(a)) != string(encode(b))
}

func (d *differ) context(a, b map[string]any) {
	for _, k := range keys(a, b) {
		if k == "modules" || !d.differ(a[k], b[k]) {
			continue
		}
		switch k {
		case "terraform", "workspace", "account":
			d.leaf("", k, a[k], b[k], has(a, k), has(b, k))
		case "lock_file":
			d.say("the provider lock file differs")
		case "configuration":
			d.say("the text of the configuration differs")
		case "files":
			d.say("the files that the configuration can read differ")
		default:
			d.say("the " + k + " differs")
		}
	}
	// A module is known by its source and its directory; there may be several of
	// one, at several refs.
	old, new := byName(array(a["modules"]), moduleName), byName(array(b["modules"]), moduleName)
	for _, name := range keys(old, new) {
		if d.differ(old[name], new[name]) {
			d.leaf("", "module "+name, moduleRefs(old[name]), moduleRefs(new[name]), has(old, name), has(new, name))
		}
	}
}

func moduleName(v any) string {
	m := object(v)
	source, _ := m["source"].(string)
	if i := strings.Index(source, " "+sealed); i >= 0 {
		source = source[:i]
	}
	if sub, _ := m["subdir"].(string); sub != "" {
		source += "//" + sub
	}
	return redact(source)
}

func moduleRefs(v any) any {
	if v == nil {
		return nil
	}
	var refs []string
	for _, e := range array(v) {
		m := object(e)
		ref, _ := m["ref"].(string)
		commit, _ := m["commit"].(string)
		refs = append(refs, strings.TrimSpace(ref+" "+commit[:min(len(commit), 12)]))
	}
	return strings.Join(refs, ", ")
}

// byName groups the elements of a list by name.
func byName(l []any, name func(any) string) map[string]any {
	m := map[string]any{}
	for _, e := range l {
		n := name(e)
		m[n] = append(array(m[n]), e)
	}
	return m
}

// verbs say what becomes of an object.
var verbs = map[string]string{
	`["no-op"]`: "left as it is", `["create"]`: "created", `["read"]`: "read", `["update"]`: "changed", `["delete"]`: "destroyed",
	`["delete","create"]`: "replaced", `["create","delete"]`: "replaced, the new one first", `["forget"]`: "forgotten",
	`["create","forget"]`: "created anew and the old one forgotten",
}

func verb(group any) string {
	var all []string
	for _, e := range array(group) {
		actions := string(encode(object(object(e)["change"])["actions"]))
		all = append(all, cmp.Or(verbs[actions], actions))
	}
	if len(all) == 0 {
		return "not in the plan"
	}
	return strings.Join(all, " and ")
}

func (d *differ) changes(prefix string, a, b any) {
	old, new := byName(array(a), addressOf), byName(array(b), addressOf)
	if d.said == nil {
		d.said = map[string]bool{}
	}
	for _, name := range keys(old, new) {
		if !d.differ(old[name], new[name]) {
			continue
		}
		n := len(d.part)
		if was, is := verb(old[name]), verb(new[name]); was != is {
			d.say(fmt.Sprintf("%s%s: was %s, is %s", prefix, name, was, is))
		}
		o, w := array(old[name]), array(new[name])
		if len(o) == 1 && len(w) == 1 {
			d.change(prefix+name+": ", object(o[0]), object(w[0]))
		}
		if len(d.part) == n && !d.keys {
			d.say(prefix + name + " differs")
		}
		d.said[name] = d.said[name] || len(d.part) > n
	}
}

func (d *differ) change(label string, a, b map[string]any) {
	for _, k := range keys(a, b) {
		if k != "change" {
			d.walk(label, []string{k}, a[k], b[k], has(a, k), has(b, k))
		}
	}
	d.values(label, object(a["change"]), object(b["change"]))
}

// values compares what a change is from and to.
func (d *differ) values(label string, a, b map[string]any) {
	for _, k := range keys(a, b) {
		switch k {
		case "actions":
		case "after":
			d.walk(label, nil, a[k], b[k], has(a, k), has(b, k))
		case "before":
			d.walk(label+"now, ", nil, a[k], b[k], has(a, k), has(b, k))
		case "after_unknown":
			d.walk(label+"known after apply, ", nil, a[k], b[k], has(a, k), has(b, k))
		default:
			d.walk(label, []string{k}, a[k], b[k], has(a, k), has(b, k))
		}
	}
}

func (d *differ) outputs(a, b any) {
	old, new := object(a), object(b)
	for _, name := range keys(old, new) {
		if !d.differ(old[name], new[name]) {
			continue
		}
		n := len(d.part)
		wrap := func(v any) any {
			if v == nil {
				return nil
			}
			return []any{map[string]any{"change": v}}
		}
		if was, is := verb(wrap(old[name])), verb(wrap(new[name])); was != is {
			d.say(fmt.Sprintf("output %s: was %s, is %s", name, was, is))
		}
		d.values("output "+name+": ", object(old[name]), object(new[name]))
		if len(d.part) == n && !d.keys {
			d.say("output " + name + " differs")
		}
	}
}

// states compares the resources of which nothing was said: what is planned, and
// the state, follow from their changes.
func (d *differ) states(prefix string, a, b map[string]any) {
	old, new := byAddress(a), byAddress(b)
	for _, name := range keys(old, new) {
		if d.said[name] || !d.differ(old[name], new[name]) {
			continue
		}
		o, w := object(old[name]), object(new[name])
		if o == nil || w == nil {
			d.walk(prefix+name+": ", []string{"type"}, o["type"], w["type"], o != nil, w != nil)
			continue
		}
		for _, k := range keys(o, w) {
			var path []string
			if k != "values" {
				path = []string{k}
			}
			d.walk(prefix+name+": ", path, o[k], w[k], has(o, k), has(w, k))
		}
	}
}

func byAddress(values map[string]any) map[string]any {
	m := map[string]any{}
	eachResource(object(values["root_module"]), func(r map[string]any) { m[addressOf(r)] = r })
	return m
}

// walk goes to the leaves that differ. Lists of things with an address are
// compared by it.
func (d *differ) walk(label string, path []string, a, b any, hasA, hasB bool) {
	if hasA == hasB && !d.differ(a, b) || len(d.part) > 100*MaxLines {
		return
	}
	am, aIsMap := a.(map[string]any)
	bm, bIsMap := b.(map[string]any)
	al, aIsList := a.([]any)
	bl, bIsList := b.([]any)
	switch {
	case aIsMap && bIsMap, aIsMap && !hasB && len(am) > 0, bIsMap && !hasA && len(bm) > 0:
		for _, k := range keys(am, bm) {
			d.walk(label, at(path, k), am[k], bm[k], has(am, k), has(bm, k))
		}
	case aIsList && bIsList && named(al) && named(bl):
		old, new := byName(al, anyAddress), byName(bl, anyAddress)
		for _, k := range keys(old, new) {
			d.walk(label, at(path, k), first(old[k]), first(new[k]), has(old, k), has(new, k))
		}
	case aIsList && bIsList, aIsList && !hasB && len(al) > 0, bIsList && !hasA && len(bl) > 0:
		for i := range max(len(al), len(bl)) {
			var x, y any
			if i < len(al) {
				x = al[i]
			}
			if i < len(bl) {
				y = bl[i]
			}
			d.walk(label, at(path, strconv.Itoa(i)), x, y, i < len(al), i < len(bl))
		}
	default:
		d.leaf(label, dotted(path), a, b, hasA, hasB)
	}
}

func first(v any) any {
	if l := array(v); len(l) > 0 {
		return l[0]
	}
	return nil
}

func anyAddress(v any) string { return cmp.Or(addressOf(v), checkAddress(v), deferredAddress(v)) }

// named says that each element has a name, and one of its own.
func named(l []any) bool {
	seen := map[string]bool{}
	for _, e := range l {
		n := anyAddress(e)
		if n == "" || seen[n] {
			return false
		}
		seen[n] = true
	}
	return true
}

func (d *differ) leaf(label, name string, a, b any, hasA, hasB bool) {
	subject := label + name
	if name == "" {
		subject = strings.TrimSuffix(strings.TrimSuffix(label, ", "), ": ")
	}
	if hides(a) || hides(b) {
		if d.keys && isSealed(a) && isSealed(b) {
			return
		}
		d.say(subject + " differs (not shown)")
		return
	}
	was, is := show(a, hasA), show(b, hasB)
	if was == is {
		d.say(subject + " differs")
		return
	}
	d.say(fmt.Sprintf("%s was %s, is %s", subject, was, is))
}

func isSealed(v any) bool {
	s, ok := v.(string)
	return ok && strings.HasPrefix(s, sealed)
}

// hides says whether something sealed is in a value.
func hides(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			if hides(e) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, hides)
	}
	return isSealed(v)
}

// show gives a value for people.
func show(v any, there bool) string {
	switch v := v.(type) {
	case nil:
		if !there {
			return "not set"
		}
		return "null"
	case string:
		return strconv.Quote(shorten(redact(strings.TrimPrefix(v, plain)), maxValue))
	case json.Number:
		return shorten(v.String(), maxValue)
	case bool:
		return strconv.FormatBool(v)
	}
	return shorten(redact(string(encode(v))), maxValue)
}

func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// clean makes a line of a text that may hold anything.
func clean(s string, n int) string {
	var b strings.Builder
	for _, r := range shorten(s, n) {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

var identifier = regexp.MustCompile(`^[\pL_][\pL\pN_.-]*$`)

func dotted(path []string) string {
	var b strings.Builder
	for _, k := range path {
		k = strings.TrimPrefix(k, plain)
		switch _, err := strconv.ParseUint(k, 10, 32); {
		case err == nil:
			b.WriteString("[" + k + "]")
		case identifier.MatchString(k) || strings.Contains(k, "."):
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(k)
		default:
			b.WriteString("[" + strconv.Quote(k) + "]")
		}
	}
	return b.String()
}

var (
	userinfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/@\s"]+@`)
	inQuery  = regexp.MustCompile(`(?i)((?:[a-z0-9_-]*(?:token|password|passwd|secret|signature)|sshkey|aws_access_key[a-z_]*|access_key[a-z_]*)=)[^&\s"]+`)
)

// redact takes the credentials out of a URL.
func redact(s string) string {
	return inQuery.ReplaceAllString(userinfo.ReplaceAllString(s, "${1}***@"), "${1}***")
}

func has(m map[string]any, k string) bool { _, ok := m[k]; return ok }

// keys are those of both, sorted.
func keys(a, b map[string]any) []string {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return slices.Sorted(maps.Keys(all))
}
