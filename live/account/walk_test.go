package account

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/static"
	"github.com/terrier-iac/terrier/modules"
)

// An installed module that is a link out of the stack is not read.
func TestInstalledModuleOnDisk(t *testing.T) {
	dir := t.TempDir()
	block := "provider \"aws\" {\n  assume_role {\n    role_arn = " + role(dns) + "\n  }\n}\n"
	for name, text := range map[string]string{
		"outside/main.tf":                     block,
		"repo/s/main.tf":                      "module \"x\" {\n  source = \"git::https://git.example.com/x.git\"\n}\nmodule \"y\" {\n  source = \"git::https://git.example.com/y.git\"\n}\n",
		"repo/s/.terraform/modules/y/main.tf": block,
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), text)
	}
	if err := os.Symlink(filepath.Join(dir, "outside"), filepath.Join(dir, "repo/s/.terraform/modules/x")); err != nil {
		t.Fatal(err)
	}
	stack, err := os.OpenRoot(filepath.Join(dir, "repo/s"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	}()
	tree, _ := hclparse.LoadCalls(os.DirFS(filepath.Join(dir, "repo")))
	pc := func(module string) *tfjson.ProviderConfig {
		return &tfjson.ProviderConfig{Name: "aws", FullName: "registry.terraform.io/hashicorp/aws", ModuleAddress: module}
	}
	list, err := Providers(context.Background(), ProvidersInput{
		Plan: &tfjson.Plan{Config: &tfjson.Config{RootModule: &tfjson.ConfigModule{}, ProviderConfigs: map[string]*tfjson.ProviderConfig{"x": pc("module.x"), "y": pc("module.y")}}},
		Tree: static.NewTree(modules.NewGraph(tree, nil)), Dir: "s", Stack: stack.FS(), Process: self,
		Modules: []Module{{"x", ".terraform/modules/x"}, {"y", ".terraform/modules/y"}},
	})
	if err != nil || len(list) != 2 {
		t.Fatalf("%v %v", list, err)
	}
	if x := list[0]; x.AccountID != "" || !strings.Contains(x.Why, "not installed") {
		t.Errorf("%+v", x)
	}
	if y := list[1]; y.AccountID != dns || y.File != "s/.terraform/modules/y/main.tf" || y.Line != 1 {
		t.Errorf("%+v", y)
	}
}

// Whatever the files are, nothing panics, and an instance has an account or a
// reason.
func FuzzProviders(f *testing.F) {
	for _, c := range providerCases {
		f.Add(c.files, "x", c.tofu)
	}
	f.Add("variable \"v\" {}\nprovider \"aws\" {\n  assume_role = var.v\n  endpoints = var.v\n  allowed_account_ids = var.v\n}", "{\"role_arn\":[[[]]]}", false)
	f.Fuzz(func(t *testing.T, files, value string, tofu bool) {
		c := providerCase{files: files, tofu: tofu, vars: map[string]any{"v": value}, entries: "aws aws.a awscc module.x:aws module.x.module.y:aws", modules: map[string]string{"x": "../../modules/x", "x.y": "../../modules/x/y"}}
		in := c.input(t)
		list, err := Providers(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range list {
			if i.AccountID == "" && len(i.Among) == 0 && i.Why == "" || i.AccountID != "" && !accountID.MatchString(i.AccountID) {
				t.Errorf("%+v", i)
			}
		}
		Judge(Account{Name: "a", ID: self}, nil, list)
	})
}
