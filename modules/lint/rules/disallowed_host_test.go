package rules

import (
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
)

func TestDisallowedHost(t *testing.T) {
	hosts := func(list ...string) func(*lint.Input) {
		return func(in *lint.Input) {
			in.Settings.Rules = map[string]lint.RuleSettings{"disallowed-host": {Hosts: list}}
		}
	}
	no := func(name, source, piece, summary string, list ...string) row {
		return row{name: name, files: call(source), with: hosts(list...), want: []string{on(call(source), "main.tf", piece, summary)}}
	}
	yes := func(name, source string, list ...string) row {
		return row{name: name, files: call(source), with: hosts(list...)}
	}
	const h = "gitlab.example.com"
	table(t, disallowedHost, []row{
		no("git", "git::https://evil.example/a/b.git?ref=v1.2.3", "evil.example", `Module "m" comes from evil.example, which is not allowed`, h),
		no("git@host", "git@evil.example:a/b.git", "evil.example", "evil.example", h),
		no("git without a user", "git::evil.example:a/b.git", "evil.example", "evil.example", h),
		no("github", "github.com/a/b", "github.com", "comes from github.com,", h),
		no("a user that looks like the host", "git::https://gitlab.example.com@evil.example/a/b", "evil.example", "evil.example", h),
		no("a host that begins like it", "git::https://gitlab.example.com.evil.example/a/b", "gitlab.example.com.evil.example", "from gitlab.example.com.evil.example", h),
		no("a host that ends like it", "git::https://evilgitlab.example.com/a/b", "evilgitlab.example.com", "from evilgitlab", h),
		no("not below a glob, but it", "git::https://example.com/a/b", "example.com", "example.com", "*.example.com"),
		no("an archive", "https://evil.example/x-1.2.3.zip", "evil.example", "evil.example", h),
		no("S3", "s3::https://s3-eu-west-1.amazonaws.com/bucket/x.zip", "s3-eu-west-1.amazonaws.com", "s3-eu-west-1", h),
		no("a registry", "evil.example/a/b/c", "evil.example", "evil.example", h),
		no("the registry that is not written", "a/b/c", `"a/b/c"`, "comes from registry.terraform.io", h),
		no("another port", "git::https://gitlab.example.com:9999/a/b", "gitlab.example.com:9999", "from gitlab.example.com,", h+":443"),
		no("the port of ssh", "git::ssh://git@gitlab.example.com/a/b", "gitlab.example.com", "gitlab", h+":443"),
		no("another group", "github.com/evil/b?ref=v1.2.3", "github.com", "from github.com/evil/b, which", "github.com/acme/*"),
		no("deeper than one star", "git::https://gitlab.example.com/acme/sub/b", "gitlab.example.com", "acme/sub/b", h+"/acme/*"),
		no("capital letters", "git::https://EVIL.example/a/b", "EVIL.example", "from evil.example", h),
		{
			name: "terragrunt's registry", files: "-- terragrunt.hcl --\nterraform {\n  source = \"tfr:///a/b/c?version=1.2.3\"\n}\n", with: hosts(h),
			want: []string{`terragrunt.hcl:2:12-2:40 registry.terraform.io`},
		},
		yes("git", "git::https://gitlab.example.com/a/b", h),
		yes("at a port", "git::https://gitlab.example.com:8443/a/b", h),
		yes("git@host", "git@gitlab.example.com:a/b", h),
		yes("at the port of its scheme", "git::https://gitlab.example.com/a/b", h+":443"),
		yes("at the port of ssh", "git@gitlab.example.com:a/b", h+":22"),
		yes("capital letters", "git::https://GITLAB.example.com/a/b", "GitLab.example.com"),
		yes("with the dot of the root", "git::https://gitlab.example.com./a/b", h),
		yes("below a glob", "git::https://a.b.example.com/a/b", "*.example.com"),
		yes("a group", "git::https://github.com/acme/b.git//x?ref=v1.2.3", "github.com/acme/*"),
		yes("a group and all below it", "git::https://gitlab.example.com/acme/sub/b", h+"/acme/**"),
		yes("a namespace of the registry", "acme/b/c", "registry.terraform.io/acme/**"),
		yes("IPv6", "git::https://[2001:db8::1]:8443/a/b", "[2001:db8::1]:8443"),
		yes("a local path", "./x", h),
		yes("a file", "git::file:///srv/x.git", h),
		{name: "without a configuration", files: call("git::https://evil.example/a/b")},
	})
}
