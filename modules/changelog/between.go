// Package changelog knows what commits say about a directory: those between
// two points of a history, read as conventional commits and put in order.
//
// It knows neither Terraform nor versions, and believes no message: what really
// changed is for package change.
package changelog

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/modules/repo"
)

// Between returns what the commits say that new has in its history and old
// does not, and that change one of the directories; "." is the whole tree. A
// zero old is the beginning of all. The newest come first.
//
// A renamed directory is not followed: its history begins with the rename. A
// commit and the one that reverts it are left out where both are between. So
// are "chore(release)" commits, which release tools make, and merges, but for
//   - one that brings nothing but commits without a type, and has one itself:
//     the title of a merge request, say;
//   - one that changes the directory though no commit that it brings does.
//
// Of the commits of a squashed merge request its title alone is read.
func Between(ctx context.Context, rd repo.Reader, old, new repo.Hash, dirs ...string) ([]Entry, error) {
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	h, err := walk(ctx, rd, old, new)
	if err != nil {
		return nil, err
	}
	if err := h.touch(ctx, rd, dirs); err != nil {
		return nil, err
	}
	messages, err := h.messages(ctx, rd)
	if err != nil {
		return nil, err
	}
	return settle(h.entries(messages)), nil
}

// A span is the history between two points.
type span struct {
	new     repo.Hash
	order   []repo.Hash // parents first
	commits map[repo.Hash]*node
	trees   map[repo.Hash]repo.Hash // of all commits seen, those of old too
}

// A node is one commit between.
type node struct {
	parents []repo.Hash
	touched bool // differs from its first parent in one of the directories
	// by is the commit of the line of first parents that brought it.
	by repo.Hash
}

func walk(ctx context.Context, rd repo.Reader, old, new repo.Hash) (*span, error) {
	before := map[repo.Hash]bool{}
	if !old.IsZero() {
		if err := rd.Walk(ctx, old, func(c repo.CommitInfo) error {
			before[c.ID] = true
			return nil
		}); err != nil {
			return nil, err
		}
	}
	h := &span{new: new, commits: map[repo.Hash]*node{}, trees: map[repo.Hash]repo.Hash{}}
	err := rd.Walk(ctx, new, func(c repo.CommitInfo) error {
		h.trees[c.ID] = c.Tree
		if !before[c.ID] {
			h.order = append(h.order, c.ID)
			h.commits[c.ID] = &node{parents: slices.Clone(c.Parents)}
		}
		return nil
	})
	h.claim()
	return h, err
}

// claim finds for each commit which one of the main line brought it.
func (h *span) claim() {
	var line []repo.Hash
	for at := h.new; h.commits[at] != nil; {
		line = append(line, at)
		parents := h.commits[at].parents
		if len(parents) == 0 {
			break
		}
		at = parents[0]
	}
	for _, id := range slices.Backward(line) {
		for stack := []repo.Hash{id}; len(stack) > 0; {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			n := h.commits[at]
			if n == nil || !n.by.IsZero() {
				continue
			}
			n.by = id
			stack = append(stack, n.parents...)
		}
	}
}

// touch finds the commits that change one of the directories.
func (h *span) touch(ctx context.Context, rd repo.Reader, dirs []string) error {
	for _, dir := range dirs {
		ids := map[repo.Hash]bool{}
		for _, n := range h.commits {
			if len(n.parents) > 0 {
				ids[h.trees[n.parents[0]]] = true
			}
		}
		for _, id := range h.order {
			ids[h.trees[id]] = true
		}
		at, err := below(ctx, rd, ids, dir)
		if err != nil {
			return err
		}
		for id, n := range h.commits {
			var before repo.Hash
			if len(n.parents) > 0 {
				before = at[h.trees[n.parents[0]]]
			}
			n.touched = n.touched || at[h.trees[id]] != before
		}
	}
	return nil
}

// below finds what stands at a path of many trees: zero for nothing.
func below(ctx context.Context, rd repo.Reader, roots map[repo.Hash]bool, dir string) (map[repo.Hash]repo.Hash, error) {
	at := map[repo.Hash]repo.Hash{}
	for id := range roots {
		at[id] = id
	}
	dir = path.Clean(dir)
	if dir == "." {
		return at, nil
	}
	for _, name := range strings.Split(dir, "/") {
		var ids []repo.Hash
		asked := map[repo.Hash]bool{}
		for _, id := range at {
			if !id.IsZero() && !asked[id] {
				asked[id] = true
				ids = append(ids, id)
			}
		}
		slices.SortFunc(ids, func(a, b repo.Hash) int { return bytes.Compare(a[:], b[:]) })
		found := map[repo.Hash]repo.Hash{}
		err := rd.Objects(ctx, ids, func(o repo.Object) error {
			if o.Type == "tree" {
				found[o.ID] = entry(o.Data, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for root, id := range at {
			at[root] = found[id]
		}
	}
	return at, nil
}

// entry finds a name in a tree object, zero for nothing: entries are
// "MODE NAME\x00" and an id.
func entry(tree []byte, name string) repo.Hash {
	for len(tree) > 0 {
		head, rest, ok := bytes.Cut(tree, []byte{0})
		if !ok || len(rest) < 20 {
			return repo.Hash{}
		}
		if _, have, ok := bytes.Cut(head, []byte{' '}); ok && string(have) == name {
			return repo.Hash(rest[:20])
		}
		tree = rest[20:]
	}
	return repo.Hash{}
}

// messages reads those of the commits that count, or may.
func (h *span) messages(ctx context.Context, rd repo.Reader) (map[repo.Hash]string, error) {
	var ids []repo.Hash
	for _, id := range h.order {
		if n := h.commits[id]; n.touched {
			ids = append(ids, id)
		}
	}
	out := map[repo.Hash]string{}
	err := rd.Objects(ctx, ids, func(o repo.Object) error {
		c, err := repo.ParseCommit(o)
		if err != nil {
			return fmt.Errorf("%w\nhint: \"git fsck\" tells more", err)
		}
		// What it means stands in the beginning.
		c.Message = c.Message[:min(len(c.Message), 1<<16)]
		out[o.ID] = decode(c)
		return nil
	})
	return out, err
}

// entries are those of all commits that count, the newest first.
func (h *span) entries(messages map[repo.Hash]string) []Entry {
	// What the commits that a merge brings say: nothing, or no type.
	brings, typed := map[repo.Hash]bool{}, map[repo.Hash]bool{}
	parsed := map[repo.Hash]Entry{}
	for _, id := range h.order {
		n := h.commits[id]
		if !n.touched {
			continue
		}
		if len(n.parents) > 1 {
			e, ok := parseMerge(messages[id])
			e.Merge = true
			parsed[id] = e
			typed[id] = typed[id] || ok && n.by != id
			continue
		}
		e, ok := Parse(messages[id])
		parsed[id] = e
		if n.by != id {
			brings[n.by] = true
			typed[n.by] = typed[n.by] || ok || e.Breaking
		}
	}
	var out []Entry
	for _, id := range slices.Backward(h.order) {
		n := h.commits[id]
		if !n.touched {
			continue
		}
		e := parsed[id]
		e.Commit = id
		if len(n.parents) > 1 {
			alone := n.by == id && !brings[id]
			says := n.by == id && brings[id] && !typed[id] && (e.Type != "" || e.Breaking)
			if !alone && !says {
				continue
			}
		}
		out = append(out, e)
	}
	return out
}

// settle leaves out what was taken back, and what release tools write.
func settle(entries []Entry) []Entry {
	gone := make([]bool, len(entries))
	for i, e := range entries { // the newest first: the revert of a revert counts before that
		if gone[i] || e.Reverts == "" {
			continue
		}
		for j := i + 1; j < len(entries); j++ {
			if !gone[j] && strings.HasPrefix(entries[j].Commit.String(), e.Reverts) {
				gone[i], gone[j] = true, true
				break
			}
		}
	}
	var out []Entry
	for i, e := range entries {
		if !gone[i] && !(e.Type == "chore" && e.Scope == "release" && !e.Breaking) {
			out = append(out, e)
		}
	}
	return out
}
