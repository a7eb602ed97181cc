package repo

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// HashObject makes an object. typ is "commit", "tree", "blob" or "tag".
func HashObject(typ string, data []byte) Object {
	return Object{ID: hashObject(typ, data), Type: typ, Data: data}
}

func hashObject(typ string, data []byte) Hash {
	h := sha1.New()
	h.Write([]byte(typ + " " + strconv.Itoa(len(data)) + "\x00"))
	h.Write(data)
	return Hash(h.Sum(nil))
}

// CommitObject makes a commit, in UTF-8. The message is taken as it is.
func CommitObject(tree Hash, parents []Hash, author, committer Signature, message string) Object {
	var b bytes.Buffer
	fmt.Fprintf(&b, "tree %s\n", tree)
	for _, p := range parents {
		fmt.Fprintf(&b, "parent %s\n", p)
	}
	fmt.Fprintf(&b, "author %s\ncommitter %s\n\n%s", author, committer, message)
	return HashObject("commit", b.Bytes())
}

// TagObject makes an annotated tag of a commit. name has no refs/tags/. The
// message is taken as it is.
func TagObject(target Hash, name string, tagger Signature, message string) Object {
	return HashObject("tag", fmt.Appendf(nil, "object %s\ntype commit\ntag %s\ntagger %s\n\n%s", target, name, tagger, message))
}

// emptyTree is an object that git knows without having it.
var emptyTree = hashObject("tree", nil)

// A TreeEdit is what becomes of one path.
type TreeEdit struct {
	// Delete removes the path, a directory with all that is in it. The rest
	// is not looked at.
	Delete bool
	Mode   uint32 // one of the Mode constants
	Blob   Hash   // what Mode calls for: a blob, a tree, a submodule's commit
}

// EditTree applies edits, by slash-separated path, to the tree root. It
// returns the new root and the trees that are not in rd's repository; the
// blobs are the caller's. Directories that become empty vanish; the root
// becomes the empty tree, which is then among objs. Every entry that no edit
// touches keeps its bytes.
//
// An edit may put a file where a directory was, which removes the directory,
// and may delete a path and add others below it. It is an error to delete
// what is not there, or to add a path below a file.
func EditTree(ctx context.Context, rd Reader, root Hash, edits map[string]TreeEdit) (newRoot Hash, objs []Object, err error) {
	top := &editNode{}
	for _, p := range slices.Sorted(maps.Keys(edits)) {
		if err := top.add(p, edits[p]); err != nil {
			return Hash{}, nil, fmt.Errorf("edit of %q: %w", p, err)
		}
	}
	if len(edits) == 0 {
		return root, nil, nil
	}

	// Read the trees that are touched, one level at a time, so that the
	// reader can ask for all of a level at once.
	top.old = root
	for level := []*editNode{top}; len(level) > 0; {
		var ids []Hash
		var nodes []*editNode
		for _, n := range level {
			if !n.old.IsZero() && n.old != emptyTree {
				ids = append(ids, n.old)
				nodes = append(nodes, n)
			}
		}
		i := 0
		err := rd.Objects(ctx, ids, func(o Object) error {
			n := nodes[i]
			i++
			if o.Type != "tree" {
				return fmt.Errorf("object %s is a %s and not a tree", o.ID, o.Type)
			}
			var err error
			if n.entries, err = decodeTree(o.Data); err != nil {
				return fmt.Errorf("tree %s: %w", o.ID, err)
			}
			return nil
		})
		if err != nil {
			return Hash{}, nil, fmt.Errorf("edit of a tree: %w", err)
		}
		var next []*editNode
		for _, n := range level {
			below, err := n.descend()
			if err != nil {
				return Hash{}, nil, err
			}
			next = append(next, below...)
		}
		level = next
	}

	seen := map[Hash]bool{}
	id, _ := top.build(func(o Object) {
		if !seen[o.ID] {
			seen[o.ID] = true
			objs = append(objs, o)
		}
	})
	return id, objs, nil
}

// An editNode is one directory that edits touch, or one edited path.
type editNode struct {
	path     string
	edit     *TreeEdit
	children map[string]*editNode
	old      Hash // the tree that is there now; zero where there is none
	entries  []rawEntry
}

func (n *editNode) add(p string, e TreeEdit) error {
	for _, name := range strings.Split(p, "/") {
		if kind, detail := checkName(name, false); kind != "" {
			return errors.New(detail)
		}
		if strings.ContainsRune(name, 0) {
			return errors.New("a NUL in a name")
		}
		if n.edit != nil && !n.edit.Delete {
			return fmt.Errorf("%q is to become a file", n.path)
		}
		child := n.children[name]
		if child == nil {
			child = &editNode{path: strings.TrimPrefix(n.path+"/"+name, "/")}
			if n.children == nil {
				n.children = map[string]*editNode{}
			}
			n.children[name] = child
		}
		n = child
	}
	switch e.Mode {
	case ModeFile, ModeExecutable, ModeSymlink, ModeTree, ModeSubmodule:
	default:
		if !e.Delete {
			return fmt.Errorf("%o is no mode of git's", e.Mode)
		}
	}
	n.edit = &e
	return nil
}

// descend finds what each child replaces, and returns the children that are
// directories still to be read.
func (n *editNode) descend() (below []*editNode, err error) {
	at := make(map[string]int, len(n.entries))
	for i, e := range n.entries {
		at[e.name] = i
	}
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		c := n.children[name]
		i, ok := at[name]
		if c.edit != nil {
			if c.edit.Delete && !ok {
				return nil, fmt.Errorf("edit of %q: there is nothing to delete", c.path)
			}
			if c.children != nil && c.edit.Delete {
				// Nothing old is left below a deleted directory; what is
				// deleted in it is gone with it.
				c.dropDeletes()
			}
			continue
		}
		if ok {
			if !n.entries[i].isTree() {
				return nil, fmt.Errorf("edit below %q: it is no directory", c.path)
			}
			c.old = n.entries[i].id
		}
		below = append(below, c)
	}
	return below, nil
}

// dropDeletes removes the deletions below n.
func (n *editNode) dropDeletes() {
	for name, c := range n.children {
		c.dropDeletes()
		if c.edit != nil && c.edit.Delete {
			c.edit = nil
		}
		if c.edit == nil && len(c.children) == 0 {
			delete(n.children, name)
		}
	}
}

// build makes the new tree of n and of the directories below it, and hands
// those that are new to emit. The second result is the number of entries.
func (n *editNode) build(emit func(Object)) (Hash, int) {
	entries := make([]rawEntry, 0, len(n.entries)+len(n.children))
	for _, e := range n.entries {
		if n.children[e.name] == nil {
			entries = append(entries, e)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		c := n.children[name]
		if c.edit != nil && !c.edit.Delete {
			entries = append(entries, rawEntry{mode: strconv.FormatUint(uint64(c.edit.Mode), 8), name: name, id: c.edit.Blob})
			continue
		}
		// Deleted, with additions below or with none; or a directory.
		if len(c.children) == 0 {
			continue
		}
		if id, count := c.build(emit); count > 0 {
			entries = append(entries, rawEntry{mode: "40000", name: name, id: id})
		}
	}
	slices.SortStableFunc(entries, rawEntry.compare)
	var b bytes.Buffer
	for _, e := range entries {
		b.WriteString(e.mode)
		b.WriteByte(' ')
		b.WriteString(e.name)
		b.WriteByte(0)
		b.Write(e.id[:])
	}
	o := HashObject("tree", b.Bytes())
	// Of the empty trees only the root's is part of the result.
	if o.ID != n.old && (len(entries) > 0 || n.path == "") {
		emit(o)
	}
	return o.ID, len(entries)
}

// A rawEntry is an entry of a tree object, its mode as it is written there.
type rawEntry struct {
	mode string
	name string
	id   Hash
}

func (e rawEntry) isTree() bool { return e.mode == "40000" || e.mode == "040000" }

// compare is git's order: a directory sorts as if its name ended in a slash.
func (e rawEntry) compare(o rawEntry) int {
	a, b := e.name, o.name
	if e.isTree() {
		a += "/"
	}
	if o.isTree() {
		b += "/"
	}
	return strings.Compare(a, b)
}

// decodeTree reads a tree object.
func decodeTree(data []byte) ([]rawEntry, error) {
	var entries []rawEntry
	for len(data) > 0 {
		mode, rest, ok := bytes.Cut(data, []byte(" "))
		name, rest2, ok2 := bytes.Cut(rest, []byte{0})
		if !ok || !ok2 || len(rest2) < 20 || len(mode) == 0 || len(mode) > 6 {
			return nil, errors.New("it is damaged")
		}
		entries = append(entries, rawEntry{mode: string(mode), name: string(name), id: Hash(rest2[:20])})
		data = rest2[20:]
	}
	return entries, nil
}
