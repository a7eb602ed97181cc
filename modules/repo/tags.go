package repo

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
)

// A Tag is a tag of the user's repository.
type Tag struct {
	Name   string // without refs/tags/
	Commit Hash   // that it points to, through other tags
	// tail is what an annotated tag says after its header's first three
	// lines: the tagger and the message; nil for a lightweight one.
	tail []byte
}

// Tags lists the tags that point to commits, by name.
func (r *Repo) Tags(ctx context.Context) ([]Tag, error) {
	out, err := run(ctx, r.command(ctx, "for-each-ref", "--format=%(objecttype) %(objectname) %(refname)", "refs/tags"), nil)
	if err != nil {
		return nil, err
	}
	var tags []Tag
	var annotated []Hash
	var of []int
	for _, line := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		f := strings.SplitN(line, " ", 3)
		if len(f) != 3 || f[0] != "commit" && f[0] != "tag" {
			continue
		}
		id, err := ParseHash(f[1])
		if err != nil {
			return nil, err
		}
		tags = append(tags, Tag{Name: strings.TrimPrefix(f[2], "refs/tags/"), Commit: id})
		if f[0] == "tag" {
			annotated, of = append(annotated, id), append(of, len(tags)-1)
		}
	}
	rd, err := r.Reader(ctx)
	if err != nil {
		return nil, err
	}
	defer rd.Close()
	const deepest = 16 // tags of tags
	for depth := 0; len(annotated) > 0 && depth < deepest; depth++ {
		var next []Hash
		var nextOf []int
		i := 0
		err := rd.Objects(ctx, annotated, func(o Object) error {
			t := &tags[of[i]]
			i++
			to, kind, tail, err := parseTag(o.Data)
			if err != nil {
				return fmt.Errorf("tag %s: %w", t.Name, err)
			}
			if depth == 0 {
				t.tail = tail
			}
			t.Commit = Hash{}
			switch kind {
			case "commit":
				t.Commit = to
			case "tag":
				next, nextOf = append(next, to), append(nextOf, of[i-1])
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		annotated, of = next, nextOf
	}
	kept := tags[:0]
	for _, t := range tags {
		if !t.Commit.IsZero() {
			kept = append(kept, t)
		}
	}
	return kept, nil
}

// parseTag reads what a tag object points to, and what follows its name.
func parseTag(data []byte) (to Hash, kind string, tail []byte, err error) {
	object, rest, _ := bytes.Cut(data, []byte("\n"))
	typ, rest, _ := bytes.Cut(rest, []byte("\n"))
	name, rest, ok := bytes.Cut(rest, []byte("\n"))
	if !ok || !bytes.HasPrefix(object, []byte("object ")) || !bytes.HasPrefix(typ, []byte("type ")) || !bytes.HasPrefix(name, []byte("tag ")) {
		return Hash{}, "", nil, fmt.Errorf("malformed\nhint: \"git fsck\" tells more")
	}
	to, err = ParseHash(string(object[len("object "):]))
	return to, string(typ[len("type "):]), bytes.Clone(rest), err
}

// signature is what a signed tag's message ends in.
var signature = regexp.MustCompile(`(?m)^-----BEGIN (PGP|SSH|SIGNED) (SIGNATURE|MESSAGE)-----(?s:.*)`)

// tagger is the one header that git asks for after a tag's name.
var tagger = regexp.MustCompile(`^tagger [^\n<>]* <[^\n<>]*> [0-9]+ [+-][0-9]{4}\n\n`)

// On makes the tag anew, under another name, on another commit: who made it,
// when, and the message are as they were; a signature, which is of the other
// commit, is dropped. It is false for a lightweight tag, or for one that git
// would not take today.
func (t Tag) On(commit Hash, name string) (Object, bool) {
	if !tagger.Match(t.tail) {
		return Object{}, false
	}
	tail := signature.ReplaceAll(t.tail, nil)
	return HashObject("tag", fmt.Appendf(nil, "object %s\ntype commit\ntag %s\n%s", commit, name, tail)), true
}
