package account

import "time"

// Credentials are what one process is given to reach AWS with. They never show
// a secret: not by fmt, in any verb, not as JSON, not in a log.
type Credentials struct {
	Role    string    // the ARN of the role that was assumed, "" for the environment's own credentials
	Expires time.Time // zero where that is not known
	keys    *keys     // a pointer: fmt does not follow one inside a struct
}

type keys struct{ id, secret, token, region string }

// Env returns the variables, NAME=VALUE, that hand the credentials to a
// process: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN where
// there is one, and AWS_REGION where the region came from a profile that Unset
// takes away.
func (c Credentials) Env() []string { panic("account: Credentials.Env") }

// Unset returns the names of the variables that must be taken from the user's
// environment for that process, before Env is added, so that nothing but these
// credentials is used.
func (c Credentials) Unset() []string { panic("account: Credentials.Unset") }
