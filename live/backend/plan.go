package backend

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"

	"github.com/terrier-iac/terrier/hclparse"
)

// defaults are the values of arguments that are not there.
var defaults = map[string]string{"use_lockfile": "false", "encrypt": "false", "workspace_key_prefix": "env:"}

// places are the arguments that say where a state is.
var places = map[string]bool{"bucket": true, "key": true, "workspace_key_prefix": true}

// New finds out how the backends of stacks are to what they should be, and how
// to make them so. All stacks of the tree are to be there, whichever are
// selected: a file may serve several, and a state has one owner.
//
// An error says that a file of backend_config cannot be read. What is found is
// as good as it can be without it.
func New(t *hclparse.Tree, stacks []Stack, o Options) (*Plan, error) {
	w := &work{tree: t, place: newPlace(t, o.OnDisk), o: o, demands: map[slot][]demand{}, files: map[string]*body{}}
	for _, s := range stacks {
		w.stack(s)
	}
	w.decide()
	p := &Plan{Duplicates: w.duplicates()}
	refused := map[string]string{}
	for _, d := range p.Duplicates {
		verb := " would have"
		if d.Now {
			verb = " have"
		}
		for _, u := range d.Units {
			refused[u] = "it and " + strings.Join(slices.DeleteFunc(slices.Clone(d.Units), func(n string) bool { return n == u }), ", ") + verb + " one state"
		}
	}
	w.refuse(refused)
	// Region, role and lock belong to the bucket: with the old one they would
	// be wrong.
	apart := map[string]string{}
	for _, st := range w.units {
		for _, d := range st.finding.Differences {
			if (d.Attribute == "bucket" || d.Attribute == "type") && !d.Fixed {
				apart[st.unit.Name] = "it goes with the " + d.Attribute + ", which is left"
			}
		}
	}
	w.refuse(apart)
	var err error
	if p.Changes, err = w.write(); err != nil {
		return nil, err
	}
	for _, f := range w.units {
		if o.selects(f.finding.Unit) {
			w.migration(f)
			p.Findings = append(p.Findings, *f.finding)
		}
	}
	slices.SortFunc(p.Findings, func(a, b Finding) int { return cmp.Compare(a.Unit, b.Unit) })
	return p, nil
}

func (o Options) selects(unit string) bool { return o.Select == nil || o.Select(unit) }

// work is one New.
type work struct {
	tree    *hclparse.Tree
	place   place
	o       Options
	units   []*state
	demands map[slot][]demand
	slots   []slot // the keys of demands, in the order in which they came
	files   map[string]*body
}

// A state is what becomes of one unit.
type state struct {
	stack   Stack
	unit    Unit
	finding *Finding
	have    map[string]string // what is known of its arguments, merged
	unknown map[string]bool   // those that are there and not known
	none    bool              // there is no backend block, and one may be written
}

// A slot is where the value of an argument stands, or would.
type slot struct {
	file string // where the bytes are
	line int    // of a block, 0 for a file of backend_config
	name string
}

// A demand is what a unit needs in a slot.
type demand struct {
	of     *state
	value  string
	body   *body
	at     *setting // nil where it is to be put in
	differ int      // index of its difference, -1 where it has the value
}

// stack looks at the units of one directory.
func (w *work) stack(s Stack) {
	bodies, status, why := w.blocks(s.Dir)
	for _, u := range s.Units {
		st := &state{stack: s, unit: u, have: map[string]string{}, unknown: map[string]bool{}}
		st.finding = &Finding{Unit: u.Name, Stack: s.Dir, Environment: u.Environment, Status: status, Why: why}
		w.units = append(w.units, st)
		if u.Want.Type == "" {
			st.finding.Status, st.finding.Why = Unwanted, u.Want.Why
			continue
		}
		if len(bodies) > 0 {
			st.finding.File, st.finding.Line = bodies[0].path, bodies[0].line
		}
		switch status {
		case "":
			for _, b := range bodies {
				w.compare(st, b)
			}
		case Missing:
			w.missing(st)
		case Other:
			st.finding.Differences = []Difference{{
				Attribute: "type", Have: why, Want: u.Want.Type, File: st.finding.File, Line: st.finding.Line, Moves: true,
				Why: "the arguments of another type are others: write the block by hand",
			}}
			st.finding.Why = ""
		}
	}
}

// blocks finds the backend block of a directory: one, or for a directory with
// .tofu files that have another, one for each program. status is "" where they
// can be compared; for Other, why is the type.
func (w *work) blocks(dir string) (out []*body, status Status, why string) {
	m := w.tree.Modules[dir]
	if m == nil {
		return nil, Broken, "there is no configuration in it"
	}
	for _, f := range m.Files {
		if f.Syntax == hclparse.Terragrunt {
			return nil, Computed, f.Path + ": terragrunt runs here, and may write the backend"
		}
		if f.Broken() {
			return nil, Broken, fmt.Sprintf("%s: %s", where(f.Path, f.Diags[0].Subject), f.Diags[0].Summary)
		}
	}
	for _, tofu := range []bool{false, true} {
		var base, over []*hclparse.Backend
		for _, k := range m.Backends {
			switch {
			case !tofu && k.File.Tofu, tofu && k.File.Twin != "":
			case k.File.Override:
				over = append(over, k)
			default:
				base = append(base, k)
			}
		}
		for _, all := range [][]*hclparse.Backend{base, over} {
			for i, k := range all {
				if i > 0 && (!k.File.Override || k.File == all[i-1].File) {
					return []*body{{path: all[i-1].File.Path, line: all[i-1].Range.Start.Line}}, Broken, fmt.Sprintf("there is a second backend at %s:%d", k.File.Path, k.Range.Start.Line)
				}
			}
		}
		if len(over) > 0 { // it takes the place of the other, whole
			base = over[len(over)-1:]
		}
		if len(base) == 0 {
			continue
		}
		k := base[0]
		if k.Type != "s3" {
			return []*body{{path: k.File.Path, line: k.Range.Start.Line}}, Other, k.Type
		}
		b, bad := blockBody(k)
		if b == nil {
			return []*body{{path: k.File.Path, line: k.Range.Start.Line}}, Broken, bad
		}
		if len(over) > 0 && len(m.Backends) > 1 {
			b.note = fmt.Sprintf("%s overrides the other backend block of the stack", k.File.Path)
		}
		if len(out) == 0 || out[0].real != b.real || out[0].line != b.line {
			out = append(out, b)
		}
	}
	if len(out) == 0 {
		return nil, Missing, ""
	}
	return out, "", ""
}

// compare holds the merged arguments of a unit against what they should be.
func (w *work) compare(st *state, block *body) {
	f, u := st.finding, st.unit
	if block.note != "" {
		f.Warnings = append(f.Warnings, block.note)
	}
	files, values, ok := w.configs(st)
	if !ok {
		return
	}
	f.Partial = f.Partial || len(u.BackendConfig) > 0
	find := func(name string) (*body, *setting) {
		for _, b := range slices.Backward(files) {
			if s, ok := b.attrs[name]; ok {
				return b, &s
			}
		}
		if s, ok := block.attrs[name]; ok {
			return block, &s
		}
		return nil, nil
	}
	for _, b := range append([]*body{block}, files...) {
		for name, s := range b.attrs {
			delete(st.unknown, name)
			delete(st.have, name)
			if s.known {
				st.have[name] = s.value
			} else {
				st.unknown[name] = true
			}
		}
	}
	for name, v := range values {
		st.have[name] = v
		delete(st.unknown, name)
	}
	if st.have["use_lockfile"] != "true" && st.have["dynamodb_table"] == "" && !st.unknown["use_lockfile"] && !st.unknown["dynamodb_table"] &&
		u.Want.Attributes["use_lockfile"] != "true" && u.Want.Attributes["dynamodb_table"] == "" {
		f.warn("nothing locks the state: neither use_lockfile nor dynamodb_table is set")
	}
	for _, name := range sortedNames(u.Want.Attributes) {
		want := u.Want.Attributes[name]
		if v, ok := values[name]; ok {
			if v != want {
				f.Differences = append(f.Differences, Difference{Attribute: name, Have: redact(v), Want: want, File: u.Want.File, Line: u.Want.Line, Moves: places[name], Why: "backend_config of terrier.hcl says " + name + "=" + redact(v)})
			}
			continue
		}
		at, s := find(name)
		used := name
		if s == nil && name == "assume_role.role_arn" { // as it was before Terraform 1.6
			if at, s = find("role_arn"); s != nil {
				used = "role_arn"
			} else if b, whole := find("assume_role"); whole != nil {
				f.Differences = append(f.Differences, Difference{Attribute: name, Want: want, Absent: true, File: b.path, Line: whole.rng.Start.Line, Why: "assume_role has other arguments, or is computed: write role_arn into it by hand"})
				continue
			}
		}
		switch {
		case s == nil && defaults[name] == want:
			continue
		case s == nil:
			b := w.home(st, block, files, name)
			d := Difference{Attribute: name, Want: want, Absent: true, Have: defaults[name], File: b.path, Line: b.line, Moves: places[name], Why: w.tooOld(st.stack.Dir, name)}
			f.Differences = append(f.Differences, d)
			if d.Why == "" {
				w.demand(b, demand{of: st, value: want, body: b, differ: len(f.Differences) - 1}, name)
			}
			continue
		case s.known && s.value == want:
			w.demand(at, demand{of: st, value: want, body: at, at: s, differ: -1}, used)
			continue
		}
		d := Difference{Attribute: name, Have: redact(s.value), Want: want, File: at.path, Line: s.rng.Start.Line, Moves: places[name]}
		if !s.known {
			d.Have = ""
		}
		if s.expr != "" {
			d.Why = s.expr + ": write it by hand"
		}
		home := at
		if at.block {
			home = w.home(st, block, files, name)
		}
		f.Differences = append(f.Differences, d)
		if d.Why == "" {
			dem := demand{of: st, value: want, body: home, differ: len(f.Differences) - 1}
			if home == at {
				dem.at = s
			}
			w.demand(home, dem, used)
		}
	}
	switch {
	case slices.ContainsFunc(f.Differences, func(d Difference) bool { return d.Why != "" && strings.HasPrefix(d.Why, "it is ") && d.Have == "" }):
		f.Status = Computed
	case len(f.Differences) == 0:
		if f.Status == "" {
			f.Status = Matches
		}
	case slices.ContainsFunc(f.Differences, func(d Difference) bool { return d.Absent && (d.Attribute == "bucket" || d.Attribute == "key") }):
		// They are asked for, or given to init: where the state is, is not
		// in the files.
		f.Status = Partial
	default:
		f.Status = Differs
	}
}

func (f *Finding) warn(text string) {
	if !slices.Contains(f.Warnings, text) {
		f.Warnings = append(f.Warnings, text)
	}
}

// redact takes credentials out of a value that may be an address.
func redact(v string) string { return hclparse.Redact(v) }

// configs reads what a unit's backend_config adds: files, and KEY=VALUE.
func (w *work) configs(st *state) (files []*body, values map[string]string, ok bool) {
	values = map[string]string{}
	for _, entry := range st.unit.BackendConfig {
		if name, value, is := strings.Cut(entry, "="); is {
			values[name] = value
			continue
		}
		at := path.Join(st.stack.Dir, entry)
		b := w.files[at]
		if b == nil {
			var err error
			if b, err = w.place.config(st.stack.Dir, entry); err != nil {
				st.finding.Status, st.finding.Why = Broken, err.Error()
				return nil, nil, false
			}
			w.files[at] = b
		}
		if b.fresh {
			st.finding.warn(at + " is not there yet")
		}
		files = append(files, b)
		for name := range b.attrs { // a later one wins
			delete(values, name)
		}
	}
	return files, values, true
}

// since is the version of Terraform that knows an argument first.
var since = map[string]string{"use_lockfile": "1.10.0", "assume_role.role_arn": "1.6.0"}

// tooOld says why the programs that a stack asks for do not know an argument; ""
// where they may.
func (w *work) tooOld(dir, name string) string {
	first, ok := since[name]
	if !ok || w.tree.Modules[dir] == nil {
		return ""
	}
	m := w.tree.Reload(dir)
	for _, r := range m.RequiredVersions {
		constraints, err := version.NewConstraint(r.Constraint)
		if err != nil {
			continue // terraform says it
		}
		least := version.Must(version.NewVersion(first)).Segments()
		may := constraints.Check(version.Must(version.NewVersion("99.0.0")))
		for minor := least[1]; minor < 100 && !may; minor++ {
			for _, patch := range []int{0, 99} {
				may = may || constraints.Check(version.Must(version.NewVersion(fmt.Sprintf("1.%d.%d", minor, patch))))
			}
		}
		for _, exact := range exactly.FindAllString(r.Constraint, -1) { // 1.11.4 alone
			v, err := version.NewVersion(exact)
			may = may || err == nil && constraints.Check(v) && v.GreaterThanOrEqual(version.Must(version.NewVersion(first)))
		}
		if !may {
			return fmt.Sprintf("Terraform knows it from %s, and %s:%d asks for %s", first, r.File.Path, r.Range.Start.Line, r.Constraint)
		}
	}
	return ""
}

var exactly = regexp.MustCompile(`[0-9]+\.[0-9]+\.[0-9]+`)

// home is where a value is written that is not in a unit's own files: in the
// block if all units of the code want the same, else in the unit's last file.
func (w *work) home(st *state, block *body, files []*body, name string) *body {
	if len(files) > 0 && (!same(st.stack.Units, name) || block == nil) {
		return files[len(files)-1]
	}
	return block
}

// same reports whether all units want one value.
func same(units []Unit, name string) bool {
	for _, u := range units[1:] {
		v, ok := u.Want.Attributes[name]
		first, has := units[0].Want.Attributes[name]
		if v != first || ok != has {
			return false
		}
	}
	return true
}

func (w *work) demand(b *body, d demand, name string) {
	s := slot{file: b.real, name: name}
	if b.block {
		s.line = b.line
	}
	if _, ok := w.demands[s]; !ok {
		w.slots = append(w.slots, s)
	}
	w.demands[s] = append(w.demands[s], d)
}

// missing is a stack that has no backend: a new file is written, beside those
// that are there.
func (w *work) missing(st *state) {
	f := st.finding
	name, why := w.freeName(st.stack.Dir)
	f.File = name
	local := w.localState(st.stack.Dir)
	b := w.files[name]
	if b == nil {
		b = &body{path: name, real: name, block: true, fresh: true, attrs: map[string]setting{}}
		w.files[name] = b
	}
	files, values, ok := w.configs(st)
	if !ok {
		return
	}
	st.none = true
	f.Partial = len(st.unit.BackendConfig) > 0
	if st.unit.Want.Attributes["use_lockfile"] != "true" && st.unit.Want.Attributes["dynamodb_table"] == "" {
		f.warn("nothing locks the state: neither use_lockfile nor dynamodb_table is configured")
	}
	f.Differences = append(f.Differences, Difference{Attribute: "type", Want: st.unit.Want.Type, Absent: true, File: name, Moves: local != "", Why: why})
	if local != "" {
		f.Why = local + " holds a state"
	}
	w.demand(b, demand{of: st, value: st.unit.Want.Type, body: b, differ: 0}, "type")
	for _, attr := range sortedNames(st.unit.Want.Attributes) {
		want := st.unit.Want.Attributes[attr]
		if v, ok := values[attr]; ok && v == want {
			continue
		}
		found := false
		for _, file := range files {
			if s, ok := file.attrs[attr]; ok {
				found = true
				d := Difference{Attribute: attr, Have: redact(s.value), Want: want, File: file.path, Line: s.rng.Start.Line, Moves: places[attr]}
				if s.known && s.value == want {
					w.demand(file, demand{of: st, value: want, body: file, at: &s, differ: -1}, attr)
					continue
				}
				if s.expr != "" {
					d.Why = s.expr + ": write it by hand"
				}
				f.Differences = append(f.Differences, d)
				if d.Why == "" {
					w.demand(file, demand{of: st, value: want, body: file, at: &s, differ: len(f.Differences) - 1}, attr)
				}
			}
		}
		if found || defaults[attr] == want {
			continue
		}
		home := w.home(st, b, files, attr)
		f.Differences = append(f.Differences, Difference{Attribute: attr, Want: want, Absent: true, File: home.path, Moves: places[attr] && local != "", Why: cmp.Or(why, w.tooOld(st.stack.Dir, attr))})
		w.demand(home, demand{of: st, value: want, body: home, differ: len(f.Differences) - 1}, attr)
	}
}

// localState is a state that terraform keeps beside the code where there is no
// backend; "" for none that can be seen.
func (w *work) localState(dir string) string {
	at, below := path.Join(dir, "terraform.tfstate"), path.Join(dir, "terraform.tfstate.d")+"/"
	for _, e := range w.tree.Entries {
		if e.Path == at || strings.HasPrefix(e.Path, below) {
			return e.Path
		}
	}
	for _, name := range []string{at, strings.TrimSuffix(below, "/")} {
		if w.place.ignored(name) {
			return name
		}
	}
	return ""
}

// freeName is the name of a new file in a directory. An empty file counts as
// free: it is what a terrier leaves that was killed before it wrote.
func (w *work) freeName(dir string) (name, why string) {
	ext := ".tofu"
	for _, f := range w.tree.Modules[dir].Files {
		if !f.Tofu {
			ext = ".tf"
		}
	}
	taken := map[string]string{}
	for _, e := range w.tree.Entries {
		if path.Dir(e.Path) == dir {
			taken[strings.ToLower(path.Base(e.Path))] = e.Path
		}
	}
	for _, base := range []string{"backend", "backend_s3", "terrier_backend"} {
		free := true
		for _, twin := range []string{".tf", ".tofu", ".tf.json", ".tofu.json"} {
			at, is := taken[base+twin]
			if is && (twin != ext || !w.empty(at)) || w.place.ignored(path.Join(dir, base+twin)) {
				free = false
			}
		}
		if free {
			return path.Join(dir, base+ext), ""
		}
	}
	return path.Join(dir, "backend"+ext), "every name for a new file is taken: backend, backend_s3 and terrier_backend"
}

func (w *work) empty(name string) bool {
	e, ok := w.place.entries[name]
	if !ok || e.Mode != 0 {
		return false
	}
	info, err := fs.Stat(w.tree.FS, name)
	return err == nil && info.Size() == 0
}

// decide finds out which differences are mended: those where all who read the
// place want the same, and that move no state unless that was asked for.
func (w *work) decide() {
	for _, s := range w.slots {
		all := w.demands[s]
		for _, d := range all {
			if d.differ < 0 {
				continue
			}
			diff := &d.of.finding.Differences[d.differ]
			other := slices.IndexFunc(all, func(o demand) bool { return o.value != d.value })
			switch {
			case diff.Why != "":
			case d.body.fixed != "":
				diff.Why = d.body.fixed
			case other >= 0:
				diff.Why = fmt.Sprintf("%s is shared with %s, which wants %q\nhint: give each environment a file of backend_config", d.body.path, all[other].of.unit.Name, all[other].value)
			case diff.Moves && !w.o.Migrate:
				diff.Why = Moving
			case unselected(all, w.o) != "":
				diff.Why = "it would move the state of " + unselected(all, w.o) + " too, which is not selected"
			case !slices.ContainsFunc(all, func(o demand) bool { return o.differ >= 0 && w.o.selects(o.of.unit.Name) }):
				diff.Why = "it is not selected"
			default:
				diff.Fixed = true
			}
		}
	}
	// A new block is written whole or not at all.
	for _, st := range w.units {
		w.whole(st)
	}
}

// Moving is why a difference stays that Options.Migrate lets go.
const Moving = "the state would be looked for at another place"

// unselected is a unit whose state would move along with those that are
// selected.
func unselected(all []demand, o Options) string {
	for _, d := range all {
		if d.differ >= 0 && d.of.finding.Differences[d.differ].Moves && !o.selects(d.of.unit.Name) {
			return d.of.unit.Name
		}
	}
	return ""
}

// whole takes back a new block of which a part cannot be written.
func (w *work) whole(st *state) {
	if !st.none {
		return
	}
	why := ""
	for _, d := range st.finding.Differences {
		if !d.Fixed && why == "" {
			why = d.Why
		}
	}
	if why == "" {
		return
	}
	for _, other := range w.units { // those of the same code
		if other.stack.Dir == st.stack.Dir {
			for i := range other.finding.Differences {
				other.finding.Differences[i].unfix(why)
			}
		}
	}
}

func (d *Difference) unfix(why string) {
	d.Fixed = false
	if d.Why == "" {
		d.Why = why
	}
}

// refuse leaves units alone, and with them what shares their files.
func (w *work) refuse(units map[string]string) {
	for _, s := range w.slots {
		for _, d := range w.demands[s] {
			why, no := units[d.of.unit.Name]
			if !no {
				continue
			}
			for _, o := range w.demands[s] {
				if o.differ >= 0 {
					o.of.finding.Differences[o.differ].unfix(why)
				}
			}
		}
	}
	for _, st := range w.units {
		w.whole(st)
	}
}

// write makes the files.
func (w *work) write() ([]Change, error) {
	type file struct {
		body  *body
		edits []hclparse.Edit
		add   map[*body][]argument
		order []*body
	}
	files := map[string]*file{}
	var names []string
	for _, s := range w.slots {
		var first *demand
		for _, d := range w.demands[s] {
			if d.differ >= 0 && d.of.finding.Differences[d.differ].Fixed {
				first = &d
				break
			}
		}
		if first == nil {
			continue
		}
		f := files[s.file]
		if f == nil {
			f = &file{body: first.body, add: map[*body][]argument{}}
			files[s.file] = f
			names = append(names, s.file)
		}
		a := argument{s.name, first.value}
		switch {
		case first.at != nil:
			f.edits = append(f.edits, first.body.replace(*first.at, a))
		default:
			b := first.body
			for _, o := range f.order { // the block of another unit of the same code
				if o.line == b.line && o.block == b.block {
					b = o
				}
			}
			if len(f.add[b]) == 0 {
				f.order = append(f.order, b)
			}
			f.add[b] = append(f.add[b], a)
		}
	}
	slices.Sort(names)
	var out []Change
	for _, name := range names {
		f := files[name]
		c := Change{Path: name, Before: f.body.src, New: f.body.fresh}
		for _, b := range f.order {
			args := f.add[b]
			if b.fresh && b.block {
				typ, rest := "", []argument{}
				for _, a := range args {
					if a.name == "type" {
						typ = a.value
					} else {
						rest = append(rest, a)
					}
				}
				c.After = newFile(typ, inOrder(rest))
				continue
			}
			edits, why := b.insert(inOrder(args))
			if why != "" {
				for _, s := range w.slots {
					for _, d := range w.demands[s] {
						if s.file == name && d.at == nil && d.differ >= 0 {
							d.of.finding.Differences[d.differ].unfix(why)
						}
					}
				}
				continue
			}
			f.edits = append(f.edits, edits...)
		}
		if c.After == nil {
			after, err := hclparse.Apply(c.Before, f.edits)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if c.After = after; string(after) == string(c.Before) {
				continue
			}
		}
		if err := parses(name, c.After); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func inOrder(args []argument) []argument {
	attrs := map[string]string{}
	for _, a := range args {
		attrs[a.name] = a.value
	}
	var out []argument
	for _, n := range sortedNames(attrs) {
		out = append(out, argument{n, attrs[n]})
	}
	return out
}

// A location is where a state is in S3.
type location struct {
	bucket, key string
	// prefix is that of the other workspaces, for the default workspace: stacks
	// that differ in it alone work in workspaces, and leave the default one.
	prefix string
}

func (l location) String() string { return "s3://" + l.bucket + "/" + l.key }

// locate is where the state of a workspace is; false where it is not known.
func locate(attrs map[string]string, workspace string) (location, bool) {
	if attrs["bucket"] == "" || attrs["key"] == "" {
		return location{}, false
	}
	prefix := attrs["workspace_key_prefix"]
	if prefix == "" {
		prefix = defaults["workspace_key_prefix"]
	}
	if workspace != "" && workspace != "default" {
		return location{bucket: attrs["bucket"], key: path.Join(prefix, workspace, attrs["key"])}, true
	}
	return location{attrs["bucket"], attrs["key"], prefix}, true
}

// current is where the state of a unit is now.
func (st *state) current() (location, bool) {
	for name := range places {
		if st.unknown[name] {
			return location{}, false
		}
	}
	return locate(st.have, st.unit.Workspace)
}

// wanted are all arguments that the unit would have.
func (st *state) wanted() map[string]string {
	out := map[string]string{}
	for name, v := range st.have {
		out[name] = v
	}
	for name, v := range st.unit.Want.Attributes {
		out[name] = v
	}
	return out
}

// duplicates finds the units that have, or would have, one state.
func (w *work) duplicates() []Duplicate {
	var out []Duplicate
	for _, now := range []bool{true, false} {
		by := map[location][]*state{}
		for _, st := range w.units {
			var l location
			var ok bool
			if now {
				l, ok = st.current()
			} else {
				l, ok = locate(st.wanted(), st.unit.Workspace)
			}
			if ok {
				by[l] = append(by[l], st)
			}
		}
		for l, all := range by {
			if len(all) < 2 {
				continue
			}
			slices.SortFunc(all, func(a, b *state) int { return cmp.Compare(a.unit.Name, b.unit.Name) })
			d := Duplicate{Where: l.String(), Now: now}
			for _, st := range all {
				d.Units = append(d.Units, st.unit.Name)
				at := fmt.Sprintf("%s:%d", st.finding.File, max(1, st.finding.Line))
				if !now {
					at = fmt.Sprintf("%s:%d", st.unit.Want.File, st.unit.Want.Line)
				}
				d.Places = append(d.Places, at)
			}
			if !slices.ContainsFunc(out, func(o Duplicate) bool { return o.Where == d.Where && slices.Equal(o.Units, d.Units) }) {
				out = append(out, d)
			}
		}
	}
	slices.SortFunc(out, func(a, b Duplicate) int {
		return cmp.Or(cmp.Compare(a.Units[0], b.Units[0]), cmp.Compare(a.Where, b.Where))
	})
	return out
}

// parses holds that what is to be written is HCL.
func parses(name string, src []byte) error {
	var diags hcl.Diagnostics
	if strings.HasSuffix(name, ".json") {
		_, diags = json.Parse(src, name)
	} else {
		_, diags = hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	}
	if diags.HasErrors() {
		return fmt.Errorf("%s would not parse any more, and nothing is written: %w", name, diags)
	}
	return nil
}
