package backend

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

const fromInit = "where init's -backend-config, or who was asked, said: it is not in the files"

// migration says how the state of a unit follows, where its place changes.
func (w *work) migration(st *state) {
	f := st.finding
	moving := slices.ContainsFunc(f.Differences, func(d Difference) bool { return d.Moves && (d.Fixed || d.Why == Moving || f.Status == Other) })
	if !moving {
		return
	}
	to, ok := locate(st.wanted(), st.unit.Workspace)
	if !ok {
		return
	}
	m := &Migration{To: to.String()}
	switch from, known := st.current(); {
	case st.none && f.Why != "":
		m.From = strings.TrimSuffix(f.Why, " holds a state")
	case f.Status == Other && len(f.Differences) > 0:
		m.From = "the backend " + f.Differences[0].Have
	case known:
		m.From = from.String()
	default:
		m.From = fromInit
	}
	for _, u := range st.stack.Units {
		if u.Workspace != "" && u.Workspace != "default" && !slices.Contains(m.Workspaces, u.Workspace) {
			m.Workspaces = append(m.Workspaces, u.Workspace)
		}
	}
	m.Before = []string{
		"Nobody plans or applies in this stack, nor will until the end: stop its pipelines. Terraform locks one place at a time, not the way between two.",
		"You may read and write both places.",
		"There is no state at the new place yet.",
	}
	if m.From == fromInit {
		m.Before = append(m.Before, "The first init gets the -backend-config that it is given today, and the later ones do not.")
	}
	if len(m.Workspaces) > 0 {
		m.Before = append(m.Before, "Init moves all workspaces of the stack together, those of its other environments too: "+strings.Join(m.Workspaces, ", ")+".")
	} else {
		m.Before = append(m.Before, "Init moves every workspace that it finds at the old place.")
	}
	chdir := "terraform -chdir=" + shell(st.stack.Dir)
	init := chdir + " init"
	config := ""
	for _, c := range st.unit.BackendConfig {
		config += " " + shell("-backend-config="+c)
	}
	name := strings.Trim(regexp.MustCompile(`[^A-Za-z0-9_-]+`).ReplaceAllString(st.unit.Name, "-"), "-")
	if name == "" {
		name = "root"
	}
	var workspace []string
	if len(m.Workspaces) > 0 && st.unit.Workspace != "" {
		workspace = []string{chdir + " workspace select " + shell(st.unit.Workspace)}
	}
	write := "terrier backend --migrate --stack " + shell(st.stack.Dir)
	if f.Status == Other {
		write = "# replace the backend block of " + f.File + " by hand"
	}
	m.Commands = append(m.Commands, init+config)
	m.Commands = append(m.Commands, workspace...)
	m.Commands = append(m.Commands,
		// It holds secrets: for nobody else, and in no commit.
		"(umask 077; "+chdir+" state pull >../"+name+".tfstate.backup)",
		write,
		init+" -migrate-state"+config,
	)
	m.Commands = append(m.Commands, workspace...)
	m.Commands = append(m.Commands, chdir+" plan -detailed-exitcode")
	files := []string{}
	for _, d := range f.Differences {
		if d.File != "" && !slices.Contains(files, d.File) {
			files = append(files, d.File)
		}
	}
	slices.Sort(files)
	back := "git checkout --"
	for _, file := range files {
		back += " " + shell(file)
	}
	// A bucket keeps what was copied out of it; a local file is emptied.
	m.Undo = []string{back, init + " -reconfigure" + config}
	if st.none {
		m.Undo = []string{"rm " + shell(f.File), init + " -migrate-state"}
	}
	f.Migration = m
}

var plainWord = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// shell quotes a word for a command that somebody may copy. A path does not
// begin like a flag.
func shell(word string) string {
	if strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "-backend-config=") {
		word = "./" + path.Clean(word)
	}
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
