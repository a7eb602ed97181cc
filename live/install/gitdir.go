package install

import (
	"path"
	"regexp"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// terraform leaves the clone's .git in the directory of the first call of a
// package. It holds names and times that no two clones share, so ours has none;
// a stack whose configuration can see it is left to terraform init.
var (
	// gitPath is .git as a part of a path, not the end of a repository's name.
	gitPath = regexp.MustCompile(`(?m)(?:^|[^A-Za-z0-9_.})\]-])\.git(?:$|[^A-Za-z0-9_.-])`)
	// gitCommand is git being run.
	gitCommand = regexp.MustCompile(`(?m)(?:^|[^A-Za-z0-9_./:-])git\s+(?:-C|--git-dir|rev-parse|describe|log|show|status|config|branch|tag|ls-files|ls-tree|remote|symbolic-ref|name-rev|rev-list|diff|cat-file|archive)\b|"git"\s*[,\]]|\bgit',`)
	// runsPrograms is a block that starts programs.
	runsPrograms = regexp.MustCompile(`"(?:external|local-exec)"`)
)

// mentionsGit says that a file looks into .git, or runs git; "" where not.
func mentionsGit(src []byte) string {
	if gitPath.Match(src) {
		return "names .git, which only a clone has"
	}
	if gitCommand.Match(src) {
		return "runs git, which needs a clone"
	}
	return ""
}

// gitFiles are some of what is in every .git.
var gitFiles = []string{
	".git/HEAD", ".git/config", ".git/index", ".git/packed-refs", ".git/description", ".git/info/exclude", ".git/hooks/pre-commit.sample",
	".git/logs/HEAD", ".git/logs/refs/heads/main", ".git/refs/heads/main", ".git/refs/remotes/origin/HEAD",
	".git/objects/pack/pack-0123456789012345678901234567890123456789.pack", ".git/objects/pack/pack-0123456789012345678901234567890123456789.idx",
}

// walksGit says that an expression of a directory's lists files so that it
// comes to a .git; "" where none does. dir is the directory in its package, or
// from the root of the work tree. What a caller passes in is not followed.
func walksGit(body *hclsyntax.Body, dir string) string {
	why := ""
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.FunctionCallExpr:
			if n.Name != "fileset" || len(n.Args) != 2 || !reaches(n.Args[0], dir) {
				return nil
			}
			pattern, ok := literal(n.Args[1])
			if !ok {
				why = "lists files by a pattern that is not known, beside the .git of a clone"
				return nil
			}
			for _, name := range gitFiles {
				for _, below := range []string{"", "m/", ".terraform/modules/m/"} {
					if hit, err := doublestar.Match(pattern, below+name); hit || err != nil {
						why = "lists all files beside the .git of a clone"
					}
				}
			}
		case *hclsyntax.Block:
			if n.Type != "data" && n.Type != "resource" || len(n.Labels) == 0 || n.Labels[0] != "archive_file" {
				return nil
			}
			if a := n.Body.Attributes["source_dir"]; a != nil && reaches(a.Expr, dir) {
				why = "packs a directory with the .git of a clone"
			}
		}
		return nil
	})
	return why
}

// reaches reports whether the directory that an expression gives may have a
// .git in it, or below it. Below a directory of a module there is none.
func reaches(e hclsyntax.Expression, dir string) bool {
	base, rest, ok := pathExpr(e)
	switch {
	case !ok:
		for _, t := range e.Variables() {
			if t.RootName() == "path" {
				return true
			}
		}
		return false
	case base == "module":
		at := path.Join(dir, rest)
		return at == "." || at == ".." || strings.HasPrefix(at, "../") || path.Clean("./"+rest) == "." || strings.HasPrefix(path.Clean("./"+rest), "..")
	}
	rest = path.Clean("./" + rest)
	return rest == "." || strings.HasPrefix(rest, "..") || strings.HasPrefix(rest, ".terraform")
}

// pathExpr takes "${path.module}/x" apart.
func pathExpr(e hclsyntax.Expression) (base, rest string, ok bool) {
	switch e := e.(type) {
	case *hclsyntax.TemplateWrapExpr:
		return pathExpr(e.Wrapped)
	case *hclsyntax.ParenthesesExpr:
		return pathExpr(e.Expression)
	case *hclsyntax.ScopeTraversalExpr:
		if len(e.Traversal) == 2 && e.Traversal.RootName() == "path" {
			if a, isAttr := e.Traversal[1].(hcl.TraverseAttr); isAttr {
				return a.Name, "", true
			}
		}
	case *hclsyntax.TemplateExpr:
		if len(e.Parts) == 2 {
			base, rest, ok = pathExpr(e.Parts[0])
			text, known := literal(e.Parts[1])
			return base, text, ok && rest == "" && known
		}
	}
	return "", "", false
}

// literal is the text of an expression without variables.
func literal(e hclsyntax.Expression) (string, bool) {
	v, diags := e.Value(nil)
	if diags.HasErrors() || v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}
