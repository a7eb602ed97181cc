package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Request is a merge request (GitLab) or pull request (GitHub, Gitea) to be
// open. Both branches are in the one project: a remote that is a fork, with a
// request to another project, is not served.
type Request struct {
	Source, Target string // branches, not refs; Target "" is the project's default branch
	Title          string // one line; more than 255 characters are cut
	// Body is Markdown, of at most 1,048,576 characters (GitLab, Gitea) or
	// 65,536 (GitHub): a longer one is cut at the end of a line, and says so.
	// Whatever it says is acted upon (GitLab's quick actions, mentions,
	// "Closes #1"): text of others goes through Neutral first.
	Body string
	// Labels are added where they are not there, and made where the project
	// has none of that name. None is taken away.
	Labels []string
	// Draft marks a new request: by the title's prefix "Draft: " on GitLab and
	// "WIP: " on Gitea, by its own flag on GitHub. One that is open stays as
	// people have marked it, in both directions; GitHub's REST API could not
	// change it.
	Draft bool
}

// An Opened is a request that is open.
type Opened struct {
	URL              string // its page
	Number           int    // in its project
	Created, Updated bool   // neither: it was as asked already
	// Renamed is the project's path now, where the remote has an old one.
	Renamed string
}

// A project is what there is to know of one before a request.
type project struct {
	owner, name   string // as they are now
	id            int64
	defaultBranch string
	closed        string // why no request can be opened; "" where it can
}

func (p *project) path() string { return p.owner + "/" + p.name }

// moved takes the path that the forge says the project has. One that is no
// path is not believed.
func (p *project) moved(path string) {
	parts := strings.Split(path, "/")
	for _, part := range parts {
		if !isSegment(part) {
			return
		}
	}
	if n := len(parts) - 1; n > 0 {
		p.owner, p.name = strings.Join(parts[:n], "/"), parts[n]
	}
}

// current is an open request as the forge has it.
type current struct {
	number      int64
	url         string
	title, body string
	labels      []string
}

// A change is what is to be other about a request; nil and none is as it is.
type change struct {
	title, body *string
	labels      []string // to be added
}

// Titles and bodies, in characters. GitLab's are in its documentation of
// "Merge requests API" and "Account and limit settings", GitHub's are what its
// API says of longer ones, Gitea has none for bodies.
const (
	maxTitle      = 255
	maxBody       = 1 << 20
	maxBodyGitHub = 1 << 16
)

// errDoubled is the forge's answer where a request of these branches is open.
var errDoubled = errors.New("there is one of these branches already")

// Open makes sure that the project that a remote names has an open request
// from Source to Target with this title and body. One that is open is updated
// where it differs, never doubled, and what people have changed about it
// otherwise stays. Closed and merged ones are left alone, and a new one is
// made. Where two processes do it at once, one makes it and the other updates
// it.
//
// A remote at another host than the token's is an error, and nothing is sent.
// With an error, Opened is not empty where the request is open but not all as
// asked (its labels are missing, say). The same call again completes it.
func (f *Forge) Open(ctx context.Context, remote string, r Request) (Opened, error) {
	owner, name, err := f.project(remote)
	if err != nil {
		return Opened{}, f.redact(err)
	}
	if r, err = f.tidy(r); err != nil {
		return Opened{}, f.redact(err)
	}
	o, err := f.ensure(ctx, owner, name, r)
	return o, f.explainNeed(ctx, fmt.Sprintf("open a %s from %s in %s/%s", f.noun(), r.Source, owner, name), needs[f.config.Kind], err)
}

func (f *Forge) ensure(ctx context.Context, owner, name string, r Request) (Opened, error) {
	p, err := f.api.look(ctx, owner, name)
	if err != nil {
		var status *statusError
		if errors.As(err, &status) && status.status == http.StatusNotFound {
			return Opened{}, hintf("%s has no project %s/%s that the token in %s can see\nhint: is the remote right? if so, the token needs %s", f.token.base.Host, owner, name, f.token.from, needs[f.config.Kind])
		}
		return Opened{}, err
	}
	if p.closed != "" {
		return Opened{}, hintf("%s at %s %s", p.path(), f.token.base.Host, p.closed)
	}
	if r.Target == "" {
		r.Target = p.defaultBranch
	}
	switch r.Target {
	case "":
		return Opened{}, hintf("%s at %s has no default branch\nhint: is it empty? push its main branch first", p.path(), f.token.base.Host)
	case r.Source:
		return Opened{}, hintf("%s is both the branch and the target of the %s\nhint: take another name for the branch", r.Source, f.noun())
	}
	o := Opened{}
	if now := p.path(); !strings.EqualFold(now, owner+"/"+name) {
		o.Renamed = now
	}
	doubled := false
	for {
		c, err := f.api.find(ctx, p, r.Source, r.Target)
		switch {
		case err != nil:
			return Opened{}, err
		case c != nil:
			return f.update(ctx, p, c, r, o)
		}
		c, err = f.create(ctx, p, r)
		switch {
		case errors.Is(err, errDoubled) && !doubled:
			doubled = true // another was faster: look again
			continue
		case c != nil:
			o.URL, o.Number, o.Created = visible(c.url), int(c.number), true
			return o, err
		}
		return Opened{}, err
	}
}

// create opens a request. With an error, current is not nil where it is open
// all the same.
func (f *Forge) create(ctx context.Context, p *project, r Request) (*current, error) {
	for _, branch := range []string{r.Source, r.Target} {
		ok, err := f.api.branch(ctx, p, branch)
		switch {
		case err != nil:
			return nil, err
		case !ok && branch == r.Source:
			return nil, hintf("%s at %s has no branch %s\nhint: push it first", p.path(), f.token.base.Host, branch)
		case !ok:
			return nil, hintf("%s at %s has no branch %s for the %s to go to\nhint: name another target, or none for its default branch, %s", p.path(), f.token.base.Host, branch, f.noun(), p.defaultBranch)
		}
	}
	return f.api.open(ctx, p, r)
}

func (f *Forge) update(ctx context.Context, p *project, c *current, r Request, o Opened) (Opened, error) {
	o.URL, o.Number = visible(c.url), int(c.number)
	var to change
	// The marker of a draft is people's.
	if mark := draftMark.FindString(c.title); c.title[len(mark):] != r.Title {
		title := mark + short(r.Title, maxTitle-utf8.RuneCountInString(mark))
		if title != c.title {
			to.title = &title
		}
	}
	// A forge's own editor writes \r\n, and some strip the end.
	if strings.TrimSpace(visible(c.body)) != strings.TrimSpace(visible(r.Body)) {
		to.body = &r.Body
	}
	same := func(a, b string) bool { return a == b }
	if f.config.Kind == GitHub { // where names of labels differ by more than case
		same = strings.EqualFold
	}
	for _, label := range r.Labels {
		if !slices.ContainsFunc(c.labels, func(l string) bool { return same(l, label) }) {
			to.labels = append(to.labels, label)
		}
	}
	if to.title == nil && to.body == nil && to.labels == nil {
		return o, nil
	}
	if err := f.api.change(ctx, p, c.number, to); err != nil {
		return o, err
	}
	o.Updated = true
	return o, nil
}

// noun is what the forge calls a request.
func (f *Forge) noun() string {
	if f.config.Kind == GitLab {
		return "merge request"
	}
	return "pull request"
}

// draftMark is how a title says that its request is a draft: GitLab's "Draft:",
// "[Draft]" and "(Draft)", Gitea's "WIP:" and "[WIP]", in any case of letters.
var draftMark = regexp.MustCompile(`^(?i:\s*(?:\[(?:draft|wip)\]|\(draft\)|(?:draft|wip):)\s*)+`)

var draftPrefix = map[Kind]string{GitLab: "Draft: ", Gitea: "WIP: "}

// tidy checks a request and brings it into the form in which it is sent, but
// for the marker of a draft.
func (f *Forge) tidy(r Request) (Request, error) {
	if err := checkBranch(r.Source); err != nil {
		return r, err
	}
	if r.Target != "" {
		if err := checkBranch(r.Target); err != nil {
			return r, err
		}
	}
	title := strings.Join(strings.Fields(visible(r.Title)), " ")
	mark := draftMark.FindString(title)
	r.Draft = r.Draft || mark != ""
	r.Title = short(title[len(mark):], maxTitle)
	if r.Title == "" {
		return r, hintf("a %s needs a title\nhint: give a line that says what it changes", f.noun())
	}
	limit := maxBody
	if f.config.Kind == GitHub {
		limit = maxBodyGitHub
	}
	r.Body = cutBody(strings.ReplaceAll(strings.ReplaceAll(strings.ToValidUTF8(r.Body, "\ufffd"), "\r\n", "\n"), "\x00", ""), limit)
	var labels []string
	for _, label := range r.Labels {
		label = strings.TrimSpace(label)
		// GitLab takes them as one string with commas.
		if label == "" || strings.ContainsFunc(label, func(r rune) bool { return r == ',' || unicode.IsControl(r) }) || !utf8.ValidString(label) {
			return r, hintf("the label %q cannot be one\nhint: it has characters, and no comma among them", label)
		}
		if !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	r.Labels = labels
	return r, nil
}

// titled is the title of a new request.
func (r Request) titled(prefix string) string {
	if r.Draft {
		return prefix + short(r.Title, maxTitle-utf8.RuneCountInString(prefix))
	}
	return r.Title
}

// checkBranch takes what git-check-ref-format(1) takes as a branch, and no
// name that starts with a dash.
func checkBranch(name string) error {
	bad := name == "" || name == "@" || name[0] == '-' || strings.HasSuffix(name, ".") || !utf8.ValidString(name) ||
		strings.Contains(name, "..") || strings.Contains(name, "@{") ||
		strings.ContainsFunc(name, func(r rune) bool {
			return r == ' ' || unicode.IsControl(r) || strings.ContainsRune(`~^:?*[\`, r)
		})
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock")
	}
	if bad {
		return hintf("%q is no name of a branch\nhint: see git check-ref-format; refs/heads/ and a remote's name are no part of it", name)
	}
	return nil
}

// short is s in at most n characters.
func short(s string, n int) string {
	switch {
	case utf8.RuneCountInString(s) <= n:
		return s
	case n < 1: // after a marker that takes all the room
		return ""
	}
	return strings.TrimRight(string([]rune(s)[:n-1]), " ") + "…"
}

// cutBody is Markdown in at most limit characters: the lines that fit, what is
// open in them closed, and a sentence.
func cutBody(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	const maxFence, folded = 100, "\n\n</details>"
	end := fmt.Sprintf("\n\n*This text was longer and is cut here: the forge takes %d characters.*\n", limit)
	room := limit - utf8.RuneCountInString(end) - maxFence - 10*len(folded)
	s = string([]rune(s)[:room])
	if i := strings.LastIndexByte(s, '\n'); i > 0 {
		s = s[:i]
	}
	if fence := openFence(s); fence != "" && len(fence) < maxFence {
		s += "\n" + fence
	}
	open := strings.Count(s, "<details") - strings.Count(s, "</details>")
	return s + strings.Repeat(folded, max(0, min(open, 10))) + end
}
