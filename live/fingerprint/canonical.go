package fingerprint

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
)

// Volatile is the closed list of what is in a plan's JSON and not in its
// document: JSON pointers. README.md gives the reason of each.
var Volatile = []string{"/timestamp"}

// canonical makes the canonical form of a plan: a copy without what is
// volatile, lists in order where terraform has none, sealed where something is
// or may be sensitive. The names of fields that are known decide what is shown;
// a field that is not known is sealed whole, so it counts and shows nothing.
func canonical(plan map[string]any, key []byte) map[string]any {
	s := &sealer{key: key, secrets: newSecrets()}
	p := &planForm{sealer: s, marks: map[string]*marks{}, outputs: map[string]bool{}}
	p.gather(plan)
	out := map[string]any{}
	for k, v := range plan {
		path := []string{k}
		if slices.Contains(Volatile, "/"+k) {
			continue
		}
		switch k {
		case "format_version", "terraform_version", "applyable", "complete", "errored":
			out[k] = p.scalar(path, v)
		case "resource_changes", "resource_drift":
			out[k] = p.list(path, v, p.resourceChange, addressOf)
		case "deferred_changes":
			out[k] = p.list(path, v, p.deferred, deferredAddress)
		case "output_changes":
			out[k] = p.object(path, v, p.outputChange)
		case "planned_values":
			out[k] = p.values(path, v)
		case "prior_state":
			out[k] = p.state(path, v)
		case "variables":
			// Terraform does not say which are ephemeral, and lists them.
			out[k] = p.object(path, v, p.sealedValue)
		case "configuration":
			out[k] = p.configuration(path, "", v)
		case "relevant_attributes":
			out[k] = p.list(path, v, p.relevant, none)
		case "checks":
			out[k] = p.list(path, v, p.check, checkAddress)
		default:
			out[k] = p.seal(path, v)
		}
	}
	return out
}

// planForm knows the fields of a plan's JSON
// (developer.hashicorp.com/terraform/internals/json-format).
type planForm struct {
	*sealer
	marks   map[string]*marks // by address, from all that is said of it
	outputs map[string]bool   // those of the root that anything says are sensitive
}

// A field makes the canonical form of one value.
type field func(path []string, v any) any

func (p *planForm) sealedValue(path []string, v any) any { return p.seal(path, v) }

// scalar shows a text, a number or a boolean, and seals what should be one and
// is not.
func (p *planForm) scalar(path []string, v any) any {
	switch t := v.(type) {
	case string:
		return text(t)
	case map[string]any, []any:
		return p.seal(path, v)
	}
	return v
}

// object gives each element of an object its form.
func (p *planForm) object(path []string, v any, each field) any {
	m, ok := v.(map[string]any)
	if !ok {
		return p.seal(path, v)
	}
	c := make(map[string]any, len(m))
	for k, e := range m {
		c[text(k)] = each(at(path, k), e)
	}
	return c
}

// fields gives the fields of an object their forms, and seals the others.
func (p *planForm) fields(path []string, v any, known map[string]field) any {
	return p.objectOf(path, v, func(k string) field { return known[k] })
}

func (p *planForm) objectOf(path []string, v any, of func(key string) field) any {
	m, ok := v.(map[string]any)
	if !ok {
		return p.seal(path, v)
	}
	c := make(map[string]any, len(m))
	for k, e := range m {
		f := of(k)
		if f == nil {
			f = p.sealedValue
		}
		c[text(k)] = f(at(path, k), e)
	}
	return c
}

// list is one that has no order: its elements are sorted by name, and then by
// their form. An element's place in the path is its name, so that what is
// sealed in it depends on no order either.
func (p *planForm) list(path []string, v any, each field, name func(any) string) any {
	l, ok := v.([]any)
	if !ok {
		return p.seal(path, v)
	}
	type element struct {
		name string
		form any
	}
	es := make([]element, len(l))
	for i, e := range l {
		n := name(e)
		es[i] = element{n, each(at(path, n), e)}
	}
	slices.SortFunc(es, func(a, b element) int {
		if c := cmp.Compare(a.name, b.name); c != 0 {
			return c
		}
		return bytes.Compare(encode(a.form), encode(b.form))
	})
	c := make([]any, len(es))
	for i, e := range es {
		c[i] = e.form
	}
	return c
}

func none(any) string { return "" }

// addressOf names a resource in a list: by its address, and the key of a
// deposed object, which has the address of the current one.
func addressOf(v any) string {
	m, _ := v.(map[string]any)
	a, _ := m["address"].(string)
	for _, k := range []string{"deposed", "deposed_key"} {
		if d, _ := m[k].(string); d != "" {
			a += " (deposed " + d + ")"
		}
	}
	return a
}

func deferredAddress(v any) string {
	m, _ := v.(map[string]any)
	return addressOf(m["resource_change"])
}

func checkAddress(v any) string {
	m, _ := v.(map[string]any)
	a, _ := m["address"].(map[string]any)
	t, _ := a["to_display"].(string)
	return t
}

func (p *planForm) resourceChange(path []string, v any) any {
	m, _ := v.(map[string]any)
	address, _ := m["address"].(string)
	sensitive := p.marks[address]
	if sensitive == nil {
		sensitive = &marks{all: true}
	}
	return p.fields(path, v, map[string]field{
		"address": p.scalar, "previous_address": p.scalar, "module_address": p.scalar, "mode": p.scalar,
		"type": p.scalar, "name": p.scalar, "index": p.scalar, "provider_name": p.scalar,
		"deposed": p.scalar, "action_reason": p.scalar,
		"change": func(path []string, v any) any { return p.change(path, v, sensitive) },
	})
}

func (p *planForm) outputChange(path []string, v any) any {
	return p.change(path, v, &marks{all: p.outputs[path[len(path)-1]]})
}

func (p *planForm) change(path []string, v any, sensitive *marks) any {
	value := func(path []string, v any) any { return p.value(path, v, sensitive) }
	open := func(path []string, v any) any { return p.value(path, v, nil) }
	return p.fields(path, v, map[string]field{
		"actions": open, "before": value, "after": value,
		"after_unknown":    func(path []string, v any) any { return p.unknowns(path, v, sensitive) },
		"before_sensitive": p.markers, "after_sensitive": p.markers,
		"replace_paths": func(path []string, v any) any {
			return p.list(path, v, func(path []string, v any) any { return p.keyPath(path, v, sensitive) }, none)
		},
		"before_identity": open, "after_identity": open,
		"importing": func(path []string, v any) any {
			return p.fields(path, v, map[string]field{"id": open, "identity": open, "unknown": p.scalar})
		},
	})
}

func (p *planForm) deferred(path []string, v any) any {
	return p.fields(path, v, map[string]field{"reason": p.scalar, "resource_change": p.resourceChange})
}

func (p *planForm) state(path []string, v any) any {
	return p.fields(path, v, map[string]field{
		"format_version": p.scalar, "terraform_version": p.scalar, "values": p.values,
		"checks": func(path []string, v any) any { return p.list(path, v, p.check, checkAddress) },
	})
}

func (p *planForm) values(path []string, v any) any {
	return p.fields(path, v, map[string]field{
		"outputs":     func(path []string, v any) any { return p.object(path, v, p.output) },
		"root_module": p.module,
	})
}

func (p *planForm) output(path []string, v any) any {
	m := &marks{all: p.outputs[path[len(path)-1]]}
	f := func(path []string, v any) any { return p.value(path, v, m) }
	return p.fields(path, v, map[string]field{"sensitive": p.scalar, "value": f, "type": f})
}

func (p *planForm) module(path []string, v any) any {
	return p.fields(path, v, map[string]field{
		"address":       p.scalar,
		"resources":     func(path []string, v any) any { return p.list(path, v, p.resource, addressOf) },
		"child_modules": func(path []string, v any) any { return p.list(path, v, p.module, addressOf) },
	})
}

func (p *planForm) resource(path []string, v any) any {
	m, _ := v.(map[string]any)
	address, _ := m["address"].(string)
	sensitive := p.marks[address]
	if sensitive == nil {
		sensitive = &marks{all: true}
	}
	return p.fields(path, v, map[string]field{
		"address": p.scalar, "mode": p.scalar, "type": p.scalar, "name": p.scalar, "index": p.scalar,
		"provider_name": p.scalar, "schema_version": p.scalar, "tainted": p.scalar, "deposed_key": p.scalar,
		"depends_on":       func(path []string, v any) any { return p.list(path, v, p.scalar, none) },
		"values":           func(path []string, v any) any { return p.value(path, v, sensitive) },
		"sensitive_values": p.markers,
	})
}

// shown are the fields of the configuration that name things. All else in it is
// sealed: a literal there has no mark, whatever it is the argument of, and a
// default or a source can hold a token.
var shown = map[string]bool{
	"address": true, "mode": true, "type": true, "name": true, "full_name": true,
	"module_address": true, "alias": true, "provider_config_key": true,
}

func (p *planForm) configuration(path []string, key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if key == "constant_value" || key == "default" || key == "source" {
			return p.seal(path, v)
		}
		c := make(map[string]any, len(v))
		for k, e := range v {
			c[text(k)] = p.configuration(at(path, k), k, e)
		}
		return c
	case []any:
		each := func(path []string, e any) any { return p.configuration(path, "", e) }
		switch key {
		case "constant_value", "default", "source", "references":
			return p.seal(path, v)
		case "resources":
			return p.list(path, v, each, addressOf)
		case "depends_on":
			return p.list(path, v, each, none)
		}
		// Provisioners run in their order, and blocks have one.
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = each(at(path, strconv.Itoa(i)), e)
		}
		return c
	case string:
		if shown[key] {
			return text(v)
		}
	}
	return p.seal(path, v)
}

// relevant is an attribute that a change comes from. Its path can go into a
// value of any resource.
func (p *planForm) relevant(path []string, v any) any {
	return p.fields(path, v, map[string]field{"resource": p.scalar})
}

// check is the result of a check block, a precondition or a postcondition. Its
// messages are made of values.
func (p *planForm) check(path []string, v any) any {
	address := func(path []string, v any) any {
		return p.objectOf(path, v, func(string) field { return p.scalar })
	}
	problem := func(path []string, v any) any { return p.fields(path, v, nil) }
	instance := func(path []string, v any) any {
		return p.fields(path, v, map[string]field{
			"address": address, "status": p.scalar,
			"problems": func(path []string, v any) any { return p.list(path, v, problem, none) },
		})
	}
	return p.fields(path, v, map[string]field{
		"address": address, "status": p.scalar,
		"instances": func(path []string, v any) any { return p.list(path, v, instance, checkAddress) },
	})
}
