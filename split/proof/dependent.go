package proof

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// dependentNames are what tells a configuration where it stands: functions of
// terraform and terragrunt. path.cwd is told apart by its two parts.
var dependentNames = map[string]bool{"abspath": true, "path_relative_to_include": true, "path_relative_from_include": true, "get_path_from_repo_root": true, "get_path_to_repo_root": true,
	"get_repo_root": true, "find_in_parent_folders": true, "get_terragrunt_dir": true, "get_parent_terragrunt_dir": true, "get_original_terragrunt_dir": true, "get_working_dir": true}

// dependentFiles are what terraform and terragrunt read beside configuration.
var dependentFiles = []string{".hcl", ".tfvars", ".tfvars.json", ".tfbackend"}

// findDependent looks in the repositories whose prefix was stripped for what
// depends on the path of a file. Their values cannot be compared; a wrong one
// could mean another state.
func (ck *checker) findDependent() {
	for _, a := range ck.afters {
		if a.live == nil || a.top == "." || a.root == nil {
			continue
		}
		for _, f := range a.files {
			reads := func(ending string) bool { return strings.HasSuffix(f.path, ending) }
			if !f.regular() || languageOf(path.Base(f.path)) == languageNone && !slices.ContainsFunc(dependentFiles, reads) {
				continue
			}
			data, err := a.st.read(f.id, plumbing.BlobObject)
			if err != nil {
				continue // told among the files
			}
			line, what := dependent(data, a.origin(path.Dir(f.path)), a.top)
			if what == "" {
				continue
			}
			a.dependent = append(a.dependent, problem{kind: "path-dependent", key: what, file: a.origin(f.path), line: line,
				summary: fmt.Sprintf("%s may depend on the path %q, which %s does not have any more", what, a.top, a.repository)})
		}
	}
}

// dependent returns the first thing in a file below dir whose meaning the
// directories at or above root decide: a function that asks for a path, or a
// text that climbs out.
func dependent(data []byte, dir, root string) (line int, what string) {
	// JSON's strings are read as HCL's: names and paths have no escapes.
	tokens, _ := hclsyntax.LexConfig(data, "", hcl.InitialPos)
	for i, t := range tokens {
		text := string(t.Bytes)
		switch t.Type {
		case hclsyntax.TokenIdent:
			cwd := text == "cwd" && i >= 2 && string(tokens[i-1].Bytes) == "." && string(tokens[i-2].Bytes) == "path"
			if cwd || dependentNames[text] {
				return t.Range.Start.Line, text
			}
		case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit:
			parts := strings.Split(strings.Trim(text, "/"), "/")
			if slices.Contains(parts, "..") && !within(path.Join(dir, strings.TrimLeft(text, "/")), root) && !strings.Contains(text, "://") {
				return t.Range.Start.Line, fmt.Sprintf("%q", text)
			}
		}
	}
	return 0, ""
}
