package account

import (
	"context"
	"time"
)

// A Broker gets credentials from the AWS SDK's default chain (environment,
// shared config and SSO, web identity, container, instance) of this process's
// environment, and assumes roles with them. It is safe for use by several
// goroutines.
type Broker struct {
	// Now is the clock by which credentials are kept; nil for time.Now.
	Now func() time.Time
	// Timeout bounds one call of a method, retries included; 0 for 30 seconds.
	Timeout time.Duration
}

// Credentials returns credentials in the role, or with "" those of the
// environment. They are kept, for each role, external id, duration and session,
// and given again as long as a good part of their life is left.
//
// session is the name that CloudTrail shows: see SessionName. Errors are
// *NoCredentials, *RoleRefused, *Expired, *Unreachable, or the end of ctx.
func (b *Broker) Credentials(ctx context.Context, a Account, role, session string) (Credentials, error) {
	panic("account: Broker.Credentials")
}

// Identity asks STS whose the credentials are: the account's id and the ARN of
// the user or role. Errors are as for Credentials.
func (b *Broker) Identity(ctx context.Context, c Credentials) (id, arn string, err error) {
	panic("account: Broker.Identity")
}

// ProfileAccount returns the id of the account that a profile of the user's AWS
// configuration leads to, and how that is known: by role_arn, by
// sso_account_id, or by asking STS with the profile's credentials.
func (b *Broker) ProfileAccount(ctx context.Context, profile string) (id, how string, err error) {
	panic("account: Broker.ProfileAccount")
}

// SessionName makes a role's session name of a run's id and the user's name:
// 2 to 64 of the characters that STS allows.
func SessionName(run, user string) string { panic("account: SessionName") }

// Check returns nil where the id that Broker.Identity gave is the account's
// own, else a *WrongAccount. Also does not count: it is for providers.
func Check(a Account, id, arn string) error { panic("account: Check") }
