package rules

import (
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
)

func TestPromotionOrder(t *testing.T) {
	// dev, then qa, then prod; by the second name of the path.
	envs := func(in *lint.Input) {
		in.After = map[string][]string{"prod": {"qa"}, "qa": {"dev"}}
		in.Environment = func(dir string) string {
			rest, ok := strings.CutPrefix(dir, "live/")
			env, _, _ := strings.Cut(rest, "/")
			if !ok {
				return ""
			}
			return env
		}
	}
	at := func(dir, body string) string { return "-- live/" + dir + "/main.tf --\n" + stack + body }
	vpc := func(ref string) string { return named("vpc", "?ref="+ref, "") }
	table(t, promotionOrder, []row{
		{
			name:  "prod is ahead of qa",
			files: at("prod/a", vpc("v1.10.0")) + at("qa/a", vpc("v1.9.0")) + at("dev/a", vpc("v2.0.0")),
			with:  envs,
			want:  []string{`live/prod/a/main.tf:3:48-3:55 prod has 1.10.0 of module "vpc", and qa, which comes before it, has 1.9.0`},
		},
		{
			name:  "in another stack of each, the newest counts",
			files: at("prod/a", vpc("v1.0.0")) + at("prod/b", vpc("v1.2.0")) + at("qa/c", vpc("v1.1.0")) + at("qa/d", vpc("v1.0.0")),
			with:  envs,
			want:  []string{`live/prod/b/main.tf:3:48-3:54 prod has 1.2.0 of module "vpc", and qa, which comes before it, has 1.1.0`},
		},
		{
			name:  "through an environment that does not use the module",
			files: at("prod/a", vpc("v1.2.0")) + at("qa/a", "") + at("dev/a", vpc("v1.1.0")),
			with:  envs,
			want:  []string{`live/prod/a/main.tf:3:48-3:54 prod has 1.2.0 of module "vpc", and dev, which comes before it, has 1.1.0`},
		},
		{
			name:  "through a module of the environment's stack, and by a comment",
			files: at("prod/a", "module \"p\" {\n  source = \"./p\"\n}\n") + "-- live/prod/a/p/main.tf --\n" + named("vpc", "?ref="+commitA, " # v1.2.0") + at("qa/a", named("net", "?ref="+commitB, " # v1.1.0")),
			with:  envs,
			want:  []string{`live/prod/a/p/main.tf:2:48-2:88 prod has 1.2.0 of module "vpc", and qa, which comes before it, has 1.1.0`},
		},
		{
			name: "registry, JSON and terragrunt",
			files: at("prod/a", "module \"r\" {\n  source  = \"a/b/aws\"\n  version = \"1.3.0\"\n}\n") + at("qa/a", "module \"r\" {\n  source  = \"a/b/aws\"\n  version = \"1.2.0\"\n}\n") +
				"-- live/prod/t/terragrunt.hcl --\nterraform {\n  source = \"git::https://h.example/vpc.git?ref=v2.0.0\"\n}\n-- live/qa/j/main.tf.json --\n{\"provider\": {\"aws\": {}}, \"module\": {\"x\": {\"source\": \"git::https://h.example/vpc.git?ref=v1.0.0\"}}}\n",
			with: envs,
			want: []string{`live/prod/a/main.tf:4:13-4:20 prod has 1.3.0 of module "r", and qa, which comes before it, has 1.2.0`,
				`live/prod/t/terragrunt.hcl:2:48-2:54 prod has 2.0.0 of the terragrunt source, and qa, which comes before it, has 1.0.0`},
		},
		{
			name:  "as far, or behind",
			files: at("prod/a", vpc("v1.0.0")) + at("qa/a", vpc("1.0.0")) + at("dev/a", vpc("v1.1.0")),
			with:  envs,
		},
		{
			name:  "only in one environment",
			files: at("prod/a", vpc("v1.0.0")) + at("qa/a", "") + at("dev/a", ""),
			with:  envs,
		},
		{
			name:  "a shared module is as new in both",
			files: at("prod/a", "module \"p\" {\n  source = \"../../../modules/p\"\n}\n") + at("qa/a", "module \"p\" {\n  source = \"../../../modules/p\"\n}\n"+vpc("v1.0.0")) + "-- modules/p/main.tf --\n" + vpc("v3.0.0"),
			with:  envs,
		},
		{
			name:  "what cannot be compared: a commit, a branch, a range, another prefix",
			files: at("prod/a", vpc("v1.5.0")+named("e", "//e?ref=e-1.0.0", "")+"module \"r\" {\n  source  = \"a/b/aws\"\n  version = \"2.0.0\"\n}\n") + at("qa/a", vpc(commitA)+vpc("v1.0.0")+named("e", "//e?ref=v0.9.0", "")+"module \"r\" {\n  source  = \"a/b/aws\"\n  version = \"~> 1.0\"\n}\n"),
			with:  envs,
		},
		{
			name:  "a comment that is known to be stale is not believed",
			files: at("prod/a", named("vpc", "?ref="+commitA, " # v9.0.0")) + at("qa/a", vpc("v1.0.0")),
			with:  with(envs, remote("v1.0.0 "+commitA)),
		},
		{
			name:  "a circle of environments ends",
			files: at("prod/a", vpc("v1.0.0")) + at("qa/a", "") + at("dev/a", ""),
			with: func(in *lint.Input) {
				envs(in)
				in.After["dev"] = []string{"prod"}
			},
		},
		{
			name:  "no order is configured",
			files: at("prod/a", vpc("v1.10.0")) + at("qa/a", vpc("v1.9.0")),
		},
	})
}

func TestPromotionOrderOfTwo(t *testing.T) {
	in := input("-- p/main.tf --\n" + stack + named("x", "?ref=v3.0.0", "") + "-- a/main.tf --\n" + stack + named("x", "?ref=v1.0.0", "") + "-- b/main.tf --\n" + stack + named("x", "?ref=v2.0.0", ""))
	in.Environment = func(dir string) string { return dir }
	in.After = map[string][]string{"p": {"b", "a"}}
	found := lint.Run(in, []*lint.Rule{promotionOrder})
	if len(found) != 1 || len(found[0].Related) != 2 || found[0].Related[0].Range.Filename != "a/main.tf" || found[0].Related[1].Range.Filename != "b/main.tf" {
		t.Errorf("%+v", found)
	}
}
