package rules

import "testing"

func TestShallowCommit(t *testing.T) {
	fixed := func(name, before, depth, after string) row {
		return row{name: name, files: call(before), want: []string{on(call(before), "main.tf", depth, "shallow clone of a commit")}, fixed: call(after)}
	}
	const base = "git::https://h.example/vpc.git//x"
	table(t, shallowCommit, []row{
		fixed("first", base+"?depth=17&ref="+sha, "17", base+"?ref="+sha),
		fixed("last", base+"?ref="+sha+"&depth=17", "17", base+"?ref="+sha),
		fixed("between", base+"?a=%20b&depth=17&ref="+sha+"&c=", "17", base+"?a=%20b&ref="+sha+"&c="),
		fixed("before a fragment", base+"?ref="+sha+"&depth=17#x?depth=2", "17", base+"?ref="+sha+"#x?depth=2"),
		fixed("twice, and the second would count", base+"?depth=17&depth=2&ref="+sha, "17", base+"?ref="+sha),
		fixed("twice, around the ref", base+"?depth=17&ref="+sha+"&depth=2", "17", base+"?ref="+sha),
		fixed("twice, behind the ref", base+"?ref="+sha+"&depth=17&depth=2", "17", base+"?ref="+sha),
		fixed("with empty parameters", base+"?&depth=17&&ref="+sha+"&", "17", base+"?&&ref="+sha+"&"),
		fixed("an encoded name", base+"?%64epth=17&ref="+sha, "17", base+"?ref="+sha),
		fixed("a short commit", "git@h.example:x.git?depth=18&ref=1234567", "18", "git@h.example:x.git?ref=1234567"),
		{
			name:  "CRLF",
			files: "module \"m\" {\r\n  source = \"github.com/a/b?depth=1&ref=" + sha + "\" # v1.2.3\r\n}\r\n",
			want:  []string{`main.tf:2:34-2:35 shallow clone`},
			fixed: "module \"m\" {\r\n  source = \"github.com/a/b?ref=" + sha + "\" # v1.2.3\r\n}\r\n",
		},
		{
			name:  "JSON with escapes has no fix",
			files: "-- main.tf.json --\n{\"module\": {\"m\": {\"source\": \"github.com/a/b?depth=1\\u0026ref=" + sha + "\"}}}\n",
			want:  []string{`main.tf.json:1:29-1:103 shallow clone`},
		},
		{
			name:  "terragrunt",
			files: "-- terragrunt.hcl --\nterraform {\n  source = \"github.com/a/b?depth=1&ref=" + sha + "\"\n}\n",
			want:  []string{`terragrunt.hcl:2:34-2:35 terragrunt source asks`},
			fixed: "terraform {\n  source = \"github.com/a/b?ref=" + sha + "\"\n}\n",
		},
		{name: "a tag", files: call(base + "?depth=1&ref=v1.2.3")},
		{name: "a branch", files: call(base + "?depth=1&ref=main")},
		{name: "no ref", files: call(base + "?depth=1")},
		{name: "a word of hexadecimal digits", files: call(base + "?depth=1&ref=babe")},
		{name: "a depth of none", files: call(base + "?depth=0&ref=" + sha)},
		{name: "a depth that is no number", files: call(base + "?depth=x&ref=" + sha)},
		{name: "an empty depth before another", files: call(base + "?depth=&depth=1&ref=" + sha)},
		{name: "in a fragment", files: call(base + "?ref=" + sha + "#&depth=1")},
		{name: "an archive", files: call("https://h.example/x.zip?depth=1&ref=" + sha)},
		{
			name:  "a tag of seven digits",
			files: call("git::https://h.example/vpc.git?depth=1&ref=1234567"),
			with:  lockedAs("1234567", "tag"),
		},
	})
}
