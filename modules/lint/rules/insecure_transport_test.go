package rules

import (
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
)

func TestInsecureTransport(t *testing.T) {
	fixed := func(name, before, piece, after string) row {
		return row{name: name, files: call(before), want: []string{on(call(before), "main.tf", piece, `is fetched by `+piece)}, fixed: call(after)}
	}
	open := func(name, source, piece string) row {
		return row{name: name, files: call(source), want: []string{on(call(source), "main.tf", piece, "in the clear")}}
	}
	table(t, insecureTransport, []row{
		fixed("http", "git::http://h.example/x.git?depth=1&ref=v1.2.3", "http://", "git::https://h.example/x.git?depth=1&ref=v1.2.3"),
		fixed("an archive", "http://h.example/x-1.2.3.zip//y", "http://", "https://h.example/x-1.2.3.zip//y"),
		fixed("Mercurial", "hg::http://h.example/x.hg", "http://", "hg::https://h.example/x.hg"),
		fixed("git of github", "git::git://github.com/a/b.git?ref=v1.2.3", "git://", "git::https://github.com/a/b.git?ref=v1.2.3"),
		fixed("git of github, without a getter", "git://github.com/a/b.git//x?ref=v1.2.3", "git://", "git::https://github.com/a/b.git//x?ref=v1.2.3"),
		open("git of another host", "git://h.example/x.git?ref=v1.2.3", "git://"),
		open("a port says nothing of the one for https", "git::http://h.example:8080/x.git?ref=v1.2.3", "http://"),
		open("not even 80", "git::http://h.example:80/x.git?ref=v1.2.3", "http://"),
		open("a host that begins like this machine", "git::http://localhost.example:80/x.git", "http://"),
		open("a host that begins like an address of it", "git::http://127.0.0.1.example:80/x.git", "http://"),
		open("ftp", "ftp://h.example/x-1.2.3.zip", "ftp://"),
		open("also at a commit", "git::http://h.example:80/x.git?ref="+sha, "http://"),
		{
			name:  "capital letters",
			files: call("git::HTTP://h.example/x.git?ref=v1.2.3"),
			want:  []string{`main.tf:2:18-2:25 by http://`},
			fixed: call("git::https://h.example/x.git?ref=v1.2.3"),
		},
		{
			name:  "JSON with escapes has no fix",
			files: "-- main.tf.json --\n{\"module\": {\"m\": {\"source\": \"git::http:\\/\\/h.example/x.git?ref=v1\"}}}\n",
			want:  []string{`main.tf.json:1:29-1:67 in the clear`},
		},
		{
			name:  "terragrunt, CRLF",
			files: "-- terragrunt.hcl --\nterraform {\r\n  source = \"git::http://h.example/x.git?ref=v1.2.3\"\r\n}\r\n",
			want:  []string{`terragrunt.hcl:2:18-2:25 in the clear`},
			fixed: "terraform {\r\n  source = \"git::https://h.example/x.git?ref=v1.2.3\"\r\n}\r\n",
		},
		{
			name:  "an address in a parameter is none",
			files: call("https://h.example/x.zip?checksum=file:http://h.example/sums"),
		},
		{name: "https", files: call("git::https://h.example/http://x.git?ref=v1.2.3")},
		{name: "ssh", files: call("git@h.example:http/x.git")},
		{name: "this machine", files: call("git::http://127.0.0.1:8080/x.git")},
		{name: "this machine by name", files: call("git::http://localhost/x.git") + "-- a/m.tf --\n" + call("http://x.localhost:8080/x.zip")},
		{name: "this machine, IPv6", files: call("git::http://[::1]:8080/x.git")},
		{name: "a registry", files: call("a/b/c")},
		{name: "a file", files: call("git::file:///srv/http://x.git")},
		{
			name: "a scheme that is allowed", files: call("git::http://h.example/x.git"),
			with: func(in *lint.Input) {
				in.Settings.Rules = map[string]lint.RuleSettings{"insecure-transport": {Schemes: []string{"http"}}}
			},
		},
	})
}
