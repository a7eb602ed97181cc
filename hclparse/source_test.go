package hclparse

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// A sourceCase is what one address is read as. The inputs are facts that
// the suites of the peers state too; SOURCES.md lists where we differ.
type sourceCase struct {
	raw    string
	kind   Kind
	pkg    string // Path for a local source
	host   string
	repo   string
	subdir string
	ref    string
	// ours says that terraform 1.11 reads it otherwise, or not at all.
	ours bool
}

var sourceCases = []sourceCase{
	// Local paths.
	{raw: "./child", kind: KindLocal, pkg: "./child"},
	{raw: "./nope/../child", kind: KindLocal, pkg: "./child"},
	{raw: "../sibling", kind: KindLocal, pkg: "../sibling"},
	{raw: "./nope/../../sibling", kind: KindLocal, pkg: "../sibling"},
	{raw: `.\child`, kind: KindLocal, pkg: "./child"},
	{raw: `.\nope\..\child`, kind: KindLocal, pkg: "./child"},
	{raw: `..\sibling`, kind: KindLocal, pkg: "../sibling"},
	{raw: `.\nope\..\..\sibling`, kind: KindLocal, pkg: "../sibling"},
	{raw: `./nope\nope/why\./please\don't`, kind: KindLocal, pkg: "./nope/nope/why/please/don't"},
	{raw: "../../modules//vpc", kind: KindLocal, pkg: "../../modules/vpc"},
	{raw: "../../../modules/vpc/", kind: KindLocal, pkg: "../../../modules/vpc"},
	{raw: "./vpc-module.zip", kind: KindLocal, pkg: "./vpc-module.zip"},
	{raw: "./foo?foo=bar", kind: KindLocal, pkg: "./foo?foo=bar"},
	{raw: "./child//sub?ref=v1", kind: KindLocal, pkg: "./child/sub?ref=v1"},
	{raw: "./foo/archive//*", kind: KindLocal, pkg: "./foo/archive/*"},
	{raw: "./", kind: KindLocal, pkg: "."},
	{raw: "../", kind: KindLocal, pkg: ".."},
	{raw: "./x/..", kind: KindLocal, pkg: "."},
	{raw: "./..", kind: KindLocal, pkg: ".."},
	{raw: "../..", kind: KindLocal, pkg: "../.."},
	{raw: ".//.../x", kind: KindLocal, pkg: "./.../x"},

	// Registries.
	{raw: "hashicorp/subnets/cidr", kind: KindRegistry, pkg: "registry.terraform.io/hashicorp/subnets/cidr", host: "registry.terraform.io", repo: "hashicorp/subnets/cidr"},
	{raw: "hashicorp/subnets/cidr//examples/foo", kind: KindRegistry, pkg: "registry.terraform.io/hashicorp/subnets/cidr", host: "registry.terraform.io", repo: "hashicorp/subnets/cidr", subdir: "examples/foo"},
	{raw: "hashicorp/consul/aws", kind: KindRegistry, pkg: "registry.terraform.io/hashicorp/consul/aws", host: "registry.terraform.io", repo: "hashicorp/consul/aws"},
	{raw: "hashicorp/consul/aws//foo", kind: KindRegistry, pkg: "registry.terraform.io/hashicorp/consul/aws", host: "registry.terraform.io", repo: "hashicorp/consul/aws", subdir: "foo"},
	{raw: "hashicorp/consul/aws//foo/../bar/.", kind: KindRegistry, pkg: "registry.terraform.io/hashicorp/consul/aws", host: "registry.terraform.io", repo: "hashicorp/consul/aws", subdir: "bar"},
	{raw: "registry.terraform.io/hashicorp/consul/aws", kind: KindRegistry, pkg: "registry.terraform.io/hashicorp/consul/aws", host: "registry.terraform.io", repo: "hashicorp/consul/aws"},
	{raw: "registry.opentofu.org/hashicorp/consul/aws", kind: KindRegistry, pkg: "registry.opentofu.org/hashicorp/consul/aws", host: "registry.opentofu.org", repo: "hashicorp/consul/aws"},
	{raw: "HashiCorp/Consul/aws", kind: KindRegistry, pkg: "registry.terraform.io/HashiCorp/Consul/aws", host: "registry.terraform.io", repo: "HashiCorp/Consul/aws"},
	{raw: "example.com/awesomecorp/network/happycloud", kind: KindRegistry, pkg: "example.com/awesomecorp/network/happycloud", host: "example.com", repo: "awesomecorp/network/happycloud"},
	{raw: "example.com/awesomecorp/network/happycloud//examples/foo", kind: KindRegistry, pkg: "example.com/awesomecorp/network/happycloud", host: "example.com", repo: "awesomecorp/network/happycloud", subdir: "examples/foo"},
	{raw: "app.terraform.io/example-corp/k8s-cluster/azurerm", kind: KindRegistry, pkg: "app.terraform.io/example-corp/k8s-cluster/azurerm", host: "app.terraform.io", repo: "example-corp/k8s-cluster/azurerm"},
	{raw: "gitlab.com/group/vpc/aws", kind: KindRegistry, pkg: "gitlab.com/group/vpc/aws", host: "gitlab.com", repo: "group/vpc/aws"},
	{raw: "Example.com:1234/HashiCorp/Consul/aws", kind: KindRegistry, pkg: "example.com:1234/HashiCorp/Consul/aws", host: "example.com:1234", repo: "HashiCorp/Consul/aws"},
	{raw: "Испытание.com/HashiCorp/Consul/aws", kind: KindRegistry, pkg: "испытание.com/HashiCorp/Consul/aws", host: "испытание.com", repo: "HashiCorp/Consul/aws"},
	{raw: "Испытание.com:1234/HashiCorp/Consul/aws//Foo", kind: KindRegistry, pkg: "испытание.com:1234/HashiCorp/Consul/aws", host: "испытание.com:1234", repo: "HashiCorp/Consul/aws", subdir: "Foo"},

	// The short forms of github.com and bitbucket.org.
	{raw: "github.com/hashicorp/terraform-cidr-subnets", kind: KindGit, pkg: "git::https://github.com/hashicorp/terraform-cidr-subnets.git", host: "github.com", repo: "hashicorp/terraform-cidr-subnets"},
	{raw: "github.com/hashicorp/terraform-cidr-subnets//example/foo", kind: KindGit, pkg: "git::https://github.com/hashicorp/terraform-cidr-subnets.git", host: "github.com", repo: "hashicorp/terraform-cidr-subnets", subdir: "example/foo"},
	{raw: "github.com/hashicorp/foo", kind: KindGit, pkg: "git::https://github.com/hashicorp/foo.git", host: "github.com", repo: "hashicorp/foo"},
	{raw: "github.com/hashicorp/foo.git", kind: KindGit, pkg: "git::https://github.com/hashicorp/foo.git", host: "github.com", repo: "hashicorp/foo"},
	{raw: "github.com/hashicorp/foo/bar", kind: KindGit, pkg: "git::https://github.com/hashicorp/foo.git", host: "github.com", repo: "hashicorp/foo", subdir: "bar"},
	{raw: "github.com/hashicorp/foo/bar//baz", kind: KindGit, pkg: "git::https://github.com/hashicorp/foo.git", host: "github.com", repo: "hashicorp/foo", subdir: "bar/baz"},
	{raw: "github.com/hashicorp/foo/bar?ref=v1", kind: KindGit, pkg: "git::https://github.com/hashicorp/foo.git?ref=v1", host: "github.com", repo: "hashicorp/foo", subdir: "bar", ref: "v1"},
	{raw: "github.com/hashicorp/foo/a%20b", kind: KindGit, pkg: "git::https://github.com/hashicorp/foo.git", host: "github.com", repo: "hashicorp/foo", subdir: "a%252520b"},
	{raw: "github.com/hashicorp/foo?foo=bar", kind: KindGit, pkg: "git::https://github.com/hashicorp/foo.git?foo=bar", host: "github.com", repo: "hashicorp/foo"},
	{raw: "github.com/hashicorp/foo.git?foo=bar", kind: KindGit, pkg: "git::https://github.com/hashicorp/foo.git?foo=bar", host: "github.com", repo: "hashicorp/foo"},
	{raw: "github.com/hashicorp/foo.git?foo=bar/baz", kind: KindGit, pkg: "git::https://github.com/hashicorp/foo.git?foo=bar/baz", host: "github.com", repo: "hashicorp/foo"},
	{raw: "github.com/hashicorp/foo?ref=vpc/v1.2.3", kind: KindGit, pkg: "git::https://github.com/hashicorp/foo.git?ref=vpc/v1.2.3", host: "github.com", repo: "hashicorp/foo", ref: "vpc/v1.2.3"},
	{raw: "github.com/hashicorp/foo//sub?ref=vpc%2Fv1.2.3", kind: KindGit, pkg: "git::https://github.com/hashicorp/foo.git?ref=vpc%2Fv1.2.3", host: "github.com", repo: "hashicorp/foo", subdir: "sub", ref: "vpc/v1.2.3"},
	{raw: "git::github.com/hashicorp/foo", kind: KindGit, pkg: "git::https://github.com/hashicorp/foo.git", host: "github.com", repo: "hashicorp/foo"},
	{raw: "git::github.com/hashicorp/foo//bar", kind: KindGit, pkg: "git::https://github.com/hashicorp/foo.git", host: "github.com", repo: "hashicorp/foo", subdir: "bar"},
	{raw: "github.com/HashiCorp/Consul/aws", kind: KindGit, pkg: "git::https://github.com/HashiCorp/Consul.git", host: "github.com", repo: "HashiCorp/Consul", subdir: "aws"},
	{raw: "github.com/mineiros-io/example", kind: KindGit, pkg: "git::https://github.com/mineiros-io/example.git", host: "github.com", repo: "mineiros-io/example"},
	{raw: "github.com/mineiros-io/example.git", kind: KindGit, pkg: "git::https://github.com/mineiros-io/example.git", host: "github.com", repo: "mineiros-io/example"},
	{raw: "github.com/mineiros-io/example?ref=v1", kind: KindGit, pkg: "git::https://github.com/mineiros-io/example.git?ref=v1", host: "github.com", repo: "mineiros-io/example", ref: "v1"},
	{raw: "github.com/mineiros-io/example.git?ref=v1", kind: KindGit, pkg: "git::https://github.com/mineiros-io/example.git?ref=v1", host: "github.com", repo: "mineiros-io/example", ref: "v1"},
	{raw: "github.com/mineiros-io/example?key=v1", kind: KindGit, pkg: "git::https://github.com/mineiros-io/example.git?key=v1", host: "github.com", repo: "mineiros-io/example"},
	{raw: "bitbucket.org/hashicorp/tf-test-git", kind: KindGit, pkg: "git::https://bitbucket.org/hashicorp/tf-test-git.git", host: "bitbucket.org", repo: "hashicorp/tf-test-git"},
	{raw: "bitbucket.org/hashicorp/tf-test-git.git", kind: KindGit, pkg: "git::https://bitbucket.org/hashicorp/tf-test-git.git", host: "bitbucket.org", repo: "hashicorp/tf-test-git"},
	{raw: "bitbucket.org/hashicorp/terraform-consul-aws//a?ref=v2", kind: KindGit, pkg: "git::https://bitbucket.org/hashicorp/terraform-consul-aws.git?ref=v2", host: "bitbucket.org", repo: "hashicorp/terraform-consul-aws", subdir: "a", ref: "v2"},
	{raw: "bitbucket.org/HashiCorp/Consul/aws", kind: KindGit, pkg: "git::https://bitbucket.org/HashiCorp/Consul/aws.git", host: "bitbucket.org", repo: "HashiCorp/Consul/aws"},

	// gitlab.com: go-getter's own detector, which terraform does not use.
	{raw: "gitlab.com/hashicorp/foo", kind: KindGit, pkg: "git::https://gitlab.com/hashicorp/foo.git", host: "gitlab.com", repo: "hashicorp/foo", ours: true},
	{raw: "gitlab.com/hashicorp/foo.git", kind: KindGit, pkg: "git::https://gitlab.com/hashicorp/foo.git", host: "gitlab.com", repo: "hashicorp/foo", ours: true},
	{raw: "gitlab.com/hashicorp/foo?foo=bar", kind: KindGit, pkg: "git::https://gitlab.com/hashicorp/foo.git?foo=bar", host: "gitlab.com", repo: "hashicorp/foo", ours: true},
	{raw: "gitlab.com/hashicorp/foo.git?foo=bar", kind: KindGit, pkg: "git::https://gitlab.com/hashicorp/foo.git?foo=bar", host: "gitlab.com", repo: "hashicorp/foo", ours: true},
	{raw: "gitlab.com/hashicorp/foo//bar?ref=v1", kind: KindGit, pkg: "git::https://gitlab.com/hashicorp/foo.git?ref=v1", host: "gitlab.com", repo: "hashicorp/foo", subdir: "bar", ref: "v1", ours: true},
	{raw: "gitlab.com/hashicorp/foo/bar", kind: KindRegistry, pkg: "gitlab.com/hashicorp/foo/bar", host: "gitlab.com", repo: "hashicorp/foo/bar"},

	// Git by URL.
	{raw: "git://example.com/code/baz.git", kind: KindGit, pkg: "git://example.com/code/baz.git", host: "example.com", repo: "code/baz"},
	{raw: "git://example.com/code/baz.git//bleep/bloop", kind: KindGit, pkg: "git://example.com/code/baz.git", host: "example.com", repo: "code/baz", subdir: "bleep/bloop"},
	{raw: "git::https://example.com/code/baz.git", kind: KindGit, pkg: "git::https://example.com/code/baz.git", host: "example.com", repo: "code/baz"},
	{raw: "git::https://example.com/code/baz.git//bleep/bloop", kind: KindGit, pkg: "git::https://example.com/code/baz.git", host: "example.com", repo: "code/baz", subdir: "bleep/bloop"},
	{raw: "git::https://example.com/code/baz.git?otherthing=blah", kind: KindGit, pkg: "git::https://example.com/code/baz.git?otherthing=blah", host: "example.com", repo: "code/baz"},
	{raw: "git::https://example.com/code/baz.git//bleep/bloop?otherthing=blah", kind: KindGit, pkg: "git::https://example.com/code/baz.git?otherthing=blah", host: "example.com", repo: "code/baz", subdir: "bleep/bloop"},
	{raw: "git::https://github.com/hashicorp/consul.git", kind: KindGit, pkg: "git::https://github.com/hashicorp/consul.git", host: "github.com", repo: "hashicorp/consul"},
	{raw: "git::https://person@someothergit.com/foo/bar", kind: KindGit, pkg: "git::https://person@someothergit.com/foo/bar", host: "someothergit.com", repo: "foo/bar"},
	{raw: "git::https://user:token@h.example/p.git?ref=v1", kind: KindGit, pkg: "git::https://user:token@h.example/p.git?ref=v1", host: "h.example", repo: "p", ref: "v1"},
	{raw: "git::https://example.com/vpc.git?ref=v3", kind: KindGit, pkg: "git::https://example.com/vpc.git?ref=v3", host: "example.com", repo: "vpc", ref: "v3"},
	{raw: "git::https://example.com:443/vpc.git?ref=v3", kind: KindGit, pkg: "git::https://example.com:443/vpc.git?ref=v3", host: "example.com:443", repo: "vpc", ref: "v3"},
	{raw: "git::https://example.com/vpc.git?key=v3", kind: KindGit, pkg: "git::https://example.com/vpc.git?key=v3", host: "example.com", repo: "vpc"},
	{raw: "git::https://Example.COM/Org/VPC.git", kind: KindGit, pkg: "git::https://Example.COM/Org/VPC.git", host: "example.com", repo: "Org/VPC"},
	{raw: "git::https://dev.azure.com/org/project/_git/repo//sub?ref=1.2.3", kind: KindGit, pkg: "git::https://dev.azure.com/org/project/_git/repo?ref=1.2.3", host: "dev.azure.com", repo: "org/project/_git/repo", subdir: "sub", ref: "1.2.3"},
	{raw: "git::https://org@dev.azure.com/org/My%20Project/_git/repo", kind: KindGit, pkg: "git::https://org@dev.azure.com/org/My%20Project/_git/repo", host: "dev.azure.com", repo: "org/My Project/_git/repo"},
	{raw: "git::git@ssh.dev.azure.com:v3/org/project/repo", kind: KindGit, pkg: "git::ssh://git@ssh.dev.azure.com/v3/org/project/repo", host: "ssh.dev.azure.com", repo: "v3/org/project/repo"},
	{raw: "git::http://127.0.0.1:8080/vpc.git?ref=v1.0.0", kind: KindGit, pkg: "git::http://127.0.0.1:8080/vpc.git?ref=v1.0.0", host: "127.0.0.1:8080", repo: "vpc", ref: "v1.0.0"},
	{raw: "git::https://[::1]:8443/vpc.git", kind: KindGit, pkg: "git::https://[::1]:8443/vpc.git", host: "[::1]:8443", repo: "vpc"},
	{raw: "git::ssh://git@example.com/code/baz.git", kind: KindGit, pkg: "git::ssh://git@example.com/code/baz.git", host: "example.com", repo: "code/baz"},
	{raw: "git::ssh://git@example.com/code/baz.git//bleep/bloop", kind: KindGit, pkg: "git::ssh://git@example.com/code/baz.git", host: "example.com", repo: "code/baz", subdir: "bleep/bloop"},
	{raw: "git::ssh://git@my.custom.git/dir1/dir2", kind: KindGit, pkg: "git::ssh://git@my.custom.git/dir1/dir2", host: "my.custom.git", repo: "dir1/dir2"},
	{raw: "git::ssh://git@git.example.com:2222/hashicorp/foo.git", kind: KindGit, pkg: "git::ssh://git@git.example.com:2222/hashicorp/foo.git", host: "git.example.com:2222", repo: "hashicorp/foo"},
	{raw: "git::ssh://username@example.com/storage.git", kind: KindGit, pkg: "git::ssh://username@example.com/storage.git", host: "example.com", repo: "storage"},
	{raw: "git::ssh://username@example.com:666/storage.git", kind: KindGit, pkg: "git::ssh://username@example.com:666/storage.git", host: "example.com:666", repo: "storage"},
	{raw: "git::ssh://username@example.com/storage.git?ref=v4", kind: KindGit, pkg: "git::ssh://username@example.com/storage.git?ref=v4", host: "example.com", repo: "storage", ref: "v4"},
	{raw: "git::ssh://username@example.com/storage.git?key=v4", kind: KindGit, pkg: "git::ssh://username@example.com/storage.git?key=v4", host: "example.com", repo: "storage"},

	// Git by the short ssh form.
	{raw: "git@github.com:hashicorp/foo.git", kind: KindGit, pkg: "git::ssh://git@github.com/hashicorp/foo.git", host: "github.com", repo: "hashicorp/foo"},
	{raw: "git@github.com:org/project.git?ref=test-branch", kind: KindGit, pkg: "git::ssh://git@github.com/org/project.git?ref=test-branch", host: "github.com", repo: "org/project", ref: "test-branch"},
	{raw: "git@github.com:hashicorp/foo.git//bar", kind: KindGit, pkg: "git::ssh://git@github.com/hashicorp/foo.git", host: "github.com", repo: "hashicorp/foo", subdir: "bar"},
	{raw: "git@github.com:hashicorp/foo.git?foo=bar", kind: KindGit, pkg: "git::ssh://git@github.com/hashicorp/foo.git?foo=bar", host: "github.com", repo: "hashicorp/foo"},
	{raw: "git@github.xyz.com:org/project.git", kind: KindGit, pkg: "git::ssh://git@github.xyz.com/org/project.git", host: "github.xyz.com", repo: "org/project"},
	{raw: "git@github.xyz.com:org/project.git?ref=test-branch", kind: KindGit, pkg: "git::ssh://git@github.xyz.com/org/project.git?ref=test-branch", host: "github.xyz.com", repo: "org/project", ref: "test-branch"},
	{raw: "git@github.xyz.com:org/project.git//module/a", kind: KindGit, pkg: "git::ssh://git@github.xyz.com/org/project.git", host: "github.xyz.com", repo: "org/project", subdir: "module/a"},
	{raw: "git@github.xyz.com:org/project.git//module/a?ref=test-branch", kind: KindGit, pkg: "git::ssh://git@github.xyz.com/org/project.git?ref=test-branch", host: "github.xyz.com", repo: "org/project", subdir: "module/a", ref: "test-branch"},
	{raw: "git@github.com:mineiros-io/example.git", kind: KindGit, pkg: "git::ssh://git@github.com/mineiros-io/example.git", host: "github.com", repo: "mineiros-io/example"},
	{raw: "git@github.com:mineiros-io/example.git?ref=v2", kind: KindGit, pkg: "git::ssh://git@github.com/mineiros-io/example.git?ref=v2", host: "github.com", repo: "mineiros-io/example", ref: "v2"},
	{raw: "git@github.com:mineiros-io/example.git?key=v2", kind: KindGit, pkg: "git::ssh://git@github.com/mineiros-io/example.git?key=v2", host: "github.com", repo: "mineiros-io/example"},
	{raw: "git::git@example.com:code/baz.git", kind: KindGit, pkg: "git::ssh://git@example.com/code/baz.git", host: "example.com", repo: "code/baz"},
	{raw: "git::git@example.com:code/baz.git//bleep/bloop", kind: KindGit, pkg: "git::ssh://git@example.com/code/baz.git", host: "example.com", repo: "code/baz", subdir: "bleep/bloop"},
	{raw: "git::git@my.custom.git:dir1/dir2", kind: KindGit, pkg: "git::ssh://git@my.custom.git/dir1/dir2", host: "my.custom.git", repo: "dir1/dir2"},
	{raw: "git@h.example:/abs/path.git", kind: KindGit, pkg: "git::ssh://git@h.example/abs/path.git", host: "h.example", repo: "abs/path"},
	// Terraform sorts and encodes the query of this form anew.
	{raw: "git@h.example:p.git?ref=a/b&depth=1&Z=#x", kind: KindGit, pkg: "git::ssh://git@h.example/p.git?Z=%23x&depth=1&ref=a%2Fb", host: "h.example", repo: "p", ref: "a/b"},
	// No user: git itself takes it for ssh.
	{raw: "git::h.example:org/p.git//sub?ref=v1", kind: KindGit, pkg: "git::h.example:org/p.git?ref=v1", host: "h.example", repo: "org/p", subdir: "sub", ref: "v1"},
	{raw: "git::u:password@h.example:p.git", kind: KindGit, pkg: "git::u:password@h.example:p.git"},
	{raw: "git::ext::sh -c whoami", kind: KindGit, pkg: "git::ext::sh -c whoami"},

	// Git by path.
	{raw: "git::file:///srv/git/vpc.git?ref=v1.0.0", kind: KindGit, pkg: "git::file:///srv/git/vpc.git?ref=v1.0.0", repo: "/srv/git/vpc.git", ref: "v1.0.0"},
	{raw: "git::file:///srv/git/vpc.git//sub?ref=v1.0.0", kind: KindGit, pkg: "git::file:///srv/git/vpc.git?ref=v1.0.0", repo: "/srv/git/vpc.git", subdir: "sub", ref: "v1.0.0"},
	{raw: "git::/srv/git/vpc.git//sub?ref=v1.0.0", kind: KindGit, pkg: "git::file:///srv/git/vpc.git?ref=v1.0.0", repo: "/srv/git/vpc.git", subdir: "sub", ref: "v1.0.0"},

	// The query, before and after a subdirectory, and what looks like one.
	{raw: "git::https://h.example/p.git//a//b/../c/?ref=v1&depth=1", kind: KindGit, pkg: "git::https://h.example/p.git?ref=v1&depth=1", host: "h.example", repo: "p", subdir: "a/c", ref: "v1"},
	{raw: "git::https://h.example/p.git?ref=v1//sub", kind: KindGit, pkg: "git::https://h.example/p.git?ref=v1//sub", host: "h.example", repo: "p", ref: "v1//sub"},
	{raw: "git::https://h.example/p.git?depth=1&ref=v1&ref=v2", kind: KindGit, pkg: "git::https://h.example/p.git?depth=1&ref=v1&ref=v2", host: "h.example", repo: "p", ref: "v1"},
	{raw: "git::https://h.example/p.git?ref=&ref=v2", kind: KindGit, pkg: "git::https://h.example/p.git?ref=&ref=v2", host: "h.example", repo: "p"},
	{raw: "git::https://h.example/p.git?ref=a%2Fb%2Bc+d", kind: KindGit, pkg: "git::https://h.example/p.git?ref=a%2Fb%2Bc+d", host: "h.example", repo: "p", ref: "a/b+c d"},
	{raw: "git::https://h.example/p.git?ref=%zz&ref=v2", kind: KindGit, pkg: "git::https://h.example/p.git?ref=%zz&ref=v2", host: "h.example", repo: "p", ref: "v2"},
	{raw: "git::https://h.example/p.git?a=1;ref=v1&ref=v2", kind: KindGit, pkg: "git::https://h.example/p.git?a=1;ref=v1&ref=v2", host: "h.example", repo: "p", ref: "v2"},
	{raw: "git::https://h.example/p.git?ref=v1#ref=v2", kind: KindGit, pkg: "git::https://h.example/p.git?ref=v1#ref=v2", host: "h.example", repo: "p", ref: "v1"},
	{raw: "git::https://h.example/p.git#x?ref=v2", kind: KindGit, pkg: "git::https://h.example/p.git#x?ref=v2", host: "h.example", repo: "p"},
	{raw: "git::https://h.example/p.git//", kind: KindGit, pkg: "git::https://h.example/p.git", host: "h.example", repo: "p"},
	{raw: "git::https://h.example/p.git///a", kind: KindGit, pkg: "git::https://h.example/p.git", host: "h.example", repo: "p", subdir: "a", ours: true},
	{raw: "git::https://h.example/p.git//./", kind: KindGit, pkg: "git::https://h.example/p.git", host: "h.example", repo: "p", ours: true},

	// Google Cloud Storage.
	{raw: "www.googleapis.com/storage/v1/BUCKET_NAME/PATH_TO_MODULE", kind: KindOther, pkg: "gcs::https://www.googleapis.com/storage/v1/BUCKET_NAME/PATH_TO_MODULE", host: "www.googleapis.com", repo: "storage/v1/BUCKET_NAME/PATH_TO_MODULE"},
	{raw: "gcs::https://www.googleapis.com/storage/v1/BUCKET_NAME/PATH_TO_MODULE", kind: KindOther, pkg: "gcs::https://www.googleapis.com/storage/v1/BUCKET_NAME/PATH_TO_MODULE", host: "www.googleapis.com", repo: "storage/v1/BUCKET_NAME/PATH_TO_MODULE"},
	{raw: "www.googleapis.com/storage/v1/BUCKET_NAME/PATH/TO/module.zip", kind: KindOther, pkg: "gcs::https://www.googleapis.com/storage/v1/BUCKET_NAME/PATH/TO/module.zip", host: "www.googleapis.com", repo: "storage/v1/BUCKET_NAME/PATH/TO/module.zip"},
	{raw: "gcs::https://www.googleapis.com/storage/v1/BUCKET_NAME/PATH/TO/module.zip", kind: KindOther, pkg: "gcs::https://www.googleapis.com/storage/v1/BUCKET_NAME/PATH/TO/module.zip", host: "www.googleapis.com", repo: "storage/v1/BUCKET_NAME/PATH/TO/module.zip"},
	{raw: "gcs::https://www.googleapis.com/storage/v1/modules/foomodule.zip", kind: KindOther, pkg: "gcs::https://www.googleapis.com/storage/v1/modules/foomodule.zip", host: "www.googleapis.com", repo: "storage/v1/modules/foomodule.zip"},
	{raw: "www.googleapis.com/storage/v1/bucket/foo", kind: KindOther, pkg: "gcs::https://www.googleapis.com/storage/v1/bucket/foo", host: "www.googleapis.com", repo: "storage/v1/bucket/foo"},
	{raw: "www.googleapis.com/storage/v1/bucket/foo/bar", kind: KindOther, pkg: "gcs::https://www.googleapis.com/storage/v1/bucket/foo/bar", host: "www.googleapis.com", repo: "storage/v1/bucket/foo/bar"},
	{raw: "www.googleapis.com/storage/v1/foo/bar.baz", kind: KindOther, pkg: "gcs::https://www.googleapis.com/storage/v1/foo/bar.baz", host: "www.googleapis.com", repo: "storage/v1/foo/bar.baz"},
	{raw: "www.googleapis.com/storage/v2/foo/bar/toor.baz", kind: KindOther, pkg: "gcs::https://www.googleapis.com/storage/v2/foo/bar/toor.baz", host: "www.googleapis.com", repo: "storage/v2/foo/bar/toor.baz"},
	{raw: "www.googleapis.com/storage/v1/my-bucket/foo/bar", kind: KindOther, pkg: "gcs::https://www.googleapis.com/storage/v1/my-bucket/foo/bar", host: "www.googleapis.com", repo: "storage/v1/my-bucket/foo/bar"},
	{raw: "http://www.googleapis.com/storage", kind: KindOther, pkg: "http://www.googleapis.com/storage", host: "www.googleapis.com", repo: "storage"},

	// Amazon S3.
	{raw: "s3-eu-west-1.amazonaws.com/examplecorp-terraform-modules/vpc.zip", kind: KindOther, pkg: "s3::https://s3-eu-west-1.amazonaws.com/examplecorp-terraform-modules/vpc.zip", host: "s3-eu-west-1.amazonaws.com", repo: "examplecorp-terraform-modules/vpc.zip"},
	{raw: "s3::https://s3-eu-west-1.amazonaws.com/examplecorp-terraform-modules/vpc.zip", kind: KindOther, pkg: "s3::https://s3-eu-west-1.amazonaws.com/examplecorp-terraform-modules/vpc.zip", host: "s3-eu-west-1.amazonaws.com", repo: "examplecorp-terraform-modules/vpc.zip"},
	{raw: "bucket.s3.amazonaws.com/foo", kind: KindOther, pkg: "s3::https://s3.amazonaws.com/bucket/foo", host: "s3.amazonaws.com", repo: "bucket/foo"},
	{raw: "bucket.s3.amazonaws.com/foo/bar", kind: KindOther, pkg: "s3::https://s3.amazonaws.com/bucket/foo/bar", host: "s3.amazonaws.com", repo: "bucket/foo/bar"},
	{raw: "bucket.s3.amazonaws.com/foo/bar.baz", kind: KindOther, pkg: "s3::https://s3.amazonaws.com/bucket/foo/bar.baz", host: "s3.amazonaws.com", repo: "bucket/foo/bar.baz"},
	{raw: "bucket.s3-eu-west-1.amazonaws.com/foo", kind: KindOther, pkg: "s3::https://s3-eu-west-1.amazonaws.com/bucket/foo", host: "s3-eu-west-1.amazonaws.com", repo: "bucket/foo"},
	{raw: "bucket.s3-eu-west-1.amazonaws.com/foo/bar", kind: KindOther, pkg: "s3::https://s3-eu-west-1.amazonaws.com/bucket/foo/bar", host: "s3-eu-west-1.amazonaws.com", repo: "bucket/foo/bar"},
	{raw: "bucket.s3-eu-west-1.amazonaws.com/foo/bar.baz", kind: KindOther, pkg: "s3::https://s3-eu-west-1.amazonaws.com/bucket/foo/bar.baz", host: "s3-eu-west-1.amazonaws.com", repo: "bucket/foo/bar.baz"},
	{raw: "bucket.s3.eu-west-1.amazonaws.com/foo/bar.baz", kind: KindOther, pkg: "s3::https://s3.eu-west-1.amazonaws.com/bucket/foo/bar.baz", host: "s3.eu-west-1.amazonaws.com", repo: "bucket/foo/bar.baz"},
	{raw: "s3.amazonaws.com/bucket/foo", kind: KindOther, pkg: "s3::https://s3.amazonaws.com/bucket/foo", host: "s3.amazonaws.com", repo: "bucket/foo"},
	{raw: "s3.amazonaws.com/bucket/foo/bar", kind: KindRegistry, pkg: "s3.amazonaws.com/bucket/foo/bar", host: "s3.amazonaws.com", repo: "bucket/foo/bar"},
	{raw: "s3.amazonaws.com/bucket/foo/bar.baz", kind: KindOther, pkg: "s3::https://s3.amazonaws.com/bucket/foo/bar.baz", host: "s3.amazonaws.com", repo: "bucket/foo/bar.baz"},
	{raw: "s3-eu-west-1.amazonaws.com/bucket/foo", kind: KindOther, pkg: "s3::https://s3-eu-west-1.amazonaws.com/bucket/foo", host: "s3-eu-west-1.amazonaws.com", repo: "bucket/foo"},
	{raw: "s3-eu-west-1.amazonaws.com/bucket/foo/bar", kind: KindRegistry, pkg: "s3-eu-west-1.amazonaws.com/bucket/foo/bar", host: "s3-eu-west-1.amazonaws.com", repo: "bucket/foo/bar"},
	{raw: "s3-eu-west-1.amazonaws.com/bucket/foo/bar.baz", kind: KindOther, pkg: "s3::https://s3-eu-west-1.amazonaws.com/bucket/foo/bar.baz", host: "s3-eu-west-1.amazonaws.com", repo: "bucket/foo/bar.baz"},
	{raw: "s3-eu-west-1.amazonaws.com/bucket/foo/bar.baz?version=1234", kind: KindOther, pkg: "s3::https://s3-eu-west-1.amazonaws.com/bucket/foo/bar.baz?version=1234", host: "s3-eu-west-1.amazonaws.com", repo: "bucket/foo/bar.baz"},
	{raw: "s3.amazonaws.com.invalid/bucket/foo/bar", kind: KindRegistry, pkg: "s3.amazonaws.com.invalid/bucket/foo/bar", host: "s3.amazonaws.com.invalid", repo: "bucket/foo/bar"},
	{raw: "http://s3.amazonaws.com", kind: KindOther, pkg: "http://s3.amazonaws.com", host: "s3.amazonaws.com"},

	// Other getters.
	{raw: "hg::http://example.com/vpc.hg", kind: KindOther, pkg: "hg::http://example.com/vpc.hg", host: "example.com", repo: "vpc.hg"},
	{raw: "http://example.com/module", kind: KindOther, pkg: "http://example.com/module", host: "example.com", repo: "module"},
	{raw: "https://example.com/module", kind: KindOther, pkg: "https://example.com/module", host: "example.com", repo: "module"},
	{raw: "https://example.com/module.zip", kind: KindOther, pkg: "https://example.com/module.zip", host: "example.com", repo: "module.zip"},
	{raw: "https://example.com/vpc-module.zip", kind: KindOther, pkg: "https://example.com/vpc-module.zip", host: "example.com", repo: "vpc-module.zip"},
	{raw: "https://example.com/module?archive=tar", kind: KindOther, pkg: "https://example.com/module?archive=tar", host: "example.com", repo: "module"},
	{raw: "https://example.com/module?archive=tar&checksum=blah", kind: KindOther, pkg: "https://example.com/module?archive=tar&checksum=blah", host: "example.com", repo: "module"},
	{raw: "https://hashicorp.com/path//*?archive=foo", kind: KindOther, pkg: "https://hashicorp.com/path?archive=foo", host: "hashicorp.com", repo: "path", subdir: "*"},
	{raw: "https://hashicorp.com/path?checksum=file:http://url.com/....iso.sha256", kind: KindOther, pkg: "https://hashicorp.com/path?checksum=file:http://url.com/....iso.sha256", host: "hashicorp.com", repo: "path"},
	{raw: "https://hashicorp.com/path//*?checksum=file:http://url.com/....iso.sha256", kind: KindOther, pkg: "https://hashicorp.com/path?checksum=file:http://url.com/....iso.sha256", host: "hashicorp.com", repo: "path", subdir: "*"},
	{raw: "https://github.com/x/y.git", kind: KindOther, pkg: "https://github.com/x/y.git", host: "github.com", repo: "x/y"},
	{raw: "ssh://git@h.example/p.git?ref=v1", kind: KindOther, pkg: "ssh://git@h.example/p.git?ref=v1", host: "h.example", repo: "p", ref: "v1"},
	{raw: "file://foo//bar", kind: KindOther, pkg: "file://foo", repo: "foo", subdir: "bar"},
	{raw: "file:///dir/", kind: KindOther, pkg: "file:///dir/", repo: "/dir"},
	{raw: "/tmp/foo/example", kind: KindOther, pkg: "file:///tmp/foo/example", repo: "/tmp/foo/example"},
	{raw: "/tmp/foo//example", kind: KindOther, pkg: "file:///tmp/foo", repo: "/tmp/foo", subdir: "example"},
	{raw: "/foo?bar=baz", kind: KindOther, pkg: "file:///foo?bar=baz", repo: "/foo"},
	{raw: `C:\tmp\foo\example`, kind: KindOther, pkg: `C:\tmp\foo\example`},
	{raw: `C:\tmp\foo//example`, kind: KindOther, pkg: `C:\tmp\foo`, subdir: "example"},
	{raw: "dfgdfgsd:dgfhdfghdfghdfg/dfghdfghdfg", kind: KindOther, pkg: "dfgdfgsd:dgfhdfghdfghdfg/dfghdfghdfg"},
	{raw: "tfr:///terraform-aws-modules/vpc/aws?version=3.3.0", kind: KindOther, pkg: "tfr:///terraform-aws-modules/vpc/aws?version=3.3.0", repo: "terraform-aws-modules/vpc/aws"},
}

// noSources are no addresses at all.
var noSources = []struct {
	raw, want string
	ours      bool // terraform 1.11 lets it pass here and fails later
}{
	{raw: "", want: "empty"},
	{raw: ".", want: "no known form"},
	{raw: "..", want: "no known form"},
	{raw: "foo", want: "no known form"},
	{raw: "boop/bloop", want: "no known form"},
	{raw: " ./child", want: "no known form"},
	{raw: "git::./foo", want: "no known form"},
	{raw: "hashicorp.com", want: "no known form"},
	{raw: "hashicorp.com//foo?bar=baz", want: "no known form"},
	{raw: "hashicorp/subnets/cidr//../nope", want: "leads outside"},
	{raw: "hashicorp/subnets/cidr//..", want: "leads outside", ours: true},
	{raw: "git::https://h.example/p.git//..", want: "leads outside", ours: true},
	{raw: "/tmp/foo//example/../../invalid", want: "leads outside"},
	{raw: "github.com/hashicorp/foo/a//../../x", want: "leads outside"},
	{raw: "---.com/HashiCorp/Consul/aws", want: "no known form"},
	{raw: "foo/var/baz/qux", want: "no known form"},
	{raw: "foo/var/no-no-no", want: "no known form"},
	{raw: "foo/var/" + strings.Repeat("a", 65), want: "no known form"},
	{raw: "boop!/var/baz", want: "no known form"},
	{raw: "foo.com/var/baz", want: "no known form"},
	{raw: "foo/var/baz?otherthing", want: "no known form"},
	{raw: "hashicorp/consul/AWS", want: "no known form"},
	{raw: "github.com/hashicorp", want: "github.com/OWNER/NAME"},
	{raw: "www.googleapis.com/storage", want: "Google Cloud Storage"},
	{raw: "www.googleapis.com.invalid/storage/v1/", want: "no known form"},
	{raw: "storage/v1/my-bucket/foo/bar", want: "no known form"},
	{raw: "s3.amazonaws.com.invalid/bucket/foo/bar.baz", want: "no known form"},
	{raw: "a.b.c.d.e.amazonaws.com/x", want: "S3"},
	{raw: "git::alice@h.example:p.git", want: "no known form"},
	{raw: "git::ssh://git@h.example:org/p.git", want: "git@HOST:PATH"},
	{raw: "git@h.example:p.git?ref=%zz", want: "query"},
	{raw: "git@h h.example:p.git", want: "valid URL", ours: true},
	{raw: "git:://x", want: "before its subdirectory", ours: true},
	{raw: "git::https://h.example/\x00p", want: "valid URL"},
	{raw: "0\x88./0/0/0", want: "no known form", ours: true}, // makes terraform-registry-address panic
	{raw: "git::https://h.exam[ple/p", want: "valid URL", ours: true},
	{raw: "/tmp/\x7f", want: "valid URL", ours: true},
}

func TestParseSource(t *testing.T) {
	for _, c := range sourceCases {
		s, err := ParseSource(c.raw)
		if err != nil {
			t.Errorf("%s: %v", c.raw, err)
			continue
		}
		pkg := s.Package
		if c.kind == KindLocal {
			pkg = s.Path
			if s.Package != "" {
				t.Errorf("%s: a local source has the package %q", c.raw, s.Package)
			}
		} else if s.Path != "" {
			t.Errorf("%s: Path %q", c.raw, s.Path)
		}
		got := sourceCase{s.String(), s.Kind, pkg, s.Host, s.Repository, s.Subdir, s.Ref, c.ours}
		if got != c {
			t.Errorf("%s\n got %+v\nwant %+v", c.raw, got, c)
		}
	}
	for _, c := range noSources {
		s, err := ParseSource(c.raw)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want one with %q", c.raw, err, c.want)
		}
		if want := (Source{raw: c.raw, Kind: KindOther}); !reflect.DeepEqual(s, want) {
			t.Errorf("%q: with its error comes %+v", c.raw, s)
		}
		if s.String() != c.raw {
			t.Errorf("%q: String %q", c.raw, s)
		}
	}
}

func TestSourceQuery(t *testing.T) {
	for raw, want := range map[string][]Param{
		"git::https://h/p.git":                                nil,
		"git::https://h/p.git?":                               nil,
		"git::https://h/p.git//s?ref=v1.2.3&depth=1":          {{"ref", "v1.2.3"}, {"depth", "1"}},
		"git::https://h/p.git?sshkey=a%2Bb=&ref=v1#x=y":       {{"sshkey", "a%2Bb="}, {"ref", "v1"}},
		"git::https://h/p.git?&a&&b=&=c&%72ef=x":              {{"a", ""}, {"b", ""}, {"", "c"}, {"%72ef", "x"}},
		"git@h:p.git?z=1&ref=v1#x":                            {{"z", "1"}, {"ref", "v1#x"}},
		"github.com/x/y?ref=a/b&depth=1":                      {{"ref", "a/b"}, {"depth", "1"}},
		"https://h/p?checksum=file:http://u/x.sha256&archive": {{"checksum", "file:http://u/x.sha256"}, {"archive", ""}},
		"git::https://h/p.git#?ref=x":                         nil,
		"./x?ref=v1":                                          nil,
		"hashicorp/consul/aws":                                nil,
	} {
		s, err := ParseSource(raw)
		if err != nil || !reflect.DeepEqual(s.Query, want) {
			t.Errorf("%s: %v, %v; want %v", raw, s.Query, err, want)
		}
	}
}

// One repository has one identity, however it is spelled.
func TestSourceIdentity(t *testing.T) {
	for _, raw := range []string{
		"git@github.com:x/y.git",
		"git@github.com:x/y",
		"git@github.com:/x/y.git//sub?ref=v1",
		"git@GitHub.com:x/y.git",
		"git::git@github.com:x/y.git",
		"ssh://git@github.com/x/y",
		"git::ssh://git@github.com/x/y.git",
		"git::ssh://alice@github.com/x/y/",
		"https://github.com/x/y.git",
		"git::https://user:token@GITHUB.com/x/y.git",
		"git::https://github.com/x/%79",
		"git::http://github.com/x/y.git?sshkey=a",
		"git://github.com/x/y.git",
		"git::github.com:x/y.git",
		"github.com/x/y",
		"github.com/x/y.git",
		"github.com/x/y//sub?ref=v1",
		"github.com/x/y/sub",
	} {
		s, err := ParseSource(raw)
		if err != nil || s.Host != "github.com" || s.Repository != "x/y" {
			t.Errorf("%s: %q %q %v", raw, s.Host, s.Repository, err)
		}
	}
}

// Terraform itself is asked: it compares the source of each call with the
// one in modules.json, and says so where they differ.
func TestTerraformReadsSourcesAlike(t *testing.T) {
	var calls []recordedCall
	for _, c := range sourceCases {
		if c.ours {
			continue
		}
		s, err := ParseSource(c.raw)
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls,
			recordedCall{raw: c.raw, recorded: recorded(s)},
			// It would say so, were it not the same.
			recordedCall{raw: c.raw, recorded: recorded(s) + "x", says: "Module source has changed"})
	}
	askTerraform(t, calls)

	// It says nothing else where one address is invalid.
	calls = nil
	for _, c := range noSources {
		if !c.ours {
			calls = append(calls, recordedCall{raw: c.raw, says: "Invalid module source address"})
		}
	}
	askTerraform(t, calls)
}

// A recordedCall is a call of the source raw, what modules.json says of it,
// and what terraform then says.
type recordedCall struct{ raw, recorded, says string }

func askTerraform(t *testing.T, calls []recordedCall) {
	t.Helper()
	type entry struct{ Key, Source, Dir string }
	manifest := struct{ Modules []entry }{[]entry{{"", "", "."}}}
	var config strings.Builder
	for i, c := range calls {
		key := fmt.Sprintf("m%d", i)
		fmt.Fprintf(&config, "module %q { source = %s }\n", key, quoteForTest(c.raw))
		manifest.Modules = append(manifest.Modules, entry{key, c.recorded, "empty"})
	}
	js, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, sub := range []string{".terraform/modules", "empty"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range map[string][]byte{".terraform/modules/modules.json": js, "main.tf": []byte(config.String()), "cli.tfrc": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	cmd := exec.Command("terraform", "validate", "-json")
	cmd.Dir = dir
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "TF_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "HOME="+dir, "TF_CLI_CONFIG_FILE="+filepath.Join(dir, "cli.tfrc"), "CHECKPOINT_DISABLE=1")
	out, err := cmd.Output()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	var report struct {
		Diagnostics []struct {
			Summary, Detail string
			Range           struct{ Start struct{ Line int } }
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	says := make([]string, len(calls))
	for _, d := range report.Diagnostics {
		line := d.Range.Start.Line
		if line == 0 {
			t.Fatalf("%s: %s", d.Summary, d.Detail)
		}
		says[line-1] = d.Summary
	}
	for i, c := range calls {
		if says[i] != c.says {
			t.Errorf("%q: terraform says %q, want %q (recorded %s)", c.raw, says[i], c.says, c.recorded)
		}
	}
}

// recorded is the source as terraform writes it to modules.json.
func recorded(s Source) string {
	switch {
	case s.Kind == KindLocal && s.Path == ".":
		return "./."
	case s.Kind == KindLocal && s.Path == "..":
		return "./.."
	case s.Kind == KindLocal:
		return s.Path
	case s.Subdir == "":
		return s.Package
	}
	pkg, query, ok := strings.Cut(s.Package, "?")
	if ok {
		query = "?" + query
	}
	return pkg + "//" + s.Subdir + query
}

// quoteForTest writes an HCL string in which every other character than a
// letter is escaped.
func quoteForTest(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func TestWithRef(t *testing.T) {
	commit := strings.Repeat("0123456789", 4)
	for _, c := range []struct{ raw, ref, want string }{
		// What tfupdate loses or leaves alone.
		{"git::https://h/p.git?ref=v1.2.3&depth=1", "v1.3.0", "git::https://h/p.git?ref=v1.3.0&depth=1"},
		{"git::https://h/p.git?depth=1&ref=v1.2.3", "v1.3.0", "git::https://h/p.git?depth=1&ref=v1.3.0"},
		{"git::https://h/p.git?ref=1.2.3", "1.3.0", "git::https://h/p.git?ref=1.3.0"},
		{"git::https://h/p.git?ref=vpc/v1.2.3", "vpc/v1.3.0", "git::https://h/p.git?ref=vpc/v1.3.0"},
		// What Renovate does not see, or takes for a part of the tag.
		{"git::ssh://git@h/p.git?sshkey=QUJD+/=&ref=v1", "v2", "git::ssh://git@h/p.git?sshkey=QUJD+/=&ref=v2"},
		{"git::ssh://git@h/p.git?ref=v1&sshkey=QUJD", "v2", "git::ssh://git@h/p.git?ref=v2&sshkey=QUJD"},
		// Added.
		{"git::https://h/p.git", "v1.0.0", "git::https://h/p.git?ref=v1.0.0"},
		{"git::https://h/p.git//a/b", "v1.0.0", "git::https://h/p.git//a/b?ref=v1.0.0"},
		{"git::https://h/p.git//a/b?depth=1", "v1.0.0", "git::https://h/p.git//a/b?depth=1&ref=v1.0.0"},
		{"git::https://h/p.git?", "v1.0.0", "git::https://h/p.git?ref=v1.0.0"},
		{"git::https://h/p.git?depth=1&", "v1.0.0", "git::https://h/p.git?depth=1&ref=v1.0.0"},
		{"git::https://h/p.git#x", "v1.0.0", "git::https://h/p.git?ref=v1.0.0#x"},
		{"git::https://h/p.git?a=b#x", "v1.0.0", "git::https://h/p.git?a=b&ref=v1.0.0#x"},
		{"git::https://h/p.git//", "v1.0.0", "git::https://h/p.git//?ref=v1.0.0"},
		{"git::file:///m/vpc.git", "v1.0.0", "git::file:///m/vpc.git?ref=v1.0.0"},
		{"git::/m/vpc.git", "v1.0.0", "git::/m/vpc.git?ref=v1.0.0"},
		{"git@h:p.git", "v1.0.0", "git@h:p.git?ref=v1.0.0"},
		{"git@h:p#1.git", "v1.0.0", "git@h:p#1.git?ref=v1.0.0"},
		{"git@h:p.git//s?b=2&a=1", "v1.0.0", "git@h:p.git//s?b=2&a=1&ref=v1.0.0"},
		{"bitbucket.org/x/y", "vpc/v1.0.0", "bitbucket.org/x/y?ref=vpc/v1.0.0"},
		// The first of several, as go-getter reads it.
		{"git::https://h/p.git?ref=v1&ref=v2", "v3", "git::https://h/p.git?ref=v3&ref=v2"},
		{"git::https://h/p.git?ref=&ref=v2", "v3", "git::https://h/p.git?ref=v3&ref=v2"},
		{"git::https://h/p.git?ref=%zz&ref=v2", "v3", "git::https://h/p.git?ref=%zz&ref=v3"},
		{"git::https://h/p.git?ref;x&ref=v2", "v3", "git::https://h/p.git?ref;x&ref=v3"},
		{"git::https://h/p.git?ref&a", "v3", "git::https://h/p.git?ref=v3&a"},
		{"git::https://h/p.git?%72ef=v2", "v3", "git::https://h/p.git?%72ef=v3"},
		{"git::https://h/p.git?href=a&xref=b&REF=c", "v3", "git::https://h/p.git?href=a&xref=b&REF=c&ref=v3"},
		// Encoded where it must be, and only there.
		{"git::https://h/p.git?ref=v1", commit, "git::https://h/p.git?ref=" + commit},
		{"git::https://h/p.git?ref=v1", "v1.2.3+b", "git::https://h/p.git?ref=v1.2.3%2Bb"},
		{"git::https://h/p.git?ref=v1", "a#b&c%d;e=f'g\"h", "git::https://h/p.git?ref=a%23b%26c%25d%3Be=f'g%22h"},
		{"git::https://h/p.git?ref=v1", "größe/1.0.0", "git::https://h/p.git?ref=gr%C3%B6%C3%9Fe/1.0.0"},
		// go-getter cuts these at every slash, terraform does not.
		{"github.com/x/y", "vpc/v1.0.0", "github.com/x/y?ref=vpc%2Fv1.0.0"},
		{"github.com/x/y//s?ref=vpc/v1.0.0&depth=1", "vpc/v1.1.0", "github.com/x/y//s?ref=vpc%2Fv1.1.0&depth=1"},
		{"gitlab.com/x/y//s", "vpc/v1.0.0", "gitlab.com/x/y//s?ref=vpc%2Fv1.0.0"},
	} {
		s, err := ParseSource(c.raw)
		if err != nil {
			t.Errorf("%s: %v", c.raw, err)
			continue
		}
		got, err := s.WithRef(c.ref)
		if err != nil || got.String() != c.want || got.Ref != c.ref {
			t.Errorf("%s with %q: %s (ref %q), %v; want %s", c.raw, c.ref, got, got.Ref, err, c.want)
		}
		if s.String() != c.raw {
			t.Errorf("%s: WithRef changed its receiver to %s", c.raw, s)
		}
	}
}

func TestWithRefRefuses(t *testing.T) {
	for raw, want := range map[string]string{
		"./x":                            "path in the same repository",
		"hashicorp/consul/aws":           "set the version argument",
		"https://u:hunter2@h/p.zip":      "put git:: before",
		"ssh://git@h/p.git?ref=v1":       "put git:: before",
		"":                               "put git:: before",
		"git::https://h/p.git#x//s?ref=": "would read another address",
	} {
		s, _ := ParseSource(raw)
		got, err := s.WithRef("v1.0.0")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
		if !reflect.DeepEqual(got, s) {
			t.Errorf("%s: an error comes with %s", raw, got)
		}
	}
	if _, err := (Source{}).WithRef("v1"); err == nil {
		t.Error("the zero Source takes a ref")
	}
	s, err := ParseSource("git::https://h/p.git?ref=v1")
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{
		"", "-", "--upload-pack=x", "a b", "a\tb", "a\nb", "a\x00b", "a\x7fb", "\u0085", "\u2028", "\u00a0",
		"a..b", "a~1", "a^{}", "a:b", "a?b", "a*", "a[b", `a\b`, "@", "a@{1}", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.lock/b", "a.", "\xff",
	} {
		if got, err := s.WithRef(ref); err == nil {
			t.Errorf("ref %q gives %s", ref, got)
		}
	}
}

// git decides which names a ref can have. We refuse some more.
func TestCheckRefIsAsStrictAsGit(t *testing.T) {
	var names []string
	const odd = "a./@{}-~^:?*[\\ \t\x7f#%&+;=\"'$"
	for _, x := range odd {
		for _, y := range odd {
			for _, z := range []string{"", "a", "/", ".", ".lock"} {
				names = append(names, string(x)+string(y)+z)
			}
		}
	}
	dir := t.TempDir()
	// One process for all of them: git takes what is a valid name.
	var in strings.Builder
	var passed []string
	for _, name := range names {
		if checkRef(name) == nil {
			passed = append(passed, name)
			fmt.Fprintf(&in, "create refs/tags/t%d/%s 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n", len(passed), name)
		}
	}
	if len(passed) < 100 {
		t.Fatalf("only %d of %d names pass", len(passed), len(names))
	}
	git := func(stdin string, args ...string) {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_DIR="+dir, "LC_ALL=C")
		cmd.Stdin = strings.NewReader(stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
	git("", "init", "--quiet", "--bare", "--template=", ".")
	git("", "hash-object", "-w", "-t", "tree", "/dev/null")
	git(in.String(), "update-ref", "--stdin")
}

func TestRedacted(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		// Nothing to hide.
		{"./a:b@c", "./a:b@c"},
		{"hashicorp/consul/aws//x", "hashicorp/consul/aws//x"},
		{"github.com/x/y//s?ref=v1.2.3&depth=1", "github.com/x/y//s?ref=v1.2.3&depth=1"},
		{"git@h:p.git?ref=v1", "git@h:p.git?ref=v1"},
		{"git::git@h:org/p@1.git//s", "git::git@h:org/p@1.git//s"},
		{"git::ssh://git@h:22/p.git", "git::ssh://git@h:22/p.git"},
		{"git::ssh://APKAEXAMPLE@git-codecommit.eu-west-1.amazonaws.com/v1/repos/x", "git::ssh://APKAEXAMPLE@git-codecommit.eu-west-1.amazonaws.com/v1/repos/x"},
		{"git::https://git@h/p.git", "git::https://git@h/p.git"},
		{"git::https://h/p.git?ref=secrets/v1@x", "git::https://h/p.git?ref=secrets/v1@x"},
		{"git::https://h/p.git//modules/token-service", "git::https://h/p.git//modules/token-service"},
		{"git::https://h/@scope/p", "git::https://h/@scope/p"},
		{"https://[::1]:8443/p@1.zip?x=1", "https://REDACTED@1.zip?x=1"}, // too much: a port may be a password
		{"https://h/p?checksum=file:https://h/p.sha256", "https://h/p?checksum=file:https://h/p.sha256"},
		{"git::/srv/a:b@c.git", "git::/srv/a:b@c.git"},
		{"", ""},
		// Users.
		{"git::https://user:hunter2@h/p.git?ref=v1", "git::https://REDACTED@h/p.git?ref=v1"},
		{"git::https://hunter2@h/p.git", "git::https://REDACTED@h/p.git"},
		{"git::https://hunter2:x-oauth-basic@h/p.git", "git::https://REDACTED@h/p.git"},
		{"git::https://git:hunter2@h/p.git", "git::https://REDACTED@h/p.git"},
		{"git::https://a:hun@ter2@h/p.git", "git::https://REDACTED@h/p.git"},
		{"git::https://a:hun/ter2@h/p.git", "git::https://REDACTED@h/p.git"},
		{"git::https://a:1/hunter2@h/p.git", "git::https://REDACTED@h/p.git"},
		{"git::https://a:hun?ter2@h/p.git?ref=v1", "git::https://REDACTED@h/p.git?ref=v1"},
		{"git::https://a:hun#ter2@h/p.git", "git::https://REDACTED@h/p.git"},
		{"git::https://a:hun&ter2@h/p.git", "git::https://REDACTED@h/p.git"},
		{"git::ssh://git:hunter2@h/p.git", "git::ssh://git:REDACTED@h/p.git"},
		{"ssh://git%3Ahunter2@h/p.git", "ssh://REDACTED@h/p.git"},
		{"HTTPS://user:hunter2@h/p", "HTTPS://REDACTED@h/p"},
		{"s3::https://key:hunter2@s3.amazonaws.com/b/o", "s3::https://REDACTED@s3.amazonaws.com/b/o"},
		{"//user:hunter2@h/p", "//REDACTED@h/p"},
		{"user:hunter2@h/p", "REDACTED@h/p"},
		{"https:/u:hunter2@h/p", "REDACTED@h/p"},
		{"https:///u:hunter2@h/p", "https://REDACTED@h/p"},
		{"https:////u:hunter2@h/p", "https://REDACTED@h/p"},
		{"git::file:///srv/a@b.git", "git::file:///srv/a@b.git"},
		{"git::user:hunter2@h:p.git", "git::REDACTED@h:p.git"},
		{"user:hunter2@h:p.git//s", "REDACTED@h:p.git//s"},
		{"https://h/p?checksum=file:https://u:hunter2@h/p.sha256", "https://h/p?checksum=file:https://REDACTED@h/p.sha256"},
		{"https://h/p?checksum=file:https%3A%2F%2Fu%3Ahunter2%40h%2Fp.sha256", "https://h/p?checksum=REDACTED"},
		{"git::https://u:hunter2@h/a@b.git?ref=c@1", "git::https://REDACTED@b.git?ref=c@1"},
		// Parameters.
		{"git::ssh://git@h/p.git?sshkey=hunter2/+=&ref=v1", "git::ssh://git@h/p.git?sshkey=REDACTED&ref=v1"},
		{"git@h:p.git?ref=v1&SSHKey=hunter2", "git@h:p.git?ref=v1&SSHKey=REDACTED"},
		{"s3::https://h/b?aws_access_key_id=hunter2&aws_access_key_secret=hunter2&aws_access_token=hunter2&version=1", "s3::https://h/b?aws_access_key_id=REDACTED&aws_access_key_secret=REDACTED&aws_access_token=REDACTED&version=1"},
		{"https://h/p?Private-TOKEN=hunter2&a=1", "https://h/p?Private-TOKEN=REDACTED&a=1"},
		{"https://h/p?a=1;password=hunter2&b=2", "https://h/p?a=1;password=REDACTED&b=2"},
		{"https://h/p?%74oken=hunter2", "https://h/p?%74oken=REDACTED"},
		{"https://h/p?ref=v1%26token=hunter2", "https://h/p?ref=v1%26token=REDACTED"},
		{"https://h/p?token=hun?ter2#hunter2&b=2", "https://h/p?token=REDACTED&b=2"},
		{"https://h/p#access_token=hunter2", "https://h/p#access_token=REDACTED"},
		{"https://h/p&passwd=hunter2", "https://h/p&passwd=REDACTED"},
		{"https://h/p?X-Amz-Credential=hunter2&X-Amz-Signature=hunter2&sig=hunter2", "https://h/p?X-Amz-Credential=REDACTED&X-Amz-Signature=REDACTED&sig=REDACTED"},
		{"\x00?token=hunter2", "\x00?token=REDACTED"},
		{"not an address, secret=hunter2", "not an address, secret=REDACTED"},
	} {
		s, _ := ParseSource(c.raw)
		got := s.Redacted()
		if got != c.want || strings.Contains(got, "hunter2") || strings.Contains(got, "ter2") {
			t.Errorf("%s\n got %s\nwant %s", c.raw, got, c.want)
		}
		again, _ := ParseSource(got)
		if again.Redacted() != got {
			t.Errorf("%s: redacted twice: %s", got, again.Redacted())
		}
	}
}

// No error tells a secret either.
func TestSourceErrorsAreRedacted(t *testing.T) {
	for _, raw := range []string{
		"git::https://u:hunter2@h:bad/p.git",
		"git::https://u:hunter2@h/\x7f",
		"git::https://u:hunter2@h/p.git//../x",
		"git@h:p?token=hunter2&a=%zz",
		"x/y?token=hunter2",
	} {
		s, err := ParseSource(raw)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", raw, err)
		}
		if _, err := s.WithRef("v1"); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

// An address of the size of a file takes no time that anybody could see: the
// time grows with the size, not with its square.
func TestSourcesOfAnySize(t *testing.T) {
	const size = 400_000
	for _, part := range []string{"://", "://[", "://@:", "://a:b@", "//", "@:", "git::", "%25", "?a=%2525", "&x=%3D", "&a:", "=", "http://h/?", "/a@", "(", "\xff"} {
		raw := "git::https://" + strings.Repeat(part, size/len(part))
		begin := time.Now()
		s, _ := ParseSource(raw)
		s.Redacted()
		_, _ = s.WithRef("v1")
		s.Pin("")
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%d times %q took %v", size/len(part), part, took)
		}
	}
}
