package report

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"

	"github.com/terrier-iac/terrier/modules"
)

// environmentNames is the closed list of names that a path segment must have
// to be proposed as an environment.
var environmentNames = map[string]bool{
	"prod": true, "production": true, "prd": true,
	"preprod": true, "pre-prod": true, "staging": true, "stage": true, "stg": true,
	"qa": true, "uat": true, "test": true, "testing": true, "integration": true, "int": true,
	"dev": true, "development": true, "sandbox": true, "demo": true,
	"ops": true, "mgmt": true, "management": true, "shared": true, "admin": true, "tooling": true,
}

// environments proposes environments: at the one depth where most stacks
// have a name of the closed list in their path, each name with the glob of
// its stacks, sorted.
func environments(g *modules.Graph) [][2]string {
	byDepth := map[int]map[string]string{}
	stacks := map[int]int{}
	for _, d := range g.Sorted() {
		if d.Role != modules.RoleStack {
			continue
		}
		segs := strings.Split(d.Path, "/")
		for i, s := range segs {
			if !environmentNames[strings.ToLower(s)] {
				continue
			}
			if byDepth[i] == nil {
				byDepth[i] = map[string]string{}
			}
			glob := path.Join(segs[:i+1]...) + "/**"
			if old, ok := byDepth[i][s]; ok && old != glob {
				// The same name under several parents: one glob for all.
				glob = strings.Repeat("*/", i) + s + "/**"
			}
			byDepth[i][s] = glob
			stacks[i]++
		}
	}
	best := -1
	for i := range stacks {
		if best < 0 || stacks[i] > stacks[best] || stacks[i] == stacks[best] && i < best {
			best = i
		}
	}
	var out [][2]string
	for name, glob := range byDepth[best] {
		out = append(out, [2]string{name, glob})
	}
	sort.Slice(out, func(i, j int) bool { return out[i][0] < out[j][0] })
	return out
}

// StarterConfig is the terrier.hcl that `terrier init` writes: all comments,
// so that it changes nothing until somebody decides.
func StarterConfig(g *modules.Graph) []byte {
	var b bytes.Buffer
	b.WriteString(`# Terrier's configuration. Everything below is a proposal: take away the
# comment signs of what is right. Without it, terrier works with file:// URLs
# on this machine, and no stack belongs to an environment.

# Where module repositories live. ${name} is the package's name; ?ref= is added.
# modules {
#   source  = "git::ssh://git@gitlab.example.com/terraform/${name}.git"
#   version = "1.0.0"
#   tag     = "v${version}"
# }

# live {
#   remote = "ssh://git@gitlab.example.com/live/${name}.git"
# }
`)
	if envs := environments(g); len(envs) > 0 {
		b.WriteString("\n# Environments, as the stacks' paths suggest them.\n")
		for _, e := range envs {
			fmt.Fprintf(&b, "# environment %q {\n#   stacks = [%q]\n# }\n", e[0], e[1])
		}
	}
	var undecided []string
	for _, d := range g.Sorted() {
		if d.Role == modules.RoleUndecided {
			undecided = append(undecided, d.Path)
		}
	}
	if len(undecided) > 0 {
		b.WriteString("\n# No rule tells what these directories are. Until you say it, they stay where\n# they are, and their calls are pinned. role: \"stack\", \"module\" or \"example\".\n")
		for _, u := range undecided {
			fmt.Fprintf(&b, "# stack %q {\n#   role = \"stack\"\n# }\n", u)
		}
	}
	return b.Bytes()
}

// WriteInit says what init wrote and what it could not decide.
func WriteInit(w io.Writer, file, name string, g *modules.Graph, st Style) error {
	p := &printer{w: w}
	roles := map[string]int{}
	for _, d := range g.Dirs {
		roles[string(d.Role)]++
	}
	p.f("%s: %s\n", st.bold(clean(name)), roleTally(roles))
	p.f("Wrote %s\n", clean(file))
	if n := roles["undecided"]; n > 0 {
		p.f("%s\n", fold(count(n, "directory")+" could not be decided: they are listed in the file.", st.Width, 0))
	}
	return p.err
}
