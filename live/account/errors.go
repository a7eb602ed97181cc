package account

// A WrongAccount says that credentials belong to another account.
type WrongAccount struct {
	Name string // the account's, in terrier.hcl
	Want string
	Got  string
	ARN  string // without the name of a session
}

func (e *WrongAccount) Error() string { panic("account: WrongAccount.Error") }

// A RoleRefused says that AWS does not let the credentials assume a role.
type RoleRefused struct {
	Role   string
	Code   string // AWS's word for it, such as "AccessDenied"
	Detail string // AWS's sentence, without secrets; may be ""
}

func (e *RoleRefused) Error() string { panic("account: RoleRefused.Error") }

// An Expired says that credentials, or the login that they come from, are past
// their time.
type Expired struct {
	What string
	Hint string
}

func (e *Expired) Error() string { panic("account: Expired.Error") }

// An Unreachable says that AWS did not answer, or not with sense: nothing is
// known of the credentials.
type Unreachable struct {
	Host string // "" where it is not known
	Why  string
}

func (e *Unreachable) Error() string { panic("account: Unreachable.Error") }

// A NoCredentials says that there are no credentials, or none that AWS knows.
type NoCredentials struct{ Why string }

func (e *NoCredentials) Error() string { panic("account: NoCredentials.Error") }
