package versions

import "slices"

// reached gives for each directory the environments whose stacks reach it by
// local calls, in the order of the input; "" alone where none does.
func reached(in Input) map[string][]string {
	starts := map[string][]string{}
	if in.EnvironmentsOf != nil {
		for _, d := range in.Graph.Sorted() {
			dir := d.Path
			if stack := in.Graph.StackOf(dir); stack != "" {
				dir = stack
			}
			for _, env := range in.EnvironmentsOf(dir) {
				starts[env] = append(starts[env], d.Path)
			}
		}
	}
	out := map[string][]string{}
	for _, env := range in.Environments {
		queue, seen := slices.Clone(starts[env]), map[string]bool{}
		for len(queue) > 0 {
			dir := queue[0]
			queue = queue[1:]
			d := in.Graph.Dirs[dir]
			if d == nil || seen[dir] {
				continue
			}
			seen[dir] = true
			out[dir] = append(out[dir], env)
			queue = append(queue, d.Callees...)
		}
	}
	for dir := range in.Graph.Dirs {
		if out[dir] == nil {
			out[dir] = []string{""}
		}
	}
	return out
}
