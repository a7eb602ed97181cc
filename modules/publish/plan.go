package publish

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/terrier-iac/terrier/modules/forge"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A Plan is changes as they are to be committed and told.
type Plan struct {
	Verb   string // what is done: bump, promote, pin
	Stages []pins.Stage
	// Stories tell what each move brings, by pins.Edit.Key.
	Stories map[string]*pins.Story
	// Reasons are what the changes rest on, for who reads it later, in the
	// commits and in the merge request.
	Reasons []Reason
}

// A Reason is a line of a commit message: "Exempted: live/lab (torn down)".
type Reason struct{ Key, Text string }

// A Commit is one that was made.
type Commit struct {
	ID           repo.Hash
	Title        string
	Environments []string // as in pins.Stage
}

// An Advance is what the branch that is checked out is to do: to move from one
// commit to another, as repo.Repo.Advance does, when the work tree has the
// other's files.
type Advance struct {
	From, To repo.Hash
	Reflog   string
}

// messages are the whole messages of the stages' commits.
func (p *Plan) messages() []string {
	var out []string
	for i := range p.Stages {
		s := &p.Stages[i]
		message := s.Title(p.Verb) + "\n\n" + inert(s.Body(p.Stories))
		for _, r := range p.Reasons {
			message += fmt.Sprintf("\n\n%s: %s", r.Key, line(r.Text))
		}
		out = append(out, message+"\n\n"+trailer+p.Verb+"\n")
	}
	return out
}

// description is the title and the body of the merge request.
func (p *Plan) description() (title, body string) {
	body = forge.Neutral(pins.Markdown(p.Stages, p.Stories))
	for _, r := range p.Reasons {
		body += fmt.Sprintf("\n%s: %s\n", r.Key, forge.Neutral(line(r.Text)))
	}
	return pins.Title(p.Stages, p.Verb), body
}

// line makes one of a text: no trailer can be forged in it.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }

// Commit makes the plan's commits, one for each stage, and puts the branch on
// the last of them. A branch of its own is made, or replaced where all that is
// on it is terrier's. For the one that is checked out, write puts the files
// into the work tree and moves the branch, both or neither.
func (d *Destination) Commit(ctx context.Context, p *Plan, write func(Advance) error) ([]Commit, error) {
	r := d.config.Repo
	var news []repo.NewCommit
	for i, message := range p.messages() {
		news = append(news, repo.NewCommit{Message: message, Files: maps.Clone(p.Stages[i].Files), FromWorkTree: !d.Apart()})
	}
	ids, err := r.CommitFiles(ctx, d.Base.ID, news)
	if err != nil {
		return nil, err
	}
	d.tip, d.made = ids[len(ids)-1], len(ids)
	reflog := "terrier " + p.Verb
	if d.Apart() {
		err = d.setBranch(ctx, d.tip, reflog)
	} else {
		err = write(Advance{d.Base.ID, d.tip, reflog})
	}
	if err != nil {
		return nil, err
	}
	var out []Commit
	for i, id := range ids {
		out = append(out, Commit{ID: id, Title: p.Stages[i].Title(p.Verb), Environments: p.Stages[i].Environments})
	}
	return out, nil
}
