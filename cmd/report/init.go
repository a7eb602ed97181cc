package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/terrier-iac/terrier/modules"
)

// An environment is a proposal: a name of the closed list, and the stacks with
// it in their path.
type environment struct {
	name, glob string
	stacks     int
}

// environments proposes environments, at the one depth where most stacks have
// a name of the closed list in their path, sorted; and the stacks that none of
// them takes.
func environments(g *modules.Graph) (found []environment, others []string) {
	byDepth := map[int]map[string]*environment{}
	stacks := map[int]int{}
	all := stackPaths(g)
	for _, d := range all {
		segs := strings.Split(d, "/")
		for i, s := range segs {
			if !modules.EnvironmentName(s) {
				continue
			}
			if byDepth[i] == nil {
				byDepth[i] = map[string]*environment{}
			}
			glob := path.Join(segs[:i+1]...) + "/**"
			e := byDepth[i][s]
			if e == nil {
				e = &environment{name: s, glob: glob}
				byDepth[i][s] = e
			} else if e.glob != glob {
				// The same name under several parents: one glob for all.
				e.glob = strings.Repeat("*/", i) + s + "/**"
			}
			e.stacks++
			stacks[i]++
		}
	}
	best := -1
	for i := range stacks {
		if best < 0 || stacks[i] > stacks[best] || stacks[i] == stacks[best] && i < best {
			best = i
		}
	}
	for _, e := range byDepth[best] {
		found = append(found, *e)
	}
	slices.SortFunc(found, func(a, b environment) int { return cmp.Compare(a.name, b.name) })
	for _, d := range all {
		if segs := strings.Split(d, "/"); best >= len(segs) || best < 0 || byDepth[best][segs[best]] == nil {
			others = append(others, d)
		}
	}
	return found, others
}

func stackPaths(g *modules.Graph) []string {
	var out []string
	for _, d := range g.Sorted() {
		if d.Role == modules.RoleStack {
			out = append(out, d.Path)
		}
	}
	return out
}

// Home is where repositories would live: the source of modules and the remote
// of live repositories, each with ${name} in it.
type Home struct{ Source, Live string }

// ExampleHome stands where nothing better is known.
var ExampleHome = Home{"git::ssh://git@gitlab.example.com/terraform/${name}.git", "ssh://git@gitlab.example.com/live/${name}.git"}

// StarterConfig is the terrier.hcl that `terrier init` writes: all comments,
// so that it changes nothing until somebody decides.
func StarterConfig(g *modules.Graph, home Home) []byte {
	b := &starter{}
	b.says("Terrier's configuration. All of it is a comment and a proposal: nothing changes until you take comment signs away. To see what a split would do:")
	b.WriteString("#   terrier split --out ../split --dry-run\n")
	b.says("Where module repositories live, and what releases are called. Without `source` callers get file:// URLs of this machine: good to try, not to push.")
	b.block("modules {",
		`source      = "`+home.Source+`" # ?ref= is added`,
		`version     = "1.0.0"                 # the first release`,
		`tag         = "v${version}"`,
		`carried_tag = "monorepo/${tag}"       # the monorepo's own tags, with --tags`,
		`layout      = "repository-per-module" # or "one-repository", "in-place"`)
	b.says("Where the stacks' repositories are pushed to. The one of all that no environment takes is called live.")
	b.block("live {", `remote = "`+home.Live+`"`)
	b.says("Who makes the commits and tags that pin calls.")
	b.block("identity {", `name  = "terrier"`, `email = "terrier@localhost"`)
	b.environments(g)
	b.names(g)
	b.blocked(g)
	b.undecided(g)
	return b.Bytes()
}

// A starter is a configuration in the making.
type starter struct{ bytes.Buffer }

// says begins a paragraph.
func (b *starter) says(text string) {
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	b.WriteString("# " + strings.ReplaceAll(fold(text, 78, 0), "\n", "\n# ") + "\n")
}

// block proposes a block.
func (b *starter) block(header string, lines ...string) {
	fmt.Fprintf(b, "# %s\n", header)
	for _, l := range lines {
		fmt.Fprintf(b, "#   %s\n", l)
	}
	b.WriteString("# }\n")
}

// most is how many directories of a kind the file lists; a scan has them all.
const most = 40

// item lists a directory, and says whether there is room for another.
func (b *starter) item(i, n int, format string, args ...any) bool {
	if i == most {
		fmt.Fprintf(b, "#   … and %s: terrier scan -v\n", thousands(n-i)+" more")
		return false
	}
	fmt.Fprintf(b, "#   "+format+"\n", args...)
	return true
}

func (b *starter) environments(g *modules.Graph) {
	found, others := environments(g)
	switch {
	case g.Library && len(g.Dirs) > 0:
		b.says("There is no stack here: a library of modules. The repository live keeps all that is in no module.")
		return
	case len(found) == 0:
		b.says("Environments. No stack's path has a name like prod or staging in it, so none is proposed; a stack that is in none is in the repository live.")
		b.block(`environment "prod" {`, `stacks = ["live/prod/**"]`, `repo   = "live-prod" # a repository of its own; without it, live`)
		return
	}
	b.says("Environments, as names in the stacks' paths suggest them. `repo` gives one a live repository of its own.")
	for _, e := range found {
		b.block(fmt.Sprintf("environment %q {", e.name), fmt.Sprintf("stacks = [%s] # %s", quote(e.glob), count(e.stacks, "stack")), fmt.Sprintf("repo   = %q", "live-"+strings.ToLower(e.name)))
	}
	if len(others) > 0 {
		verb := " are"
		if len(others) == 1 {
			verb = " is"
		}
		b.says(count(len(others), "stack") + verb + " in none of these. Add them to one, or leave them in the repository live:")
		for i, d := range others {
			if !b.item(i, len(others), "%s", visible(d)) {
				break
			}
		}
	}
}

// names proposes to change what a path alone does not decide.
func (b *starter) names(g *modules.Graph) {
	var dirs []string
	for _, d := range g.Sorted() {
		if d.Role == modules.RoleModule || d.Role == modules.RoleOrphan {
			dirs = append(dirs, d.Path)
		}
	}
	names := modules.Names(dirs, nil)
	said := 0
	for _, d := range dirs {
		if names[d] == path.Base(d) {
			continue
		}
		if said == 0 {
			b.says("Names. Several modules have the same one, or one that no repository can have; these are made from the path. Change them before the first push. A module block can also say keep = true (it stays), or group = \"NAME\" (all of a group share a repository).")
		}
		if said++; said > most {
			b.WriteString("# … and more: terrier split --dry-run shows all names\n")
			break
		}
		b.block(fmt.Sprintf("module %s {", quote(d)), fmt.Sprintf("name = %q", names[d]))
	}
	if said == 0 && len(dirs) > 0 {
		b.says("Exceptions, by the module's path: another name; keep = true, and it stays where it is; group = \"NAME\", and all of that group share a repository.")
		b.block(fmt.Sprintf("module %s {", quote(dirs[0])), fmt.Sprintf("name = %q", names[dirs[0]]))
	}
}

// quote writes a path as a string of the configuration.
func quote(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(s))
}

// blocked names the modules that would stay, each with its first reason.
func (b *starter) blocked(g *modules.Graph) {
	first := map[string]string{}
	var dirs []string
	for _, h := range g.Hazards(g.Candidates(modules.Choice{})) {
		if h.Severity != modules.Block || first[h.Dir] != "" {
			continue
		}
		first[h.Dir] = at(h.File, h.Line) + " " + h.ID
		dirs = append(dirs, h.Dir)
	}
	if len(dirs) == 0 {
		return
	}
	b.says("As things are, these would stay in live with their callers:")
	for i, d := range dirs {
		if !b.item(i, len(dirs), "%s: %s", visible(d), visible(first[d])) {
			break
		}
	}
}

// undecided names the directories that no rule decides.
func (b *starter) undecided(g *modules.Graph) {
	said := 0
	for _, d := range g.Sorted() {
		if d.Role != modules.RoleUndecided {
			continue
		}
		if said == 0 {
			b.says("Not decided: nothing tells what these directories are. Until you say it, they stay where they are, and their calls are pinned. A role is \"stack\", \"module\", \"example\" or \"ignore\".")
		}
		if said++; said > most {
			b.WriteString("# … and more: terrier scan lists each\n")
			return
		}
		b.block(fmt.Sprintf("stack %s {", quote(d.Path)), `role = "stack"`)
	}
}

// WriteInit says what init wrote and what it could not decide.
func WriteInit(w io.Writer, file, name string, g *modules.Graph, st Style) error {
	p := &printer{w: w}
	roles := map[string]int{}
	for _, d := range g.Dirs {
		roles[string(d.Role)]++
	}
	roles["module"] += roles["orphan"] // both become repositories
	p.f("%s: %s, %s", st.bold(clean(name)), count(roles["stack"], "stack"), count(roles["module"], "module"))
	if n := roles["private"]; n > 0 {
		p.f(", %s private", thousands(n))
	}
	if n := roles["example"]; n > 0 {
		p.f(", %s", count(n, "example"))
	}
	p.f("\n")
	p.f("Wrote %s, all of it comments.\n", clean(file))
	found, others := environments(g)
	if len(found) > 0 && len(others) > 0 {
		p.f("%s\n", fold("Not decided: the environment of "+count(len(others), "stack")+"; the file lists them.", st.Width, 2))
	}
	if n := roles["undecided"]; n > 0 {
		p.f("%s\n", fold("Not decided: what "+count(n, "directory")+" is, a stack or a module; the file lists each.", st.Width, 2))
	}
	return p.err
}
