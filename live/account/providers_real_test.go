package account

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
	"golang.org/x/tools/txtar"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/static"
	"github.com/terrier-iac/terrier/modules"
)

// A plan as terraform writes it: what is inherited and passed in is no entry.
func TestProvidersOfRealPlan(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/real.txtar")
	if err != nil {
		t.Fatal(err)
	}
	fsys, err := txtar.FS(archive)
	if err != nil {
		t.Fatal(err)
	}
	text, err := fs.ReadFile(fsys, "live/prod/plan.json")
	if err != nil {
		t.Fatal(err)
	}
	var plan tfjson.Plan
	if err := plan.UnmarshalJSON(text); err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Modules []Module }
	if text, err = fs.ReadFile(fsys, "modules.json"); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	tree, diags := hclparse.LoadCalls(fsys)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	list, err := Providers(context.Background(), ProvidersInput{
		Plan: &plan, Tree: static.NewTree(modules.NewGraph(tree, nil)), Dir: "live/prod", Modules: manifest.Modules, Process: self,
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range list {
		got = append(got, fmt.Sprintf("%s %s %s %s:%d", i.Address, i.AccountID, i.How, i.File, i.Line))
	}
	want := []string{
		"aws 111111111111 credentials live/prod/main.tf:9",
		"aws.dns 333333333333 assume_role live/prod/main.tf:13",
		"aws.none 111111111111 credentials live/prod/main.tf:34",
		"aws.unknown   live/prod/main.tf:28",
		"aws.ws 222222222222 assume_role live/prod/main.tf:19",
		"module.deep.module.inner.aws 333333333333 assume_role modules/deep/inner/main.tf:2",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	refused := Judge(Account{Name: "prod", ID: self, Also: []string{dns}}, nil, list)
	if len(refused) != 2 || refused[0].Instance.Address != "aws.unknown" || refused[1].Instance.Address != "aws.ws" {
		t.Errorf("%+v", refused)
	}
}
