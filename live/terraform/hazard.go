package terraform

// An EnvHazard is something in terraform's surroundings that changes what a
// plan or an apply does behind terrier's back. The caller refuses.
type EnvHazard struct {
	Name   string // of the variable, or of the setting in a file: "TF_CLI_ARGS_plan", "dev_overrides"
	File   string // the CLI configuration file that it is in, "" for a variable
	Reason string // what it does
	Hint   string // what to do about it
}

// Hazards looks for them in an environment and in the CLI configuration files
// that terraform would read under it. workspaces are the values of
// TF_WORKSPACE that are ours. A file that cannot be read or parsed is one too.
// The order is that of names and files. Values are not told: they may be
// secrets.
func Hazards(environ []string, workspaces ...string) []EnvHazard { panic("not yet") }
