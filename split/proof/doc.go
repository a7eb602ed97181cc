// Package proof knows whether a split changed anything but module sources: it
// reads the monorepo's commit and the repositories that were written from it,
// and compares them file by file and call by call.
//
// It shares no code with the rewriter: it reads objects by itself, parses with
// hcl, and brings its own idea of sources, of Terraform's merging rules, of
// directories and of attributes, so that one mistake is not made twice. It writes
// nothing, starts no process, and walks no history: that a repository is whole
// (every reachable object there, and undamaged) is what `git fsck` tells.
//
// # Who holds what
//
// Every path of the monorepo belongs to one repository: to the package that
// owns it, to the live repository of the paths around it, or to the one that
// holds the rest. A repository holds what is its own and the copies that it
// lists, below its root, and nothing else, but for one thing: a .gitattributes
// at its root may be new or have more lines where files need attributes that
// the monorepo gave them from above.
//
// A symlink stays as it is. One that leads out of its repository may become
// what it leads to: a file, or a directory with the same files. Its calls are
// then those of its new place.
//
// # What is a mismatch
//
// File is a path of the monorepo and `/`-separated, also for a file of a
// package; Line counts from 1, in the written file where there is one, and is
// 0 where no line is meant. Stack and Address say where the fault was met
// first; Stack is "" where no stack of the input reaches it, and the directory
// itself for a directory that is no stack.
//
//	repository-unreadable  a written repository is not there or cannot be read
//	missing-object         a written repository lacks an object of its tip, or it is damaged
//	main-moved             a package's branch main is not at the recorded tip
//	tag-missing            a package lacks its tag
//	tag-moved              a package's tag is not at the recorded tip
//	ambiguous-tag          a branch of the package has the tag's name
//	pin-parent             the pin commit's only parent is not the extracted tip
//	pin-commit             the pin commit changes more than sources
//	extracted-tree         the extracted tip's tree is not what the monorepo has at its paths
//	extracted-history      made without history, the extracted tip has parents
//	live-branch            a live repository's branch is not at the recorded tip
//	live-parent            the live commit's only parent is not the commit that was split, or what was extracted of it
//	two-owners             a path is in more than one repository
//	file-missing           a path of the monorepo is in no repository, or a listed copy is not there
//	file-extra             a repository holds a path that is neither its own nor a listed copy
//	copy-wrong             a listed copy's owner or digest is not the monorepo's
//	mode-changed           a file's mode or type differs
//	bytes-changed          a byte outside the source literals differs
//	bad-path               a written tree holds a name that is no file name: .., .git, a slash
//	symlink-broken         a symlink leads elsewhere than before
//	attributes-changed     a file is checked out with other line ends, encoding, ident or filter
//	backend-changed        a backend, cloud or remote_state block differs
//	call-missing           a call is gone
//	call-extra             a call is new
//	source-changed         a source that leaves the monorepo, is computed or led nowhere is another
//	target-moved           a call is still relative, and its target is gone
//	wrong-target           a call is still relative, and leads to another directory
//	wrong-repository       a call's new source is no package's, or not that of its module
//	wrong-ref              a call's ref is no tag of the package, or a tag of another commit
//	wrong-subdirectory     what follows // is not the called directory
//
// # What is unproved
//
//	parse-error       a file does not parse (it is carried as it is): its calls are not known
//	missing-object    the monorepo's clone lacks a file (a partial clone)
//	computed-source   a source is not a plain string
//	missing-source    a call has no source
//	dangling          a call leads to no directory, before and after
//	dangling-link     a configuration file is a symlink that leads to no file, before and after
//	source-outside    a call leaves the repository, before and after
//	cycle             modules that call each other
//	too-many-modules  the tree of calls is too large to be walked
//	no-configuration  a stack that has no configuration
//	path-dependent    something may depend on the path, and a prefix of it was stripped
package proof
