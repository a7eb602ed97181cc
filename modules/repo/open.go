package repo

// A Repo is the user's repository, open for reading.
type Repo struct {
	// Root is the work tree, absolute; "" in a bare repository.
	Root string
	// GitDir is the common git directory, absolute: objects and refs.
	GitDir string
	// gitDir differs from GitDir in a linked work tree: its HEAD and index.
	gitDir string
}
