package pins

import (
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/versions"
)

// TestPeers holds where a bump to the newest release differs from what
// Renovate and tfupdate make of the same call: see ../rewrite/PEERS.md, "outdated
// and bump". Each repository and registry has 1.0.0, 1.2.3 and 2.0.0.
func TestPeers(t *testing.T) {
	for _, c := range []struct {
		who, name, file, source, version string
		after                            string // of source or version; "" for none
		reason                           string // why it stays; "" where it is no module with versions
	}{
		// Renovate: agreed.
		{"Renovate", "a tag", "main.tf", "github.com/a/vpc?ref=v1.0.0", "", "github.com/a/vpc?ref=v2.0.0", ""},
		{"Renovate", "a tag with depth", "terragrunt.hcl", "git::https://h.example/a/vpc?ref=v1.0.0&depth=5", "", "git::https://h.example/a/vpc?ref=v2.0.0&depth=5", ""},
		{"Renovate", "tfr", "terragrunt.hcl", "tfr:///a/vpc/aws//sub?version=1.0.0", "", "tfr:///a/vpc/aws//sub?version=2.0.0", ""},
		{"Renovate", "tfr and a host", "terragrunt.hcl", "tfr://h.example.com/a/vpc/aws?version=1.0.0", "", "tfr://h.example.com/a/vpc/aws?version=2.0.0", ""},
		{"Renovate", "a range", "main.tf", "a/vpc/aws", "~> 1.2", "~> 2.0", ""},
		{"Renovate", "a branch", "main.tf", "github.com/a/vpc?ref=next", "", "", "its ref next is no release, and nobody can tell whether 2.0.0 is newer"},
		{"Renovate", "no version", "main.tf", "a/vpc/aws//sub", "", "", "it has no version argument"},
		{"Renovate", "a range that allows it", "main.tf", "a/vpc/aws", ">= 1.0.0, <= 2.0.0", "", `its constraint ">= 1.0.0, <= 2.0.0" allows 2.0.0 as it is`},
		// Renovate: not seen there.
		{"Renovate", "tfr of two slashes", "terragrunt.hcl", "tfr://a/vpc/aws?version=1.0.0", "", "tfr://a/vpc/aws?version=2.0.0", ""},
		{"Renovate", "tfr and a version beside it", "terragrunt.hcl", "tfr:///a/vpc/aws", "1.0.0", "2.0.0", ""},
		// Renovate: deliberately different.
		{"Renovate", "not fetched with git", "main.tf", "https://h.example/a/vpc?ref=v1.0.0", "", "", ""},
		{"Renovate", "a directory behind .git", "main.tf", "bitbucket.org/a/vpc.git/sub?ref=v1.0.0", "", "bitbucket.org/a/vpc.git/sub?ref=v2.0.0", ""},
		{"Renovate", "tfr with a ref", "terragrunt.hcl", "tfr:///a/vpc/cloud?ref=v1.0.0", "", "", "it has no version argument"},
		{"Renovate", "no constraint", "main.tf", "a/vpc/aws", "~~ 1.1", "", `its version is "~~ 1.1", which is no constraint`},
		{"Renovate", "an upper bound", "main.tf", "a/vpc/aws", "<= 1.2.3", "", `its version is the constraint "<= 1.2.3", which has no newest version in it`},
		// tfupdate: agreed.
		{"tfupdate", "a version", "main.tf", "a/vpc/aws", "1.2.3", "2.0.0", ""},
		{"tfupdate", "a tag", "main.tf", "git::https://h.example/vpc.git?ref=v1.2.3", "", "git::https://h.example/vpc.git?ref=v2.0.0", ""},
		{"tfupdate", "no ref", "main.tf", "git::https://h.example/vpc.git", "", "", "it has no ref, and nobody can tell whether 2.0.0 is newer"},
		{"tfupdate", "a name", "main.tf", "git::https://h.example/vpc.git?ref=vhoge", "", "", "its ref vhoge is no release, and nobody can tell whether 2.0.0 is newer"},
		// tfupdate: deliberately different.
		{"tfupdate", "a moving tag", "main.tf", "git::https://h.example/vpc.git?ref=v1", "", "", "its ref v1 is no release, and nobody can tell whether 2.0.0 is newer"},
		{"tfupdate", "no registry address", "main.tf", "a-modules.git/vpc/aws1", "1.0.0", "", ""},
	} {
		block := "module \"a\" {\n  source = "
		if c.file == "terragrunt.hcl" {
			block = "terraform {\n  source = "
		}
		text := block + `"` + c.source + "\"\n"
		if c.version != "" {
			text += "  version = \"" + c.version + "\"\n"
		}
		text += "}\n"
		tree, set := load(t, map[string]string{"live/a/" + c.file: text}, nil, false)
		for _, m := range set.Modules {
			m.Whole, m.Releases = true, nil
			for _, tag := range []string{"v1.0.0", "v1.2.3", "v2.0.0"} {
				if m.Registry {
					tag = tag[1:]
				}
				r, ok := modules.ParseRelease(tag)
				if !ok {
					t.Fatal(tag)
				}
				m.Releases = append(m.Releases, versions.Release{Version: r.Version, Tag: tag})
			}
		}
		moves, skipped := Bump{Level: Major}.Choose(Places(set, nil))
		r, err := tree.Make(moves)
		if err != nil {
			t.Fatal(err)
		}
		r.Add(skipped)
		after, reason := "", ""
		for _, change := range r.Changes {
			after = string(change.After)
		}
		if len(r.Skipped) > 0 {
			reason = r.Skipped[0].Reason
		}
		want := ""
		if c.after != "" {
			old := c.source
			if !strings.Contains(c.after, "/") {
				old = c.version
			}
			want = strings.Replace(text, `"`+old+`"`, `"`+c.after+`"`, 1)
		}
		if after != want || reason != c.reason {
			t.Errorf("%s, %s: %q %q", c.who, c.name, after, reason)
		}
	}
}

// A release that has the module's directory no more is not taken.
func TestGone(t *testing.T) {
	tree, set := load(t, map[string]string{"live/a/main.tf": "module \"auth\" {\n  source = \"git::https://h.example/eks.git//modules/auth?ref=v1.0.0\"\n}\n"}, nil, true)
	moves, skipped := Bump{Level: Major}.Choose(Places(set, nil))
	if len(moves) != 1 || len(skipped) != 0 {
		t.Fatal(moves, skipped)
	}
	rows := Rows(moves)
	rows[0].Gone = true
	Same(moves, rows)
	r, err := tree.Make(moves)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Edits) != 0 || len(r.Changes) != 0 || len(r.Skipped) != 1 || !r.Asked() || !strings.HasSuffix(r.Skipped[0].Reason, "has no directory modules/auth, so that init would fail") {
		t.Errorf("%+v", r)
	}
}
