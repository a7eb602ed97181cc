package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/static"
	"github.com/terrier-iac/terrier/modules"
)

const (
	self  = "111111111111" // the account of the process
	dns   = "333333333333"
	other = "444444444444"
)

func role(id string) string { return `"arn:aws:iam::` + id + `:role/x"` }

type providerCase struct {
	name    string
	files   string            // txtar-like: lines of "-- path --"; the stack is live/prod
	entries string            // provider_config: "aws", "module.x:aws.dns", "aws@registry.opentofu.org/hashicorp/aws"
	vars    map[string]any    // the plan's variables
	exprs   map[string]string // the JSON of an entry's expressions
	modules map[string]string // modules.json
	space   string
	tofu    bool
	want    string // "address=account how; address? why"
}

var providerCases = []providerCase{
	{name: "nothing of its own", files: `provider "aws" { region = "eu-west-1" }`, want: "aws=1 credentials"},
	{name: "no block at all", files: `resource "aws_vpc" "x" {}`, want: "aws=1 credentials"},
	{name: "literal", files: `provider "aws" { assume_role { role_arn = ` + role(dns) + ` } }`, want: "aws=3 assume_role"},
	{name: "alias", files: "provider \"aws\" {}\nprovider \"aws\" {\n  alias = \"dns\"\n  assume_role { role_arn = " + role(dns) + " }\n}", entries: "aws aws.dns",
		want: "aws=1 credentials; aws.dns=3 assume_role"},
	{name: "variable of the plan", files: "variable \"id\" { default = \"" + other + "\" }\nprovider \"aws\" { assume_role { role_arn = \"arn:aws:iam::${var.id}:role/x\" } }", vars: map[string]any{"id": dns}, want: "aws=3 assume_role"},
	{name: "the default would be another", files: "variable \"id\" { default = \"" + self + "\" }\nprovider \"aws\" { assume_role { role_arn = \"arn:aws:iam::${var.id}:role/x\" } }", want: "aws? var.id"},
	{name: "tfvars of the directory do not count, the plan does", files: "variable \"id\" {}\nprovider \"aws\" { assume_role { role_arn = \"arn:aws:iam::${var.id}:role/x\" } }\n-- live/prod/terraform.tfvars --\nid = \"" + self + "\"", vars: map[string]any{"id": dns}, want: "aws=3 assume_role"},
	{name: "number", files: "variable \"id\" { type = string }\nprovider \"aws\" { assume_role { role_arn = \"arn:aws:iam::${var.id}:role/x\" } }", vars: map[string]any{"id": json.Number(dns)}, want: "aws=3 assume_role"},
	{name: "object with an optional attribute", files: "variable \"a\" { type = object({ id = string, role = optional(string, \"x\") }) }\nprovider \"aws\" { assume_role { role_arn = \"arn:aws:iam::${var.a.id}:role/${var.a.role}\" } }", vars: map[string]any{"a": map[string]any{"id": dns}}, want: "aws=3 assume_role"},
	{name: "hostile variable", files: "variable \"id\" {}\nprovider \"aws\" { assume_role { role_arn = var.id } }", vars: map[string]any{"id": "${file(\"/etc/passwd\")}\n}\nx = 1"}, want: "aws? not the ARN of an IAM role"},
	{name: "a secret in the wrong place", files: "variable \"id\" {}\nprovider \"aws\" { assume_role { role_arn = var.id } }", vars: map[string]any{"id": "planted-secret"}, want: "aws? not the ARN of an IAM role"},
	{name: "ephemeral variable", files: "variable \"id\" {\n  ephemeral = true\n  default = \"" + self + "\"\n}\nprovider \"aws\" { assume_role { role_arn = \"arn:aws:iam::${var.id}:role/x\" } }", want: "aws? var.id"},
	{name: "local", files: "locals {\n  ids = { prod = \"" + dns + "\" }\n  arn = \"arn:aws:iam::${local.ids[\"prod\"]}:role/x\"\n}\nprovider \"aws\" { assume_role { role_arn = local.arn } }", want: "aws=3 assume_role"},
	{name: "workspace", files: "locals { ids = { prod = \"" + dns + "\", default = \"" + other + "\"} }\nprovider \"aws\" { assume_role { role_arn = \"arn:aws:iam::${local.ids[terraform.workspace]}:role/x\" } }", space: "prod", want: "aws=3 assume_role"},
	{name: "workspace conditional", files: "provider \"aws\" { assume_role { role_arn = terraform.workspace == \"prod\" ? " + role(dns) + " : " + role(other) + " } }", want: "aws=4 assume_role"},
	{name: "null role", files: "variable \"role\" { default = null }\nprovider \"aws\" { assume_role { role_arn = var.role } }", vars: map[string]any{"role": nil}, want: "aws=1 credentials"},
	{name: "empty role", files: `provider "aws" { assume_role { role_arn = "" } }`, want: "aws=1 credentials"},
	{name: "no role_arn", files: `provider "aws" { assume_role { session_name = "x" } }`, want: "aws=1 credentials"},
	{name: "data source", files: "data \"aws_caller_identity\" \"x\" {}\nprovider \"aws\" { assume_role { role_arn = \"arn:aws:iam::${data.aws_caller_identity.x.account_id}:role/x\" } }", want: "aws? data.aws_caller_identity.x"},
	{name: "resource", files: "provider \"aws\" { assume_role { role_arn = aws_iam_role.x.arn } }", want: "aws? aws_iam_role.x"},
	{name: "the account of a role whose name is not known", files: "provider \"aws\" { assume_role { role_arn = \"arn:aws:iam::" + dns + ":role/${aws_iam_role.x.name}\" } }", want: "aws? aws_iam_role.x"},
	{name: "list of blocks: the last counts", files: "provider \"aws\" {\n  assume_role { role_arn = " + role(other) + " }\n  assume_role { role_arn = " + role(dns) + " }\n}", want: "aws=3 assume_role"},
	{name: "list of blocks, the last not known", files: "provider \"aws\" {\n  assume_role { role_arn = " + role(other) + " }\n  assume_role { role_arn = aws_iam_role.x.arn }\n}", want: "aws? aws_iam_role.x"},
	{name: "object", files: `provider "awscc" { assume_role = { role_arn = ` + role(dns) + `} }`, entries: "awscc", want: "awscc=3 assume_role"},
	{name: "list of objects", files: `provider "aws" { assume_role = [{ role_arn = ` + role(other) + ` }, { role_arn = ` + role(dns) + ` }] }`, want: "aws=3 assume_role"},
	{name: "object of a variable", files: "variable \"r\" {}\nprovider \"awscc\" { assume_role = var.r }", entries: "awscc", vars: map[string]any{"r": map[string]any{"role_arn": "arn:aws:iam::333333333333:role/x"}}, want: "awscc=3 assume_role"},
	{name: "null object", files: `provider "awscc" { assume_role = null }`, entries: "awscc", want: "awscc=1 credentials"},
	{name: "dynamic", files: "variable \"role\" {}\nprovider \"aws\" {\n  dynamic \"assume_role\" {\n    for_each = var.role == null ? [] : [var.role]\n    content { role_arn = assume_role.value }\n  }\n}", vars: map[string]any{"role": "arn:aws:iam::333333333333:role/x"}, want: "aws=3 assume_role"},
	{name: "dynamic, none", files: "variable \"role\" {}\nprovider \"aws\" {\n  dynamic \"assume_role\" {\n    for_each = var.role == null ? [] : [var.role]\n    content { role_arn = assume_role.value }\n  }\n}", vars: map[string]any{"role": nil}, want: "aws=1 credentials"},
	{name: "dynamic with a map and an iterator", files: "provider \"aws\" {\n  dynamic \"assume_role\" {\n    for_each = { x = \"" + dns + "\" }\n    iterator = it\n    content { role_arn = \"arn:aws:iam::${it.value}:role/${it.key}\" }\n  }\n}", want: "aws=3 assume_role"},
	{name: "dynamic of a set", files: "provider \"aws\" {\n  dynamic \"assume_role\" {\n    for_each = toset([" + role(dns) + "])\n    content { role_arn = assume_role.key }\n  }\n}", want: "aws=3 assume_role"},
	{name: "dynamic of a data source", files: "provider \"aws\" {\n  dynamic \"assume_role\" {\n    for_each = data.x.y.z\n    content { role_arn = " + role(self) + " }\n  }\n}", want: "aws? data.x.y"},
	{name: "web identity", files: "provider \"aws\" {\n  assume_role_with_web_identity {\n    role_arn = " + role(dns) + "\n    web_identity_token_file = \"/x\"\n  }\n}", want: "aws=3 assume_role_with_web_identity"},
	{name: "web identity, then a role", files: "provider \"aws\" {\n  assume_role_with_web_identity { role_arn = " + role(other) + " }\n  assume_role { role_arn = " + role(dns) + " }\n}", want: "aws=3 assume_role"},
	{name: "web identity not known", files: "provider \"aws\" {\n  assume_role_with_web_identity { role_arn = aws_iam_role.x.arn }\n}", want: "aws? assume_role_with_web_identity: aws_iam_role.x"},
	{name: "profile", files: `provider "aws" { profile = "dns" }`, want: "aws=3 profile dns (role_arn)"},
	{name: "profile, and a role on top", files: "provider \"aws\" {\n  profile = \"dns\"\n  assume_role { role_arn = " + role(other) + " }\n}", want: "aws=4 assume_role"},
	{name: "profile that is not there", files: `provider "aws" { profile = "gone" }`, want: `aws? its profile "gone": no such profile`},
	{name: "null profile", files: `provider "aws" { profile = null }`, want: "aws=1 credentials"},
	{name: "profile of the workspace", files: `provider "aws" { profile = "${terraform.workspace}-x" }`, want: `aws? its profile "default-x"`},
	{name: "profile in files of its own", files: "provider \"aws\" {\n  profile = \"dns\"\n  shared_config_files = [\"x\"]\n}", want: "aws? shared_config_files"},
	{name: "profile not known", files: `provider "aws" { profile = data.x.y.z }`, want: "aws? profile is not known: data.x.y"},
	{name: "keys", files: "provider \"aws\" {\n  access_key = \"AKIAPLANTED\"\n  secret_key = \"planted-secret\"\n}", want: "aws? whose its access_key is, is not known"},
	{name: "keys of a variable", files: "variable \"k\" {}\nprovider \"aws\" { access_key = var.k }", vars: map[string]any{"k": "planted"}, want: "aws? whose its access_key is, is not known"},
	{name: "keys that are null", files: "variable \"k\" {}\nprovider \"aws\" { access_key = var.k }", vars: map[string]any{"k": nil}, want: "aws=1 credentials"},
	{name: "keys, and a role on top", files: "provider \"aws\" {\n  access_key = \"AKIAPLANTED\"\n  assume_role { role_arn = " + role(dns) + " }\n}", want: "aws=3 assume_role"},
	{name: "localstack", files: "provider \"aws\" {\n  endpoints { s3 = \"http://localhost:4566\" }\n}", want: "aws? one of its endpoints is not AWS's"},
	{name: "AWS endpoints", files: "provider \"aws\" {\n  endpoints { sts = \"https://sts.eu-west-1.amazonaws.com\" }\n}", want: "aws=1 credentials"},
	{name: "a host that only looks like AWS", files: "provider \"aws\" {\n  endpoints { sts = \"https://amazonaws.com.evil.example\" }\n}", want: "aws? not AWS's"},
	{name: "endpoints not known", files: "provider \"aws\" {\n  endpoints { sts = data.x.y.z }\n}", want: "aws? data.x.y"},
	{name: "dynamic endpoints", files: "provider \"aws\" {\n  dynamic \"endpoints\" {\n    for_each = [1]\n    content { sts = \"https://x\" }\n  }\n}", want: "aws? endpoints are a dynamic block"},
	{name: "allowed_account_ids", files: "provider \"aws\" {\n  assume_role { role_arn = aws_iam_role.x.arn }\n  allowed_account_ids = [\"" + dns + "\"]\n}", want: "aws=3 allowed_account_ids"},
	{name: "several allowed", files: "provider \"aws\" {\n  assume_role { role_arn = aws_iam_role.x.arn }\n  allowed_account_ids = [\"" + dns + "\", \"" + self + "\"]\n}", want: "aws~111111111111,333333333333 allowed_account_ids"},
	{name: "allowed, not asked for", files: "provider \"aws\" {\n  assume_role { role_arn = aws_iam_role.x.arn }\n  allowed_account_ids = [\"" + dns + "\"]\n  skip_requesting_account_id = true\n}", want: "aws? aws_iam_role.x"},
	{name: "allowed, not known", files: "provider \"aws\" {\n  assume_role { role_arn = aws_iam_role.x.arn }\n  allowed_account_ids = [data.x.y.z]\n}", want: "aws? aws_iam_role.x"},
	{name: "allowed by awscc, which does not know it", files: "provider \"awscc\" {\n  assume_role = { role_arn = aws_iam_role.x.arn }\n  allowed_account_ids = [\"" + dns + "\"]\n}", entries: "awscc", want: "awscc? aws_iam_role.x"},
	{name: "China and GovCloud", files: "provider \"aws\" { assume_role { role_arn = \"arn:aws-cn:iam::333333333333:role/x\" } }\nprovider \"aws\" {\n  alias = \"gov\"\n  assume_role { role_arn = \"arn:aws-us-gov:iam::444444444444:role/x\" }\n}", entries: "aws aws.gov", want: "aws=3 assume_role; aws.gov=4 assume_role"},
	{name: "no ARN of a role", files: "provider \"aws\" { assume_role { role_arn = \"arn:aws:iam::333333333333:user/x\" } }", want: "aws? not the ARN of an IAM role"},
	{name: "other name of the provider", files: "terraform {\n  required_providers {\n    amazon = { source = \"hashicorp/aws\" }\n  }\n}\nprovider \"amazon\" { assume_role { role_arn = " + role(dns) + " } }", entries: "amazon@registry.terraform.io/hashicorp/aws", want: "amazon=3 assume_role"},
	{name: "OpenTofu's registry", files: `provider "aws" { assume_role { role_arn = ` + role(dns) + ` } }`, entries: "aws@registry.opentofu.org/hashicorp/aws", tofu: true, want: "aws=3 assume_role"},
	{name: "other clouds", files: `provider "google" {}`, entries: "google@registry.terraform.io/hashicorp/google azurerm@registry.terraform.io/hashicorp/azurerm", want: ""},
	{name: "override", files: "provider \"aws\" { assume_role { role_arn = " + role(other) + " } }\n-- live/prod/x_override.tf --\nprovider \"aws\" { assume_role { role_arn = " + role(dns) + " } }", want: "aws=3 assume_role"},
	{name: "override of another argument", files: "provider \"aws\" { assume_role { role_arn = " + role(dns) + " } }\n-- live/prod/x_override.tf --\nprovider \"aws\" { region = \"x\" }", want: "aws=3 assume_role"},
	{name: "twice", files: "provider \"aws\" {}\nprovider \"aws\" { assume_role { role_arn = " + role(dns) + " } }", want: "aws? twice"},
	{name: "JSON", files: "-- live/prod/p.tf.json --\n{\"provider\":{\"aws\":[{\"assume_role\":{\"role_arn\":\"arn:aws:iam::333333333333:role/x\"}},{\"alias\":\"b\",\"assume_role\":[{\"role_arn\":\"arn:aws:iam::${local.id}:role/x\"}]}]},\"locals\":{\"id\":\"444444444444\"}}", entries: "aws aws.b", want: "aws=3 assume_role; aws.b=4 assume_role"},
	{name: "twin", files: "provider \"aws\" { assume_role { role_arn = " + role(other) + " } }\n-- live/prod/main.tofu --\nprovider \"aws\" { assume_role { role_arn = " + role(dns) + " } }", tofu: true, want: "aws=3 assume_role"},
	{name: "twin under terraform", files: "provider \"aws\" { assume_role { role_arn = " + role(dns) + " } }\n-- live/prod/main.tofu --\nprovider \"aws\" { assume_role { role_arn = " + role(other) + " } }", want: "aws=3 assume_role"},
	{name: "for_each", files: "provider \"aws\" {\n  alias = \"by\"\n  for_each = { a = \"" + dns + "\", b = \"" + other + "\" }\n  assume_role { role_arn = \"arn:aws:iam::${each.value}:role/x\" }\n}", entries: "aws.by", tofu: true, want: `aws.by["a"]=3 assume_role; aws.by["b"]=4 assume_role`},
	{name: "for_each not known", files: "provider \"aws\" {\n  alias = \"by\"\n  for_each = data.x.y.z\n  assume_role { role_arn = \"arn:aws:iam::${each.value}:role/x\" }\n}", entries: "aws.by", tofu: true, want: `aws.by? for_each`},
	{name: "broken file", files: "provider \"aws\" {}\n-- live/prod/b.tf --\nprovider \"aws\" {", want: "aws? b.tf cannot be parsed"},
	{name: "block not in the files", files: "locals {}", exprs: map[string]string{"aws": `{"region":{"constant_value":"x"}}`}, want: "aws? not in the files"},
	{name: "aliased block not in the files", files: "locals {}", entries: "aws.dns", want: "aws.dns? not in the files"},
	{name: "the plan says another role", files: `provider "aws" { assume_role { role_arn = ` + role(self) + ` } }`, exprs: map[string]string{"aws": `{"assume_role":[{"role_arn":{"constant_value":"arn:aws:iam::333333333333:role/x"}}]}`}, want: "aws? another in the plan"},
	{name: "the plan says the same role", files: `provider "aws" { assume_role { role_arn = ` + role(dns) + ` } }`, exprs: map[string]string{"aws": `{"assume_role":[{"role_arn":{"constant_value":"arn:aws:iam::333333333333:role/x"}}]}`}, want: "aws=3 assume_role"},
	{name: "the plan says an object", files: `provider "awscc" {}`, entries: "awscc", exprs: map[string]string{"awscc": `{"assume_role":{"constant_value":{"role_arn":"arn:aws:iam::333333333333:role/x"}}}`}, want: "awscc? another in the plan"},
	{name: "the plan says a profile", files: `provider "aws" {}`, exprs: map[string]string{"aws": `{"profile":{"constant_value":"dns"}}`}, want: "aws? another in the plan"},

	// Modules.
	{name: "module with a block", files: "module \"x\" {\n  source = \"../../modules/x\"\n  id = \"" + dns + "\"\n}\n-- modules/x/main.tf --\nvariable \"id\" {}\nprovider \"aws\" { assume_role { role_arn = \"arn:aws:iam::${var.id}:role/x\" } }",
		entries: "module.x:aws", modules: map[string]string{"x": "../../modules/x"}, want: "module.x.aws=3 assume_role"},
	{name: "module in a module, through locals and outputs", files: "module \"x\" { source = \"../../modules/x\" }\n-- modules/x/main.tf --\nlocals { id = \"" + dns + "\" }\nmodule \"y\" {\n  source = \"./y\"\n  id = local.id\n}\n-- modules/x/y/main.tf --\nvariable \"id\" {}\nprovider \"aws\" {\n  alias = \"far\"\n  assume_role { role_arn = \"arn:aws:iam::${var.id}:role/x\" }\n}",
		entries: "module.x.module.y:aws.far", modules: map[string]string{"x": "../../modules/x", "x.y": "../../modules/x/y"}, want: "module.x.module.y.aws.far=3 assume_role"},
	{name: "module with a value of another module's output", files: "module \"a\" { source = \"../../modules/a\" }\nmodule \"x\" {\n  source = \"../../modules/x\"\n  id = module.a.id\n}\n-- modules/a/main.tf --\noutput \"id\" { value = \"" + dns + "\" }\n-- modules/x/main.tf --\nvariable \"id\" {}\nprovider \"aws\" { assume_role { role_arn = \"arn:aws:iam::${var.id}:role/x\" } }",
		entries: "module.x:aws", modules: map[string]string{"a": "../../modules/a", "x": "../../modules/x"}, want: "module.x.aws? module.a"},
	{name: "configuration_aliases: no instance of its own", files: "provider \"aws\" {\n  alias = \"dns\"\n  assume_role { role_arn = " + role(dns) + " }\n}\nmodule \"x\" {\n  source = \"../../modules/x\"\n  providers = { aws.far = aws.dns }\n}\n-- modules/x/main.tf --\nterraform {\n  required_providers {\n    aws = {\n      source = \"hashicorp/aws\"\n      configuration_aliases = [aws.far]\n    }\n  }\n}",
		entries: "aws aws.dns module.x:aws", modules: map[string]string{"x": "../../modules/x"}, want: "aws=1 credentials; aws.dns=3 assume_role"},
	{name: "inherited by nobody", files: "module \"x\" { source = \"../../modules/x\" }\n-- modules/x/main.tf --\nresource \"aws_vpc\" \"x\" {}",
		entries: "module.x:aws", modules: map[string]string{"x": "../../modules/x"}, want: "aws=1 credentials"},
	{name: "inherited from the module above", files: "module \"x\" { source = \"../../modules/x\" }\n-- modules/x/main.tf --\nprovider \"aws\" { assume_role { role_arn = " + role(dns) + " } }\nmodule \"y\" { source = \"./y\" }\n-- modules/x/y/main.tf --\nresource \"aws_vpc\" \"x\" {}",
		entries: "module.x:aws module.x.module.y:aws", modules: map[string]string{"x": "../../modules/x", "x.y": "../../modules/x/y"}, want: "module.x.aws=3 assume_role"},
	{name: "installed module", files: "module \"x\" {\n  source = \"git::https://git.example.com/x.git//sub?ref=v1\"\n  id = \"" + dns + "\"\n}\n-- live/prod/.terraform/modules/x/sub/main.tf --\nvariable \"id\" {}\nmodule \"y\" {\n  source = \"../y\"\n  id = var.id\n}\n-- live/prod/.terraform/modules/x/y/main.tf --\nvariable \"id\" {}\nprovider \"aws\" { assume_role { role_arn = \"arn:aws:iam::${var.id}:role/x\" } }",
		entries: "module.x.module.y:aws", modules: map[string]string{"x": ".terraform/modules/x/sub", "x.y": ".terraform/modules/x/y"}, want: "module.x.module.y.aws=3 assume_role"},
	{name: "installed module that installs one", files: "module \"x\" { source = \"git::https://git.example.com/x.git?ref=v1\" }\n-- live/prod/.terraform/modules/x/main.tf --\nmodule \"y\" { source = \"git::https://git.example.com/y.git?ref=v1\" }\n-- live/prod/.terraform/modules/x.y/main.tf --\nprovider \"aws\" { assume_role { role_arn = " + role(dns) + " } }",
		entries: "module.x.module.y:aws", modules: map[string]string{"x": ".terraform/modules/x", "x.y": ".terraform/modules/x.y"}, want: "module.x.module.y.aws=3 assume_role"},
	{name: "module that is not installed", files: "module \"x\" { source = \"git::https://git.example.com/x.git?ref=v1\" }", entries: "module.x:aws", modules: map[string]string{"x": ".terraform/modules/x"}, want: "module.x.aws? not installed"},
	{name: "module that is not in modules.json", files: "module \"x\" { source = \"../../modules/x\" }\n-- modules/x/main.tf --\nprovider \"aws\" {}", entries: "module.x:aws", want: "module.x.aws? not in .terraform/modules/modules.json"},
	{name: "modules.json leads elsewhere", files: "module \"x\" { source = \"../../modules/x\" }\n-- modules/x/main.tf --\nprovider \"aws\" {}\n-- modules/evil/main.tf --\nprovider \"aws\" {}", entries: "module.x:aws", modules: map[string]string{"x": "../../modules/evil"}, want: "module.x.aws? another directory"},
	{name: "modules.json leads out", files: "module \"x\" { source = \"git::https://git.example.com/x.git?ref=v1\" }", entries: "module.x:aws", modules: map[string]string{"x": "../../../../etc"}, want: "module.x.aws? modules.json"},
	{name: "module that the files do not call", files: "locals {}", entries: "module.x:aws", modules: map[string]string{"x": "x"}, want: "module.x.aws? not called"},
	{name: "address that is none", files: "locals {}", entries: "x.y:aws", want: "x.y.aws? not understood"},
	{name: "module call in an override", files: "module \"x\" {\n  source = \"../../modules/x\"\n  id = \"" + other + "\"\n}\n-- live/prod/override.tf --\nmodule \"x\" { id = \"" + dns + "\" }\n-- modules/x/main.tf --\nvariable \"id\" {}\nprovider \"aws\" { assume_role { role_arn = \"arn:aws:iam::${var.id}:role/x\" } }",
		entries: "module.x:aws", modules: map[string]string{"x": "../../modules/x"}, want: "module.x.aws=3 assume_role"},
}

func (c providerCase) input(t testing.TB) ProvidersInput {
	t.Helper()
	fsys := fstest.MapFS{}
	name, text := "live/prod/main.tf", ""
	flush := func() {
		if text != "" {
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	// HCL wants a block inside a block on lines of its own; the table does not.
	lines := strings.NewReplacer("{ assume_role {", "{\n  assume_role {", " } }", " }\n}").Replace(c.files)
	for _, line := range strings.SplitAfter(lines, "\n") {
		if s, ok := strings.CutPrefix(strings.TrimSpace(line), "-- "); ok && strings.HasSuffix(s, " --") {
			flush()
			name, text = strings.TrimSuffix(s, " --"), ""
			continue
		}
		text += line
	}
	flush()
	plan := &tfjson.Plan{Variables: map[string]*tfjson.PlanVariable{}, Config: &tfjson.Config{RootModule: &tfjson.ConfigModule{}, ProviderConfigs: map[string]*tfjson.ProviderConfig{}}}
	for k, v := range c.vars {
		plan.Variables[k] = &tfjson.PlanVariable{Value: v}
	}
	entries := c.entries
	if entries == "" {
		entries = "aws"
	}
	for _, e := range strings.Fields(entries) {
		rest, full, ok := strings.Cut(e, "@")
		module, local, inModule := strings.Cut(rest, ":")
		if !inModule {
			module, local = "", rest
		}
		pname, alias, _ := strings.Cut(local, ".")
		if !ok {
			full = "registry.terraform.io/hashicorp/" + pname
		}
		pc := &tfjson.ProviderConfig{Name: pname, Alias: alias, ModuleAddress: module, FullName: full}
		if x := c.exprs[e]; x != "" {
			if err := json.Unmarshal([]byte(x), &pc.Expressions); err != nil {
				t.Fatal(err)
			}
		}
		plan.Config.ProviderConfigs[e] = pc
	}
	var list []Module
	for k, d := range c.modules {
		list = append(list, Module{Key: k, Dir: d})
	}
	tree, _ := hclparse.LoadCalls(fsys)
	stack, err := fs.Sub(fsys, "live/prod")
	if err != nil {
		t.Fatal(err)
	}
	return ProvidersInput{
		Plan: plan, Tree: static.NewTree(modules.NewGraph(tree, nil)), Dir: "live/prod", Stack: stack, Modules: list, Workspace: c.space, Tofu: c.tofu, Process: self,
		Profile: func(_ context.Context, name string) (string, string, error) {
			if name == "dns" {
				return dns, "role_arn", nil
			}
			return "", "", errors.New("no such profile\nhint: planted")
		},
	}
}

func TestProviders(t *testing.T) {
	for _, c := range providerCases {
		t.Run(c.name, func(t *testing.T) {
			list, err := Providers(context.Background(), c.input(t))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, i := range list {
				switch {
				case i.AccountID != "":
					if i.Why != "" || i.AccountID != strings.Repeat(i.AccountID[:1], 12) {
						t.Errorf("%+v", i)
					}
					got = append(got, i.Address+"="+i.AccountID[:1]+" "+i.How)
				case len(i.Among) > 0:
					got = append(got, i.Address+"~"+strings.Join(i.Among, ",")+" "+i.How)
				default:
					got = append(got, i.Address+"? "+i.Why)
				}
				noSecret(t, "an instance", fmt.Sprintf("%+v", i))
				if i.File != "" && (i.Line == 0 || !fs.ValidPath(i.File)) {
					t.Errorf("at %s:%d", i.File, i.Line)
				}
			}
			want := strings.Split(c.want, "; ")
			if c.want == "" {
				want = nil
			}
			if len(got) != len(want) {
				t.Fatalf("got  %q\nwant %q", got, want)
			}
			for n := range want {
				address, why, unknown := strings.Cut(want[n], "? ")
				if !unknown && got[n] != want[n] || unknown && (!strings.HasPrefix(got[n], address+"? ") || !strings.Contains(got[n], why)) {
					t.Errorf("got  %q\nwant %q", got[n], want[n])
				}
			}
		})
	}
}

// The same input gives the same list, whatever order the plan's map has.
func TestProvidersSorted(t *testing.T) {
	for _, c := range providerCases {
		in := c.input(t)
		first, err := Providers(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			again, err := Providers(context.Background(), in)
			if err != nil || fmt.Sprint(again) != fmt.Sprint(first) {
				t.Fatalf("%s: %v\n%v\n%v", c.name, err, again, first)
			}
		}
	}
}

func TestProvidersUncertain(t *testing.T) {
	for _, p := range []*tfjson.Plan{nil, {}, {Config: &tfjson.Config{}}, {Config: &tfjson.Config{RootModule: &tfjson.ConfigModule{}, ProviderConfigs: map[string]*tfjson.ProviderConfig{"x": nil}}}} {
		if _, err := Providers(context.Background(), ProvidersInput{Plan: p}); err == nil || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%v", err)
		}
	}
	// With nothing but a plan nothing is known, and nothing panics.
	c := providerCases[0]
	in := c.input(t)
	list, err := Providers(context.Background(), ProvidersInput{Plan: in.Plan})
	if err != nil || len(list) != 1 || list[0].Why == "" || list[0].AccountID != "" {
		t.Errorf("%v %v", list, err)
	}
	in.Process = ""
	if list, err = Providers(context.Background(), in); err != nil || list[0].AccountID != "" || list[0].Why == "" {
		t.Errorf("%v %v", list, err)
	}
}

func TestJudge(t *testing.T) {
	a := Account{Name: "prod", ID: self, Also: []string{dns}}
	known := func(id string) Instance {
		return Instance{Address: "aws.x", AccountID: id, How: "assume_role", File: "a.tf", Line: 3}
	}
	among := Instance{Address: "aws.x", Among: []string{self, dns}, How: "allowed_account_ids", Why: "?"}
	wide := Instance{Address: "aws.x", Among: []string{self, other}, How: "allowed_account_ids", Why: "?"}
	unknown := Instance{Address: "aws.x", Why: "data.x.y is not known before a plan"}
	for _, tt := range []struct {
		name string
		i    Instance
		pin  string
		want string // in the reason, "" for no refusal
	}{
		{"own", known(self), "", ""},
		{"also", known(dns), "", ""},
		{"foreign", known(other), "", "reaches account 444444444444 by its assume_role"},
		{"pinned right", known(self), self, ""},
		{"pinned wrong, both allowed", known(self), dns, "is pinned to 333333333333, but reaches 111111111111"},
		{"pin does not allow", known(other), other, "reaches account 444444444444"},
		{"unknown", unknown, "", "not known: data.x.y"},
		{"unknown, pinned", unknown, dns, ""},
		{"unknown, pinned to a foreign one", unknown, other, "is pinned to account 444444444444"},
		{"pin that is none", unknown, "33333333333", "no account id"},
		{"pin that is a name", known(self), "prod", "no account id"},
		{"among", among, "", ""},
		{"among, pinned", among, dns, ""},
		{"wide", wide, "", "may reach account 444444444444"},
		{"wide, pinned in it", wide, self, ""},
		{"wide, pinned outside it", wide, dns, "allows 111111111111, 444444444444 alone"},
		{"zero", Instance{Address: "aws.x"}, "", "nothing is known"},
	} {
		pins := map[string]string{"aws.y": other}
		if tt.pin != "" {
			pins["aws.x"] = tt.pin
		}
		got := Judge(a, pins, []Instance{tt.i})
		switch {
		case tt.want == "" && len(got) > 0, tt.want != "" && len(got) != 1:
			t.Errorf("%s: %+v", tt.name, got)
		case tt.want != "" && (!strings.Contains(got[0].Reason, tt.want) || !strings.Contains(got[0].Reason, "aws.x") || got[0].Hint == ""):
			t.Errorf("%s: %+v", tt.name, got[0])
		}
	}
	// An account without an id allows nothing.
	if got := Judge(Account{Name: "x"}, nil, []Instance{{Address: "aws"}, known(self), {Address: "b", Among: []string{""}}}); len(got) != 3 {
		t.Errorf("%+v", got)
	}
	if !slices.IsSortedFunc(Judge(a, nil, []Instance{unknown, wide}), func(x, y Refusal) int { return strings.Compare(x.Instance.Address, y.Instance.Address) }) {
		t.Error("order")
	}
}
