package proof

import (
	"fmt"
	"maps"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// modulesFile is where git says where a repository's submodules come from.
const modulesFile = ".gitmodules"

// gitModules lets each repository that holds submodules of the monorepo, and
// not its .gitmodules, have one that says of them what that says, and nothing
// else.
func (ck *checker) gitModules() {
	for _, a := range ck.afters {
		if a.root == nil || a.inPlace() {
			continue
		}
		if p := a.origin(modulesFile); p == modulesFile && ck.holds(a, p) {
			continue
		}
		want, unknown := ck.submodulesOf(a)
		f, has := a.file(modulesFile)
		switch {
		case !has && len(want) > 0:
			ck.failFile(a.index, "file-missing", a.origin(modulesFile), 0, "%s holds submodules, and does not say where they come from", a.repository)
		case has && f.mode == 0o100644 && len(want) > 0 && !unknown:
			data, err := a.st.read(f.id, plumbing.BlobObject)
			if is, ok := parseModules(data); err == nil && ok && maps.Equal(is, want) {
				a.mark(modulesFile)
			}
		}
	}
}

// submodulesOf returns where the submodules in a repository come from, by
// their paths in it, as the monorepo has it. unknown says that it does not say
// so of each of them, or not in a way that is understood.
func (ck *checker) submodulesOf(a *after) (urls map[string]string, unknown bool) {
	urls = map[string]string{}
	var all map[string]string
	for _, f := range a.files {
		if f.mode&modeType != modeModule {
			continue
		}
		if all == nil {
			all = map[string]string{}
			if m, ok := ck.mono.file(modulesFile); ok && m.regular() {
				if data, err := ck.mono.st.read(m.id, plumbing.BlobObject); err == nil {
					all, _ = parseModules(data)
				}
			}
		}
		if url, ok := all[a.origin(f.path)]; ok {
			urls[f.path] = url
		} else {
			unknown = true
		}
	}
	return urls, unknown
}

// parseModules reads a .gitmodules file: the address of each path. It is not
// ok where something in it is not plain: quotes, escapes, a section that is no
// submodule's.
func parseModules(data []byte) (urls map[string]string, ok bool) {
	urls, ok = map[string]string{}, true
	path, url := "", ""
	end := func() {
		if _, twice := urls[path]; path == "" || url == "" || twice {
			ok = ok && path == "" && url == ""
		} else {
			urls[path] = url
		}
		path, url = "", ""
	}
	for _, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		key, value, assigns := strings.Cut(line, "=")
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			end()
			var name string
			if _, err := fmt.Sscanf(line, "[submodule %q]", &name); err != nil {
				ok = false
			}
		case !assigns || strings.ContainsAny(value, "\"\\#;"):
			ok = false
		case key == "path":
			path = strings.TrimSuffix(value, "/")
		case key == "url":
			url = value
		}
	}
	end()
	return urls, ok
}
