package rules

import "testing"

// Which refs are branches is in TestRefs.
func TestBranchRef(t *testing.T) {
	table(t, branchRef, append(everywhere("git::https://h.example/vpc.git//x?depth=1&ref=main", "main", `at "main"`),
		row{
			name:  "the first of two refs counts",
			files: call("github.com/a/b?ref=v1.2.3&ref=main"),
		},
		row{
			name:  "the first of two refs is the branch",
			files: call("github.com/a/b?ref=dev&ref=v1.2.3"),
			want:  []string{on(call("github.com/a/b?ref=dev&ref=v1.2.3"), "main.tf", "dev", `"dev"`)},
		},
		row{
			name:  "a name that is percent-encoded",
			files: call("git::https://h.example/x?%72ef=dev"),
			want:  []string{`main.tf:2:44-2:47 "dev"`},
		},
		row{
			name:  "an encoded ref",
			files: call("git::https://h.example/x?ref=feature%2Fx"),
			want:  []string{`main.tf:2:42-2:53 at "feature/x"`},
		},
		row{
			name:  "a ref that does not decode is none",
			files: call("git::https://h.example/x?ref=%zz&ref=v1.2.3"),
		},
		row{
			name:  "a parameter that ends in ref",
			files: call("git::https://h.example/x?xref=main&ref=v1.2.3"),
		},
		row{
			name:  "a path that looks like a query",
			files: call("git::https://h.example/ref=main/x?ref=v1.2.3#ref=main"),
		},
		row{
			name:  "git@host, with sshkey before it",
			files: call("git@h.example:a/b.git?sshkey=${x}&ref=main"),
		},
		row{
			name:  "a branch with a version in its name",
			files: call("github.com/a/b?ref=wip/rel-1.2-main"),
			want:  []string{`main.tf:2:32-2:48 wip/rel-1.2-main`},
		},
		row{
			name:  "Mercurial",
			files: call("hg::https://h.example/x?rev=default"),
			want:  []string{`main.tf:2:41-2:48 at "default"`},
		},
		row{
			name:  "Mercurial at a commit",
			files: call("hg::https://h.example/x?rev=" + sha),
		},
		row{
			name:  "a local path, a registry module and an archive have no ref",
			files: call("./x?ref=main") + "-- a/main.tf --\n" + call("a/b/c") + "-- b/main.tf --\n" + call("https://h.example/x.zip?ref=main"),
		},
		row{
			name:  "both branches of a conditional",
			files: "-- terragrunt.hcl --\nterraform {\n  source = get_env(\"X\") == \"\" ? \"github.com/a/b?ref=dev\" : \"github.com/a/b?ref=v1.2.3\"\n}\n",
			want:  []string{`terragrunt.hcl:2:53-2:56 "dev"`},
		},
	))
}
