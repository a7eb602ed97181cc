package rules

import "testing"

// Which refs no repository can have is in TestRefs.
func TestUnsafeRef(t *testing.T) {
	whole := func(name, source, summary string) row {
		return row{name: name, files: call(source), want: []string{on(call(source), "main.tf", `"`+source+`"`, summary)}}
	}
	table(t, unsafeRef, append(everywhere("git::https://h.example/vpc.git?depth=1&ref=--upload-pack=x", "--upload-pack=x", "begins with -"),
		whole("a helper that runs a command", "git::ext::sh -c touch% /tmp/x", `makes git run its helper "ext::"`),
		whole("a helper that opens a file", "git::fd::7", `"fd::"`),
		whole("with a ref", "git::ext::sh -c x?ref=v1.2.3", `"ext::"`),
		whole("a helper with no getter", "ext::sh -c x", `names "ext::", which is no getter`),
		whole("a getter that does not exist", "foo::https://h.example/x", `"foo::"`),
		whole("an option for git", "git::--upload-pack=x", "gives git an option"),
		whole("an option for ssh", "git::ssh://-oProxyCommand=x/y.git?ref=v1.2.3", "gives ssh an option"),
		whole("an encoded line break in the path", "git::https://h.example/x%0ay.git?ref=v1.2.3", "control characters"),
		row{name: "a character that cannot be seen", files: call("git::https://h.example/vpc\u200b.git?ref=v1.2.3"), want: []string{`main.tf:2:12-2:56 cannot be seen`}},
		row{name: "text that runs the other way", files: call("git::https://h.example/\u202evpc.git?ref=v1.2.3"), want: []string{`main.tf:2:12-2:56 cannot be seen`}},
		row{
			name:  "a control character",
			files: call(`git::https://h.example/x\u0007y.git?ref=v1.2.3`),
			want:  []string{`main.tf:2:12-2:60 control characters`},
		},
		row{
			name:  "terragrunt",
			files: "-- terragrunt.hcl --\nterraform {\n  source = \"git::ext::sh -c x\"\n}\n",
			want:  []string{`terragrunt.hcl:2:12-2:31 "ext::"`},
		},
		row{name: "a directory with such a name", files: call("git::https://h.example/vpc.git//--upload-pack?ref=v1.0.0")},
		row{name: "a repository with such a name", files: call("git::https://h.example/-x/ext::y.git?ref=v1.0.0")},
		row{name: "the helper of AWS CodeCommit", files: call("git::codecommit::eu-west-1://vpc?ref=v1.0.0")},
		row{name: "every getter", files: call("git::https://h.example/x") + "-- a/m.tf --\n" + call("s3::https://s3.amazonaws.com/b/x.zip") + "-- b/m.tf --\n" + call("gcs::https://www.googleapis.com/storage/v1/b/x.zip") + "-- c/m.tf --\n" + call("hg::https://h.example/x")},
		row{name: "a file", files: call("file:///etc")},
		row{name: "an IPv6 host", files: call("git::ssh://git@[2001:db8::1]/x.git?ref=v1.0.0")},
	))
}
