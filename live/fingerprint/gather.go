package fingerprint

// gather collects what is sensitive before anything is copied. One resource is
// spoken of in several places, each with marks of its own, and a value that has
// only now become sensitive has none where it stands as before.
func (p *planForm) gather(plan map[string]any) {
	config := object(object(plan["configuration"])["root_module"])
	for name, o := range object(config["outputs"]) {
		p.sensitiveOutput(name, object(o)["sensitive"], true)
	}
	for name, c := range object(plan["output_changes"]) {
		change := object(c)
		p.outputs[name] = p.outputs[name] || readMarks(change["before_sensitive"]).any() || readMarks(change["after_sensitive"]).any()
	}
	states := []map[string]any{object(plan["planned_values"]), object(object(plan["prior_state"])["values"])}
	for _, values := range states {
		for name, o := range object(values["outputs"]) {
			p.sensitiveOutput(name, object(o)["sensitive"], false)
		}
		eachResource(object(values["root_module"]), func(r map[string]any) {
			p.mark(r["address"], readMarks(r["sensitive_values"]))
		})
	}
	changes := resourceChanges(plan)
	for _, rc := range changes {
		change := object(rc["change"])
		p.mark(rc["address"], union(readMarks(change["before_sensitive"]), readMarks(change["after_sensitive"])))
	}
	for _, rc := range changes {
		if old, _ := rc["previous_address"].(string); old != "" {
			address, _ := rc["address"].(string)
			both := union(p.marks[address], p.marks[old])
			p.marks[address], p.marks[old] = both, both
		}
	}

	// Now the texts.
	for _, rc := range changes {
		address, _ := rc["address"].(string)
		change := object(rc["change"])
		p.secrets.marked(change["before"], p.marks[address])
		p.secrets.marked(change["after"], p.marks[address])
	}
	for name, c := range object(plan["output_changes"]) {
		if p.outputs[name] {
			p.secrets.add(object(c)["before"])
			p.secrets.add(object(c)["after"])
		}
	}
	for _, values := range states {
		for name, o := range object(values["outputs"]) {
			if p.outputs[name] {
				p.secrets.add(object(o)["value"])
			}
		}
		eachResource(object(values["root_module"]), func(r map[string]any) {
			address, _ := r["address"].(string)
			p.secrets.marked(r["values"], p.marks[address])
		})
	}
	values := object(plan["variables"])
	for name, v := range object(config["variables"]) {
		if v := object(v); v["sensitive"] == true || v["ephemeral"] == true {
			p.secrets.add(object(values[name])["value"])
		}
	}
	p.gatherModule(config, 0)
}

// gatherModule takes the defaults of a module's sensitive variables, and the
// literals that calls give them.
func (p *planForm) gatherModule(m map[string]any, depth int) {
	if depth > maxDepth {
		return
	}
	for _, v := range object(m["variables"]) {
		if v := object(v); v["sensitive"] == true || v["ephemeral"] == true {
			p.secrets.add(v["default"])
		}
	}
	for _, c := range object(m["module_calls"]) {
		call := object(c)
		module := object(call["module"])
		for name, v := range object(module["variables"]) {
			if v := object(v); v["sensitive"] == true || v["ephemeral"] == true {
				p.secrets.add(object(object(call["expressions"])[name])["constant_value"])
			}
		}
		p.gatherModule(module, depth+1)
	}
}

// sensitiveOutput takes what is said of an output. The configuration leaves out
// what is false; a state that says nothing is not believed.
func (p *planForm) sensitiveOutput(name string, said any, mayBeSilent bool) {
	if said == nil && mayBeSilent {
		return
	}
	p.outputs[name] = p.outputs[name] || said != false
}

func (p *planForm) mark(address any, m *marks) {
	a, _ := address.(string)
	p.marks[a] = union(p.marks[a], m)
}

func resourceChanges(plan map[string]any) []map[string]any {
	var all []map[string]any
	for _, k := range []string{"resource_changes", "resource_drift"} {
		for _, v := range array(plan[k]) {
			all = append(all, object(v))
		}
	}
	for _, v := range array(plan["deferred_changes"]) {
		all = append(all, object(object(v)["resource_change"]))
	}
	return all
}

func eachResource(m map[string]any, f func(map[string]any)) {
	for _, r := range array(m["resources"]) {
		f(object(r))
	}
	for _, c := range array(m["child_modules"]) {
		eachResource(object(c), f)
	}
}

// object and array are nothing where the value is something else.
func object(v any) map[string]any { m, _ := v.(map[string]any); return m }

func array(v any) []any { l, _ := v.([]any); return l }
