// Package fingerprint knows what a plan would do: from the JSON of a saved plan
// (`terraform show -json`) it makes a summary for people, and a canonical
// document of everything that decides what an apply of it does, with a sum that
// two plans share only where they would do the same. README.md says what is in
// it and what is left out.
//
// It runs nothing, reads no file, asks no clock, and decides nothing: whether a
// plan may be applied is the business of others.
package fingerprint

// FormatVersion is that of a Document. One with another number before the dot
// cannot be compared with ours.
const FormatVersion = "1.0"

// A Context is what decides what an apply does and is not in the plan's JSON.
type Context struct {
	Terraform string `json:"terraform"` // product and version: "terraform 1.11.4". Required
	Backend   string `json:"backend"`   // a digest of the backend's identity, which may hold credentials
	Workspace string `json:"workspace"` // "" is "default"
	Account   string `json:"account"`   // the account's id, "" without one
	LockFile  string `json:"lock_file"` // a digest of .terraform.lock.hcl, "" without one
	// Configuration is a digest of the text of the configuration, as
	// Configuration makes it of the plan's file. Required: the JSON gives of an
	// expression only which objects it refers to, so that the command of
	// `command = "echo ${local.x}"` stands nowhere in it.
	Configuration string `json:"configuration"`
	// Files is a digest of the other files that the configuration can read or
	// run, as Files makes it: scripts, templates, zips, of the stack and of the
	// local modules. Required: they are read again in an apply.
	Files   string   `json:"files"`
	Modules []Module `json:"modules"`
}

// A Module is one that was fetched, from a git repository or a registry.
type Module struct {
	Source string `json:"source"` // without subdirectory, ref and credentials
	Subdir string `json:"subdir"`
	Ref    string `json:"ref"`
	Commit string `json:"commit"`
}
