package rules

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
)

// TestPageExamples runs each rule over the examples of its page: what stands under
// "Found" is found, what stands under "Not found" is not, and is no error for
// another rule of which the page says nothing.
func TestPageExamples(t *testing.T) {
	const pageCommit = "5d2bd9b2b1a4ed0d7fb0a3b1a3e2e3f7d6c8a9b0"
	refsOf := func(name string, refs ...string) func(*lint.Input) {
		return func(in *lint.Input) {
			one := &lint.Input{}
			remote(refs...)(one)
			if in.Refs == nil {
				in.Refs = one.Refs
			}
			in.Refs["git::https://gitlab.example.com/terraform/"+name+".git"] = one.Refs[vpcAddress]
		}
	}
	lockOf := func(ref string, kind lock.Kind) func(*lint.Input) {
		return locked(&lock.Entry{Address: "git::https://gitlab.example.com/terraform/vpc.git", Ref: ref, Kind: kind, Commit: commitB})
	}
	asIs := func(hcl string) string { return "-- main.tf --\n" + hcl }
	// each takes an example apart at the comments that name its files.
	each := func(hcl string) string {
		return regexp.MustCompile(`(?m)^# ((?:[a-z]+/)*(?:main\.tf|terragrunt\.hcl))\b.*$`).ReplaceAllStringFunc(hcl, func(line string) string {
			name := regexp.MustCompile(`[a-z/]+\.(tf|hcl)`).FindString(line)
			if name == "terragrunt.hcl" {
				name = "live/terragrunt.hcl"
			}
			return "-- " + name + " --"
		})
	}
	twice := func(hcl string) string { return "-- live/a/main.tf --\n" + hcl + "-- live/b/main.tf --\n" + hcl }
	settings := func(name string, set lint.RuleSettings) func(*lint.Input) {
		return func(in *lint.Input) { in.Settings.Rules = map[string]lint.RuleSettings{name: set} }
	}
	type setting struct {
		files func(hcl string) string
		with  func(*lint.Input)
	}
	// What a rule needs beside the example; nothing where it is not here.
	settingOf := map[*lint.Rule]setting{
		ambiguousRef:   {asIs, refsOf("vpc", "v1.2.3 "+commitA, "refs/heads/v1.2.3 "+commitB)},
		computedSource: {each, nil},
		copiedFileDiffers: {func(hcl string) string {
			file := "#!/bin/sh\n"
			if !strings.Contains(hcl, "never after") {
				file = "#!/bin/bash\n"
			}
			return "-- templates/user_data.sh --\n" + file
		}, func(in *lint.Input) {
			in.Copies = map[string]lint.Copy{"templates/user_data.sh": {Owner: "modules/vpc.git", Digest: digest("#!/bin/sh\n")}}
		}},
		disallowedHost:    {asIs, settings("disallowed-host", lint.RuleSettings{Hosts: []string{"gitlab.example.com"}})},
		duplicateStateKey: {twice, nil},
		frozenPath: {func(hcl string) string { return "" }, func(in *lint.Input) {
			in.Settings.Rules = map[string]lint.RuleSettings{"frozen-path": {Paths: []string{"modules/vpc/**"}}}
		}},
		invalidSource: {func(hcl string) string { return each(hcl) + "-- live/modules/vpc/main.tf --\n" }, nil},
		movedTag:      {asIs, with(lockOf("v1.2.3", lock.KindTag), refsOf("vpc", "v1.2.3 "+commitA))},
		notLocked:     {asIs, lockOf("v1.2.3", lock.KindTag)},
		promotionOrder: {each, func(in *lint.Input) {
			in.Environment = func(dir string) string { return path.Base(dir) }
			in.After = map[string][]string{"prod": {"qa"}}
		}},
		relativeSource: {func(hcl string) string {
			return each(hcl) + "-- live/prod/network/backend.tf --\n" + withBackend + "-- live/prod/network/subnets/main.tf --\n-- modules/vpc/main.tf --\n"
		}, nil},
		staleComment: {asIs, with(refsOf("vpc", "v1.2.3 "+pageCommit), refsOf("net"), refsOf("eks"))},
		unknownRef:   {asIs, with(refsOf("vpc", "v1.2.3 "+commitA, "V4.5.0 "+commitA), refsOf("eks", "v1.2.3 "+commitA))},
	}
	for _, rule := range All {
		set, ok := settingOf[rule]
		if !ok {
			set = setting{asIs, nil}
		}
		for _, part := range []string{"Found", "Not found"} {
			_, page, _ := strings.Cut(rule.Doc, "\n## "+part+"\n")
			page, _, _ = strings.Cut(page, "\n## ")
			_, hcl, ok := strings.Cut(page, "```hcl\n")
			hcl, _, end := strings.Cut(hcl, "```")
			if !ok || !end {
				t.Errorf("%s: no example under %q", rule.Name, part)
				continue
			}
			in := input(set.files(hcl))
			if set.with != nil {
				set.with(in)
			}
			if rule == frozenPath { // `# and PATH is changed, …`
				in.Changed = map[string]bool{regexp.MustCompile(`(?m)^# and (\S+) `).FindStringSubmatch(hcl)[1]: true}
			}
			n := 0
			for _, f := range lint.Run(in, All) {
				if f.Rule == rule.Name {
					n++
				} else if part == "Not found" && set.with == nil && f.Severity == lint.Error && !strings.Contains(page, f.Rule) {
					t.Errorf("%s: what stands under %q is an error for %s", rule.Name, part, f.Rule)
				}
			}
			if (n > 0) != (part == "Found") {
				t.Errorf("%s: %d findings in what stands under %q:\n%s", rule.Name, n, part, hcl)
			}
		}
	}
}
