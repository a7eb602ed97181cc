package account

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
)

func stateKeys(token string) Credentials {
	return Credentials{keys: secret(keys{id: "ASIASTATE", secret: "planted/state+secret=", token: token})}
}

func TestStateProfile(t *testing.T) {
	for _, tt := range []struct {
		name, credentials, config string
		token                     string
	}{
		{name: "no files", token: "planted/token+="},
		{name: "no token"},
		{name: "user's profiles", credentials: "[ops]\naws_access_key_id = AKIAOPS\naws_secret_access_key = s", config: "[profile sso]\nsso_account_id = 1\n", token: "t"},
		{name: "CRLF and no end", credentials: "[ops]\r\naws_access_key_id = AKIAOPS\r\naws_secret_access_key = s\r\n# end", token: "t"},
		{name: "default", credentials: "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = s\n", token: "t"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := emptyEnv(t)
			if tt.credentials != "" {
				write(t, filepath.Join(home, "credentials"), tt.credentials)
			}
			if tt.config != "" {
				write(t, filepath.Join(home, "config"), tt.config)
			}
			p, err := NewStateProfile(t.TempDir(), stateKeys(tt.token))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(p.BackendConfig(), " "); got != "profile=terrier-state" {
				t.Errorf("backend config %s", got)
			}
			name, ok := strings.CutPrefix(strings.Join(p.Env(), " "), "AWS_SHARED_CREDENTIALS_FILE=")
			if !ok || !filepath.IsAbs(name) {
				t.Fatalf("env %s", p.Env())
			}
			for path, mode := range map[string]fs.FileMode{name: 0o600, filepath.Dir(name): 0o700 | fs.ModeDir} {
				info, err := os.Stat(path)
				if err != nil || info.Mode() != mode {
					t.Errorf("%s: %v %v", path, info.Mode(), err)
				}
			}
			load := func(profile string) config.SharedConfig {
				t.Helper()
				s, err := config.LoadSharedConfigProfile(context.Background(), profile, func(o *config.LoadSharedConfigOptions) {
					o.CredentialsFiles, o.ConfigFiles = []string{name}, []string{filepath.Join(home, "config")}
				})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			got := load(StateProfileName).Credentials
			if got.AccessKeyID != "ASIASTATE" || got.SecretAccessKey != "planted/state+secret=" || got.SessionToken != tt.token {
				t.Errorf("%q", got.AccessKeyID)
			}
			if strings.Contains(tt.credentials, "[ops]") && load("ops").Credentials.AccessKeyID != "AKIAOPS" {
				t.Error("the user's profile is lost")
			}
			if tt.config != "" && load("sso").SSOAccountID != "1" {
				t.Error("the user's configuration is lost")
			}
			for range 2 {
				if err := p.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := os.Stat(filepath.Dir(name)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it is still there: %v", err)
			}
		})
	}
}

func TestStateProfileRefused(t *testing.T) {
	for _, tt := range []struct {
		name  string
		setup func(t *testing.T, home string)
		creds Credentials
		want  string
	}{
		{"in the credentials", func(t *testing.T, home string) {
			write(t, filepath.Join(home, "credentials"), "[terrier-state]\naws_access_key_id = x\naws_secret_access_key = planted\n")
		}, stateKeys("t"), "has a profile terrier-state already"},
		{"in the configuration", func(t *testing.T, home string) {
			write(t, filepath.Join(home, "config"), "[profile terrier-state]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = terrier-state\n")
		}, stateKeys("t"), "already"},
		{"directory", func(t *testing.T, home string) {
			if err := os.Mkdir(filepath.Join(home, "credentials"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, stateKeys("t"), ""},
		{"too large", func(t *testing.T, home string) {
			write(t, filepath.Join(home, "credentials"), strings.Repeat("# planted\n", maxProfiles/10+1))
		}, stateKeys("t"), "larger than a megabyte"},
		{"no credentials", func(*testing.T, string) {}, Credentials{}, "no AWS credentials"},
		{"line break", func(*testing.T, string) {}, stateKeys("x\n[default]"), "characters"},
		{"comment", func(*testing.T, string) {}, stateKeys("x #y"), "characters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := emptyEnv(t)
			tt.setup(t, home)
			dir := t.TempDir()
			p, err := NewStateProfile(dir, tt.creds)
			if err == nil {
				t.Fatalf("no error: %v", p.Env())
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v", err)
			}
			noSecret(t, "the error", err.Error())
			left, err := os.ReadDir(dir)
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}
