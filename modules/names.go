package modules

import (
	"sort"
	"strconv"
	"strings"
)

// Names gives each directory a repository name made from its path: the last
// segment, with as many of the segments above it as make it unique. The
// segments `modules`, `_modules`, `terraform` and `.` say nothing and are left
// out. Names are unique without regard to case, since some forges and file
// systems fold it, and hold only letters, digits, dot, dash and underscore.
//
// fixed names come first (from the configuration) and are never changed; two
// equal fixed names are the caller's to refuse.
func Names(dirs []string, fixed map[string]string) map[string]string {
	sorted := append([]string(nil), dirs...)
	sort.Strings(sorted)
	out := map[string]string{}
	taken := map[string]bool{}
	depth := map[string]int{}
	var open []string
	for _, d := range sorted {
		if n := fixed[d]; n != "" {
			out[d] = n
			taken[strings.ToLower(n)] = true
			continue
		}
		depth[d] = 1
		open = append(open, d)
	}
	for {
		groups := map[string][]string{}
		for _, d := range open {
			k := strings.ToLower(nameOf(d, depth[d]))
			groups[k] = append(groups[k], d)
		}
		again := false
		for k, g := range groups {
			if len(g) == 1 && !taken[k] {
				continue
			}
			for _, d := range g {
				if depth[d] < len(segments(d)) {
					depth[d]++
					again = true
				}
			}
		}
		if !again {
			break
		}
	}
	for _, d := range open {
		base := nameOf(d, depth[d])
		name := base
		// Whole paths can meet too (a-b/c and a/b-c): number what is left, in
		// the order of the paths.
		for n := 2; taken[strings.ToLower(name)]; n++ {
			name = base + "-" + strconv.Itoa(n)
		}
		taken[strings.ToLower(name)] = true
		out[d] = name
	}
	return out
}

func segments(dir string) []string {
	var out []string
	all := strings.Split(dir, "/")
	for _, s := range all {
		switch s {
		case "modules", "_modules", "terraform", ".":
			continue
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		out = all[len(all)-1:]
	}
	return out
}

func nameOf(dir string, n int) string {
	s := segments(dir)
	return cleanName(strings.Join(s[max(0, len(s)-n):], "-"))
}

func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '-'
	}, s)
	for strings.Contains(s, "..") {
		s = strings.ReplaceAll(s, "..", ".")
	}
	s = strings.Trim(s, ".-")
	for _, suffix := range []string{".git", ".lock"} {
		if strings.HasSuffix(strings.ToLower(s), suffix) {
			s = s[:len(s)-len(suffix)] + "-" + suffix[1:]
		}
	}
	if s == "" {
		return "module"
	}
	return s
}

// EnvironmentName reports whether a segment of a path is, in any case, one of
// the closed list of names that people give to environments. It is good for a
// proposal, and never for a guard.
func EnvironmentName(segment string) bool { return environmentNames[strings.ToLower(segment)] }

var environmentNames = map[string]bool{
	"prod": true, "production": true, "prd": true,
	"preprod": true, "pre-prod": true, "staging": true, "stage": true, "stg": true,
	"qa": true, "uat": true, "test": true, "testing": true, "integration": true, "int": true,
	"dev": true, "development": true, "sandbox": true, "demo": true, "preview": true,
	"nonprod": true, "non-prod": true, "nonproduction": true, "non-production": true,
	"ops": true, "mgmt": true, "management": true, "shared": true, "admin": true, "tooling": true,
}
