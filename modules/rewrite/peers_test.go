package rewrite

import "testing"

// TestPeers holds where Set differs from other tools that change pins, and
// their known defects: see PEERS.md.
func TestPeers(t *testing.T) {
	const h = "git::https://h.example/vpc.git"
	tag := Pin{Ref: "v1.3.0"}
	for _, c := range []struct {
		who, name      string
		source         string // with its version, if any, behind a blank
		pin            Pin
		after, refused string
	}{
		// tfupdate: agreed.
		{"tfupdate", "a version", "a/vpc/aws 2.17.0", Pin{Version: "2.18.0"}, "a/vpc/aws 2.18.0", ""},
		{"tfupdate", "a tag", h + "?ref=v1.2.0", tag, h + "?ref=v1.3.0", ""},
		{"tfupdate", "a tag of two numbers", h + "?ref=v1.2", tag, h + "?ref=v1.3.0", ""},
		{"tfupdate", "a tag of one number", h + "?ref=v1", tag, h + "?ref=v1.3.0", ""},
		{"tfupdate", "a pre-release", h + "?ref=v1.2.0-rc1", tag, h + "?ref=v1.3.0", ""},
		// tfupdate: deliberately different.
		{"tfupdate", "no version", "a/vpc/aws", Pin{Version: "2.18.0"}, "", "it has no version argument"},
		{"tfupdate", "no ref", h, tag, h + "?ref=v1.3.0", ""},
		{"tfupdate", "a name", h + "?ref=vhoge", tag, h + "?ref=v1.3.0", ""},
		{"tfupdate", "no registry address", "a-modules.git/vpc/aws1 2.17.0", Pin{Version: "2.18.0"}, "", "its source is no address that can be read"},
		// tfupdate: its defects.
		{"tfupdate", "what stands behind is lost", h + "?ref=v1.2.3&depth=1", tag, h + "?ref=v1.3.0&depth=1", ""},
		{"tfupdate", "skipped: a parameter before", h + "?depth=1&ref=v1.2.3", tag, h + "?depth=1&ref=v1.3.0", ""},
		{"tfupdate", "skipped: no v", h + "?ref=1.2.3", Pin{Ref: "1.3.0"}, h + "?ref=1.3.0", ""},
		{"tfupdate", "skipped: a prefix", h + "?ref=vpc/v1.2.3", Pin{Ref: "vpc/v1.3.0"}, h + "?ref=vpc/v1.3.0", ""},

		// Renovate: agreed.
		{"Renovate", "github", "github.com/a/vpc?ref=v1.0.0", tag, "github.com/a/vpc?ref=v1.3.0", ""},
		{"Renovate", "github and a name before the version", "github.com/a/r//m/one?ref=m_one-v0.0.9", Pin{Ref: "m_one-v0.1.0"}, "github.com/a/r//m/one?ref=m_one-v0.1.0", ""},
		{"Renovate", "github and dots", "github.com/a/vpc.2.3.git?ref=v1.0.0", tag, "github.com/a/vpc.2.3.git?ref=v1.3.0", ""},
		{"Renovate", "github, ssh", "git@github.com:a/vpc.git?ref=v1.0.0", tag, "git@github.com:a/vpc.git?ref=v1.3.0", ""},
		{"Renovate", "ssh, with depth", "git@h.example:g/vpc?depth=1&ref=v1.0.0", tag, "git@h.example:g/vpc?depth=1&ref=v1.3.0", ""},
		{"Renovate", "ssh, with a directory", "git@h.example:g/vpc//sub?depth=1&ref=sub-v1.0.0", Pin{Ref: "sub-v1.3.0"}, "git@h.example:g/vpc//sub?depth=1&ref=sub-v1.3.0", ""},
		{"Renovate", "Azure DevOps", "git@ssh.dev.azure.com:v3/O/P/R?ref=v1.0.0", tag, "git@ssh.dev.azure.com:v3/O/P/R?ref=v1.3.0", ""},
		{"Renovate", "Azure DevOps, forced", "git::git@ssh.dev.azure.com:v3/O/P/R//some/path?ref=v1.0.0", tag, "git::git@ssh.dev.azure.com:v3/O/P/R//some/path?ref=v1.3.0", ""},
		{"Renovate", "Bitbucket", "bitbucket.org/a/vpc.git/sub?ref=v1.0.0", tag, "bitbucket.org/a/vpc.git/sub?ref=v1.3.0", ""},
		{"Renovate", "Bitbucket and a user", "git::https://git@bitbucket.org/a/vpc.git?ref=v1.0.0", tag, "git::https://git@bitbucket.org/a/vpc.git?ref=v1.3.0", ""},
		{"Renovate", "a port", "git::ssh://h.example:1234/a/vpc.git//foo/bar?ref=v1.0.2", tag, "git::ssh://h.example:1234/a/vpc.git//foo/bar?ref=v1.3.0", ""},
		{"Renovate", "a branch", "git::http://h.example/a/vpc?ref=next&depth=3", tag, "git::http://h.example/a/vpc?ref=v1.3.0&depth=3", ""},
		{"Renovate", "a version", "h.example.com/a/vpc/azurerm 0.1.0", Pin{Version: "1.3.0"}, "h.example.com/a/vpc/azurerm 1.3.0", ""},
		{"Renovate", "a range of three numbers", "a/vpc/azurerm ~> 1.1.0", Pin{Version: "1.3.0"}, "a/vpc/azurerm ~> 1.3.0", ""},
		{"Renovate", "a range of two numbers", "a/vpc/azurerm ~> 1.1", Pin{Version: "1.3.0"}, "a/vpc/azurerm ~> 1.3", ""},
		{"Renovate", "no constraint", "a/vpc/azurerm ~~ 1.1", Pin{Version: "1.3.0"}, "", `its version is "~~ 1.1", which is no constraint`},
		{"Renovate", "no version", "a/vpc/azurerm//sub", Pin{Version: "1.3.0"}, "", "it has no version argument"},
		{"Renovate", "a path", "../../modules/fe", tag, "", "its source is a path in the same repository, which has no version"},
		{"Renovate", "no address", "my.host/example?ref=next", tag, "", "its source is no address that can be read"},
		// Renovate: deliberately different.
		{"Renovate", "two bounds", "a/vpc/aws >= 1.0.0, <= 2.0.0", Pin{Version: "2.1.0"}, "", `its version is the constraint ">= 1.0.0, <= 2.0.0", of more than one term`},
		{"Renovate", "an upper bound", "a/vpc/aws <= 2.4.0", Pin{Version: "2.5.0"}, "", `its version is the constraint "<= 2.4.0", which has no newest version in it`},
		{"Renovate", "not fetched with git", "https://h.example/a/vpc?ref=v1.0.0", tag, "", "its source is neither in git nor in a registry"},
		// Renovate: its defects.
		{"Renovate", "not seen: a key before", h + "?sshkey=aGk&ref=v1.2.3", tag, h + "?sshkey=aGk&ref=v1.3.0", ""},
		{"Renovate", "the tag v1.2.3&sshkey=aGk", h + "?ref=v1.2.3&sshkey=aGk", tag, h + "?ref=v1.3.0&sshkey=aGk", ""},
	} {
		for _, file := range []string{"main.tf", "main.tf.json"} {
			in := tree{file: peerFile(file, c.source)}
			want := in[file]
			if c.after != "" {
				want = peerFile(file, c.after)
			}
			after, _, refused := set(t, in, "", c.pin)
			if after[file] != want || refused != c.refused {
				t.Errorf("%s, %s: %q %s", c.who, c.name, after[file], refused)
			}
		}
	}
	// Renovate's cases of terragrunt's own addresses.
	for _, c := range [][3]string{
		{"tfr:///a/k8s/google//modules/x?version=1.2.3", "tfr:///a/k8s/google//modules/x?version=1.3.0", ""},
		{"tfr://a/vpc/aws?version=3.3.0", "tfr://a/vpc/aws?version=1.3.0", ""},
		{"tfr://h.example.com/a/vpc/aws?version=1.0.0", "tfr://h.example.com/a/vpc/aws?version=1.3.0", ""},
		// Deliberate: terragrunt reads no ref there.
		{"tfr:///a/vpc/cloud//m/one?ref=v0.0.9", "tfr:///a/vpc/cloud//m/one?ref=v0.0.9", "it has no version"},
	} {
		in := tree{"terragrunt.hcl": "terraform {\n  source = \"" + c[0] + "\" # inline\n}\n"}
		after, _, refused := set(t, in, "", Pin{Version: "1.3.0"})
		if after["terragrunt.hcl"] != "terraform {\n  source = \""+c[1]+"\" # inline\n}\n" || refused != c[2] {
			t.Errorf("%s: %q %s", c[0], after, refused)
		}
	}
}

// peerFile is a file with one call, whose source has a version behind a blank.
func peerFile(name, source string) string {
	version, argument := "", ""
	for i := range source {
		if source[i] == ' ' {
			source, version = source[:i], source[i+1:]
			break
		}
	}
	if name == "main.tf" {
		if version != "" {
			argument = "\n  version = \"" + version + "\""
		}
		return "module  \"a\"   {\n  source=\"" + source + "\"" + argument + "\n   count   =   1\n}\n"
	}
	if version != "" {
		argument = `, "version": "` + version + `"`
	}
	return `{"module": {"a": {"source": "` + source + `"` + argument + `}}}`
}

// A sibling of the same source stays as it is: who calls Set decides.
func TestPeersOneOfTwo(t *testing.T) {
	in := tree{"main.tf": "module \"one\" {\n  source  = \"a/vpc/aws\"\n  version = \"2.17.0\"\n}\nmodule \"two\" {\n  source  = \"a/vpc/aws\"\n  version = \"2.17.0\"\n}\n"}
	after, _, _ := set(t, in, "two", Pin{Version: "2.18.0"})
	if want := "module \"one\" {\n  source  = \"a/vpc/aws\"\n  version = \"2.17.0\"\n}\nmodule \"two\" {\n  source  = \"a/vpc/aws\"\n  version = \"2.18.0\"\n}\n"; after["main.tf"] != want {
		t.Error(after["main.tf"])
	}
}
