package terraform

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestHazards(t *testing.T) {
	w := newWorld(t)
	w.put("home/.keep", "")
	w.put("dev.tfrc", "provider_installation {\n  dev_overrides {\n    \"hashicorp/aws\" = \"/build\"\n  }\n  direct {}\n}\n")
	w.put("mirror.tfrc", "plugin_cache_dir = \"/cache\"\nprovider_installation {\n  filesystem_mirror {\n    path = \"/dev_overrides\"\n  }\n}\ncredentials \"h\" {\n  token = \"planted\"\n}\n")
	w.put("broken.tfrc", "credentials \"h\" { token = \"planted\n")
	w.put("old.tfrc", "providers {\n  aws = \"/build\"\n}\n")
	w.put("json.tfrc", `{"provider_installation":[{"dev_overrides":{"hashicorp/aws":"/build"}}]}`)
	w.put("user/.terraformrc", "provider_installation {\n  dev_overrides {}\n}\n")
	w.put("user/.terraform.d/x.tfrc", "provider_installation {\n  dev_overrides {}\n}\n")
	w.put("user/.terraform.d/y.json", "no")
	at := func(name string) string { return filepath.Join(w.dir, name) }
	home := "HOME=" + at("home")
	for _, c := range []struct {
		env  []string
		want string
	}{
		{[]string{home, "TF_LOG=trace", "TF_VAR_x=1", "TF_CLI_ARGS=", "TF_WORKSPACE=prod", "TF_PLUGIN_CACHE_DIR=/c"}, ""},
		{[]string{home, "TF_CLI_ARGS_plan=-target=planted", "TF_CLI_ARGS=-x", "TF_DATA_DIR=/d", "TF_REATTACH_PROVIDERS={}", "TF_WORKSPACE=theirs", "TF_STATE_FILE=x"},
			"TF_CLI_ARGS TF_CLI_ARGS_plan TF_DATA_DIR TF_REATTACH_PROVIDERS TF_STATE_FILE TF_WORKSPACE"},
		{[]string{home, "TF_CLI_CONFIG_FILE=" + at("dev.tfrc")}, "dev_overrides@dev.tfrc:2"},
		{[]string{home, "TERRAFORM_CONFIG=" + at("dev.tfrc")}, "dev_overrides@dev.tfrc:2"},
		{[]string{home, "TERRAFORM_CONFIG=" + at("dev.tfrc"), "TF_CLI_CONFIG_FILE=" + at("mirror.tfrc")}, ""},
		{[]string{home, "TF_CLI_CONFIG_FILE=" + at("json.tfrc")}, "dev_overrides@json.tfrc:0"},
		{[]string{home, "TF_CLI_CONFIG_FILE=" + at("broken.tfrc")}, "CLI configuration@broken.tfrc:0"},
		{[]string{home, "TF_CLI_CONFIG_FILE=" + at("old.tfrc")}, "providers@old.tfrc:1"},
		{[]string{home, "TF_CLI_CONFIG_FILE=" + at("home")}, "CLI configuration@home:0"},
		{[]string{home, "TF_CLI_CONFIG_FILE=" + at("gone")}, ""},
		{[]string{"HOME=" + at("user")}, "dev_overrides@.terraformrc:2 dev_overrides@x.tfrc:2"},
		{[]string{"HOME=" + at("user"), "TF_CLI_CONFIG_FILE=/dev/null"}, ""},
	} {
		var got []string
		for _, h := range Hazards(c.env, "prod") {
			s := h.Name
			if h.File != "" {
				s += "@" + filepath.Base(h.File) + ":" + strconv.Itoa(h.Line)
			}
			got = append(got, s)
			if h.Reason == "" || h.Hint == "" || strings.Contains(h.Reason+h.Hint, "planted") {
				t.Errorf("%+v", h)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q:\n got %q\nwant %q", c.env[1:], got, c.want)
		}
	}
}

func FuzzHazards(f *testing.F) {
	f.Add("provider_installation {\n  dev_overrides {}\n}\n")
	f.Add(`{"provider_installation":[{"dev_overrides":{}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		w := newWorld(t)
		w.put("rc", text)
		Hazards([]string{"TF_CLI_CONFIG_FILE=" + filepath.Join(w.dir, "rc")})
	})
}
