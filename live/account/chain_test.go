package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// local serves credentials as a container's agent and an instance do.
func local(t *testing.T, expires time.Time) string {
	t.Helper()
	answer := fmt.Sprintf(`{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":%q,"SecretAccessKey":%q,"Token":"","Expiration":%q}`, ownKey, ownWord, expires.UTC().Format(time.RFC3339))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token":
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "600")
			_, _ = io.WriteString(w, "imds")
		case r.URL.Path == "/latest/meta-data/iam/security-credentials/":
			_, _ = io.WriteString(w, "instance-role")
		case r.URL.Path == "/latest/meta-data/iam/security-credentials/instance-role", r.URL.Path == "/task":
			_, _ = io.WriteString(w, answer)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestContainerAndInstance(t *testing.T) {
	for name, setup := range map[string]func(t *testing.T, url string){
		"container": func(t *testing.T, url string) { t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url+"/task") },
		"instance": func(t *testing.T, url string) {
			t.Setenv("AWS_EC2_METADATA_DISABLED", "false")
			t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
		},
	} {
		t.Run(name, func(t *testing.T) {
			emptyEnv(t)
			s, c := start(t)
			end := c.now().Add(time.Hour).Truncate(time.Second)
			setup(t, local(t, end))
			b := &Broker{Now: c.now}
			own, err := b.Credentials(context.Background(), Account{}, "", "run")
			// The SDK takes five minutes off what a container's agent says.
			if err != nil || own.Expires.After(end) || own.Expires.Before(end.Add(-5*time.Minute)) {
				t.Fatalf("%v %v, want the end %v", err, own.Expires, end)
			}
			if id, _, err := b.Identity(context.Background(), own); err != nil || id != "999999999999" {
				t.Errorf("%s %v", id, err)
			}
			if _, err := b.Credentials(context.Background(), Account{}, plan, "run"); err != nil {
				t.Error(err)
			}
			if s.Actions() != "GetCallerIdentity AssumeRole" {
				t.Error(s.Actions())
			}
		})
	}
}

// AWS_EC2_METADATA_DISABLED is kept to: nobody is asked.
func TestInstanceDisabled(t *testing.T) {
	emptyEnv(t)
	start(t)
	asked := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer s.Close()
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", s.URL)
	_, err := (&Broker{}).Credentials(context.Background(), Account{}, "", "run")
	var n *NoCredentials
	if !errors.As(err, &n) || asked {
		t.Errorf("asked %v, %v", asked, err)
	}
}

// A login that has ended says what to run.
func TestSSOLogin(t *testing.T) {
	home := emptyEnv(t)
	start(t)
	write(t, filepath.Join(home, "config"), "[profile sso]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = dev\nregion = eu-west-1\n"+
		"[sso-session corp]\nsso_start_url = https://planted.example.com/start\nsso_region = eu-west-1\n"+
		"[profile old]\nsso_start_url = https://planted.example.com/start\nsso_region = eu-west-1\nsso_account_id = 111111111111\nsso_role_name = dev\n")
	for _, profile := range []string{"sso", "old"} {
		t.Setenv("AWS_PROFILE", profile)
		_, err := (&Broker{}).Credentials(context.Background(), Account{}, "", "run")
		var e *Expired
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "aws sso login") {
			t.Errorf("%s: %T %v", profile, err, err)
		}
		noSecret(t, "the error", err.Error())
	}
}

// In CI a role is assumed with the job's token itself where AWS_ROLE_ARN names
// it, or nothing: no role has to trust itself, and none stands between.
func TestWebIdentityDirectly(t *testing.T) {
	ci := "arn:aws:iam::111111111111:role/ci"
	for _, tt := range []struct {
		name, named, keys, role, token string
		actions                        string
		kind                           any
	}{
		{"named", ci, "", ci, webWord, "AssumeRoleWithWebIdentity", nil},
		{"none named", "", "", ci, webWord, "AssumeRoleWithWebIdentity", nil},
		{"another named", ci, "", plan, webWord, "AssumeRoleWithWebIdentity AssumeRole", nil},
		{"keys come first", ci, ownKey, plan, webWord, "AssumeRole", nil},
		{"refused", "", "", plan, webWord, "AssumeRoleWithWebIdentity", &RoleRefused{}},
		{"another token", "", "", ci, "planted-other", "AssumeRoleWithWebIdentity", &RoleRefused{}},
		{"empty token", "", "", ci, "", "", &NoCredentials{}},
		{"no role at all", "", "", "", webWord, "", &NoCredentials{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := emptyEnv(t)
			s, c := start(t)
			s.Echo(true)
			t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", write(t, filepath.Join(home, "jwt"), tt.token))
			if tt.named != "" {
				t.Setenv("AWS_ROLE_ARN", tt.named)
			}
			if tt.keys != "" {
				ownKeys(t)
			}
			b := &Broker{Now: c.now}
			creds, err := b.Credentials(context.Background(), Account{Duration: 30 * time.Minute}, tt.role, "run-ada")
			if s.Actions() != tt.actions {
				t.Errorf("asked %s", s.Actions())
			}
			if tt.kind != nil {
				if err == nil || fmt.Sprintf("%T", err) != fmt.Sprintf("%T", tt.kind) {
					t.Fatalf("%T %v", err, err)
				}
				noSecret(t, "the error", err.Error())
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			last := s.Requests()[len(s.Requests())-1]
			if last.Role != tt.role || last.Session != "run-ada" || last.Seconds != 1800 {
				t.Errorf("%+v", last)
			}
			if id, _, err := b.Identity(context.Background(), creds); err != nil || id != "111111111111" {
				t.Errorf("%s %v", id, err)
			}
		})
	}
}
