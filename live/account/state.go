package account

// StateProfileName is the AWS profile that the backend is given where the state
// is reached with other credentials than the resources.
const StateProfileName = "terrier-state"

// A StateProfile is a private copy of the user's AWS credentials file that has
// the profile StateProfileName beside the user's own ones.
type StateProfile struct {
	dir string
}

// NewStateProfile writes the file (0600, in a new directory of 0700 below
// dir; "" for the system's own for temporary files). It refuses where the user
// has a profile of that name, or where the user's files cannot be read.
func NewStateProfile(dir string, c Credentials) (*StateProfile, error) {
	panic("account: NewStateProfile")
}

// Env returns the variables, NAME=VALUE, for the process, beside those of its
// own Credentials.
func (p *StateProfile) Env() []string { panic("account: StateProfile.Env") }

// BackendConfig returns the KEY=VALUE for -backend-config of an s3 backend.
func (p *StateProfile) BackendConfig() []string { panic("account: StateProfile.BackendConfig") }

// Close removes the file and its directory.
func (p *StateProfile) Close() error { panic("account: StateProfile.Close") }
