package account

import "strings"

// A WrongAccount says that credentials belong to another account.
type WrongAccount struct {
	Name string // the account's, in terrier.hcl
	Want string
	Got  string
	ARN  string // whose they are, without the name of a session
}

func (e *WrongAccount) Error() string {
	return "account " + e.Name + " is " + e.Want + ", but the credentials are of " + e.Got + " (" + e.ARN + ")\n" +
		"hint: take the credentials of account " + e.Want + ", or correct id, plan_role or apply_role of account \"" + e.Name + "\" in terrier.hcl"
}

// A RoleRefused says that AWS does not let the credentials assume a role.
type RoleRefused struct {
	Role   string
	Code   string // AWS's word for it, such as "AccessDenied"; "HTTP 403" without
	Detail string // what is behind it, without secrets; may be ""
	Hint   string
}

func (e *RoleRefused) Error() string {
	s := "AWS refused the role " + e.Role + " (" + e.Code + ")"
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s + "\nhint: " + e.Hint
}

// An Expired says that credentials, or the login that they come from, are past
// their time.
type Expired struct {
	What string // "the credentials of the environment" …
	Hint string
}

func (e *Expired) Error() string { return e.What + " expired\nhint: " + e.Hint }

// An Unreachable says that AWS did not answer, or not with sense: nothing is
// known of the credentials.
type Unreachable struct {
	Host string // "" where it is not known
	Why  string
}

func (e *Unreachable) Error() string {
	s := "AWS STS cannot be asked"
	if e.Host != "" {
		s += " at " + e.Host
	}
	return s + ": " + e.Why + "\nhint: look at the network, the proxy and AWS_ENDPOINT_URL_STS, then run it again"
}

// A NoCredentials says that there are no credentials, or none that AWS knows.
type NoCredentials struct{ Why string }

func (e *NoCredentials) Error() string {
	return "no AWS credentials: " + strings.TrimSuffix(e.Why, ".") + "\nhint: log in (aws sso login), set AWS_PROFILE, or in CI set AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE; " +
		"`aws sts get-caller-identity` shows what the AWS tools find"
}
