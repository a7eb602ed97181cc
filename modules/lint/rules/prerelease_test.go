package rules

import (
	"fmt"
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
)

func registry(version string) string {
	return fmt.Sprintf("module \"m\" {\n  source  = \"a/b/c\"\n  version = %q\n}\n", version)
}

func TestPrerelease(t *testing.T) {
	table(t, prerelease, append(everywhere("git::https://h.example/vpc.git?depth=1&ref=v1.2.3-rc1", "v1.2.3-rc1", `"v1.2.3-rc1", a pre-release`),
		row{
			name:  "a registry version",
			files: registry("2.0.0-beta"),
			want:  []string{`main.tf:3:13-3:25 at "2.0.0-beta", a pre-release`},
		},
		row{
			name:  "with an operator",
			files: registry("= 2.0.0-beta.1"),
			want:  []string{`main.tf:3:13-3:29 a pre-release`},
		},
		row{
			name:  "of an override file",
			files: registry("2.0.0") + "-- override.tf --\nmodule \"m\" {\n  version = \"2.1.0-rc1\"\n}\n",
			want:  []string{`override.tf:2:13-2:24 "2.1.0-rc1"`},
		},
		row{
			name:  "terragrunt's registry source",
			files: "-- terragrunt.hcl --\nterraform {\n  source = \"tfr://h.example/a/b/c?version=2.0.0-rc1\"\n}\n",
			want:  []string{`terragrunt.hcl:2:43-2:52 a pre-release`},
		},
		row{name: "a range is another rule's", files: registry(">= 2.0.0-beta")},
		row{name: "build metadata is none", files: call("github.com/a/b?ref=v1.2.3%2Bbuild-1")},
		row{name: "a dash in the module's name", files: call("github.com/a/b?ref=my-vpc-v1.2.3")},
		row{
			name:  "a branch that looks like one",
			files: call("git::https://h.example/vpc.git?ref=v1.2.3-rc1"),
			with:  func(in *lint.Input) { remoteHas("refs/heads/v1.2.3-rc1")(in) },
		},
	))
}
