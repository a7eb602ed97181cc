package account

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// Credentials are what one process is given to reach AWS with. They never show
// a secret: not by fmt, in any verb, not as JSON, not in a log.
type Credentials struct {
	Role    string    // the ARN of the role that was assumed, "" for the environment's own credentials
	Expires time.Time // zero where that is not known
	// keys is a function because fmt follows every other kind, also one that
	// another struct hides, where Format is not called.
	keys func() keys
}

type keys struct {
	id, secret, token string
	// region is the user's where it is known from a profile alone.
	region string
}

// The variables that the AWS SDKs, terraform's s3 backend and its provider take
// credentials from, and what goes with them. Taken from the sources of
// aws-sdk-go-v2's config, of aws-sdk-go-base and of terraform's s3 backend.
var variables = []string{
	"AWS_ACCESS_KEY", // of SDKs past, and still read
	"AWS_ACCESS_KEY_ID",
	"AWS_ACCOUNT_ID",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	"AWS_CREDENTIAL_EXPIRATION",
	"AWS_DEFAULT_PROFILE",
	"AWS_PROFILE", // the s3 backend prefers it to keys
	"AWS_ROLE_ARN",
	"AWS_ROLE_SESSION_NAME",
	"AWS_SECRET_ACCESS_KEY",
	"AWS_SECRET_KEY",
	"AWS_SECURITY_TOKEN",
	"AWS_SESSION_TOKEN",
	"AWS_WEB_IDENTITY_TOKEN_FILE",
}

func secret(k keys) func() keys { return func() keys { return k } }

// Env returns the variables, NAME=VALUE, that hand the credentials to a
// process: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN where
// there is one, and AWS_REGION where the region came from a profile that Unset
// takes away. A region that the user has nowhere is not made up: where
// resources are made is the user's to say. It is nil for the zero Credentials.
func (c Credentials) Env() []string {
	if c.keys == nil {
		return nil
	}
	k := c.keys()
	env := []string{"AWS_ACCESS_KEY_ID=" + k.id, "AWS_SECRET_ACCESS_KEY=" + k.secret}
	if k.token != "" {
		env = append(env, "AWS_SESSION_TOKEN="+k.token)
	}
	if k.region != "" && os.Getenv("AWS_REGION") == "" && os.Getenv("AWS_DEFAULT_REGION") == "" {
		env = append(env, "AWS_REGION="+k.region)
	}
	return env
}

// Unset returns the names of the variables that must be taken from the user's
// environment for that process, before Env is added, so that nothing but these
// credentials is used.
func (c Credentials) Unset() []string { return slices.Clone(variables) }

// String names the credentials without a secret.
func (c Credentials) String() string {
	switch {
	case c.keys == nil:
		return "no credentials"
	case c.Role != "":
		return "credentials of " + c.Role
	}
	return "credentials of the environment"
}

// GoString is String: %#v must not show more than %v.
func (c Credentials) GoString() string { return c.String() }

// Format writes String for every verb.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// MarshalJSON writes the role and the end, and no secret.
func (c Credentials) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Role    string    `json:"role,omitempty"`
		Expires time.Time `json:"expires,omitzero"`
	}{c.Role, c.Expires})
}
