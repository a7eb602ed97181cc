package cmd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A Guarding is the configuration that guards: what the protected base branch
// has, and what the branch at hand has beside that is stricter. Whoever may
// open a merge request may change the branch, and none of that may make an apply
// easier.
type Guarding struct {
	Head *Config // the file at hand
	// Base is the file as the base has it. Where it has none, or there is no
	// base, it is nil, and the file at hand counts as it is.
	Base   *Config
	Rev    string // what the base is called: "origin/main"; "" for none
	Commit string // of the base, 40 hexadecimal digits; "" for none
	Note   string // why there is no base to guard, for people; "" where there is one
	// Weakened is what the branch has that is weaker than the base, sorted. None
	// of it counts.
	Weakened []Weakening
}

// A Weakening is something that the branch at hand tried to make weaker.
type Weakening struct {
	Where string `json:"where"` // the block: `environment "prod"`
	What  string `json:"what"`  // what counts, and what the branch has
}

// guarding reads the configuration of the base: of the revision base, else of
// the branch that others merge into. It is an error where there is a remote and
// the clone does not tell that branch: a base that is guessed guards nothing.
func (a *app) guarding(ctx context.Context, cfg *Config, base string) (*Guarding, error) {
	g, diags, files, err := guarding(ctx, cfg, base)
	if err == nil && diags.HasErrors() {
		s := a.style(a.stderr)
		report.Diagnostics(a.stderr, diags, files, s.Width, s.Color)
		err = fmt.Errorf("the configuration of the base (%s) cannot be read, and nothing else may guard\nhint: repair it there; what is wrong with it stands above", g.Rev)
	}
	if err != nil {
		return nil, err
	}
	return g, nil
}

func guarding(ctx context.Context, cfg *Config, base string) (*Guarding, hcl.Diagnostics, map[string]*hcl.File, error) {
	g := &Guarding{Head: cfg}
	r, err := repo.Open(ctx, cfg.Root)
	switch {
	case errors.Is(err, repo.ErrShallow): // a runner's clone: files are enough
		err = nil
	case base != "":
	case errors.Is(err, repo.ErrNotRepository):
		g.Note = "terrier.hcl is in no git repository, so it guards as it is, with no base that it is held against"
		return g, nil, nil, nil
	case errors.Is(err, repo.ErrNoCommits):
		if remotes, err := r.Remotes(ctx); err != nil || len(remotes) > 0 {
			return nil, nil, nil, errors.Join(err, errNoBase("the repository has no commit yet, and a remote"))
		}
		g.Note = "there is no commit yet, so the configuration at hand guards alone"
		return g, nil, nil, nil
	}
	if err != nil {
		return nil, nil, nil, err
	}
	commit, err := g.base(ctx, r, base)
	if err != nil {
		return nil, nil, nil, err
	}
	g.Commit = commit.ID.String()
	top, err := filepath.EvalSymlinks(r.Root)
	if err != nil || r.Root == "" {
		return nil, nil, nil, errNoBase("the repository has no work tree")
	}
	want, near, err := g.places(top)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(near) == 0 {
		g.Note = fmt.Sprintf("%s is outside of the repository, so it guards as it is", cfg.Path)
		return g, nil, nil, nil
	}
	src, at, err := firstFile(ctx, r, commit, near)
	switch {
	case err != nil:
		return nil, nil, nil, fmt.Errorf("the configuration of the base (%s) cannot be read: %w\nhint: git fetch brings what is missing", g.Rev, err)
	case at == "":
		g.Note = fmt.Sprintf("the base (%s) has no %s, so the configuration at hand guards alone", g.Rev, configName)
		return g, nil, nil, nil
	case want != "" && at != want:
		return nil, nil, nil, fmt.Errorf("the base (%s) is configured by %s, and this branch by %s: what guards cannot be compared\nhint: merge the file's move first, or work with -c %s", g.Rev, at, want, at)
	}
	shown := g.Rev + ":" + at
	c, diags, file := parseConfig(src, shown)
	c.Path, c.Root = filepath.Join(r.Root, filepath.FromSlash(at)), filepath.Join(r.Root, filepath.FromSlash(path.Dir(at)))
	if d := c.insideRepository(r.Root); d != nil {
		diags = append(diags, d) // this checkout would bring it along
	}
	g.Base = c
	g.compare()
	return g, diags, map[string]*hcl.File{shown: file}, nil
}

func errNoBase(why string) error {
	return fmt.Errorf("the base, whose configuration guards, cannot be told: %s\nhint: git fetch origin main, or name it: --base origin/main", why)
}

// base finds the commit of the base, and sets Rev.
func (g *Guarding) base(ctx context.Context, r *repo.Repo, rev string) (*repo.Commit, error) {
	if rev == "" {
		name, c, err := r.MainBranch(ctx)
		if errors.Is(err, repo.ErrNoMain) {
			return nil, errNoBase(err.Error())
		}
		g.Rev = name
		return c, err
	}
	g.Rev = rev
	// A short name can be a branch here, one of a remote, and a tag. Git takes
	// the tag, which many more people may push than the base.
	var found *repo.Commit
	if _, err := repo.ParseHash(rev); err != nil && !strings.HasPrefix(rev, "refs/") {
		for _, prefix := range []string{"refs/remotes/", "refs/heads/", "refs/tags/"} {
			c, err := r.Resolve(ctx, prefix+rev)
			switch {
			case errors.Is(err, repo.ErrRevision):
			case err != nil:
				return nil, err
			case found != nil && found.ID != c.ID:
				return nil, fmt.Errorf("--base %s: several branches and tags have this name, at different commits\nhint: give the full name, such as refs/remotes/%s", rev, rev)
			default:
				found = c
			}
		}
	}
	if found != nil {
		return found, nil
	}
	c, err := r.Resolve(ctx, rev)
	if err != nil {
		return nil, fmt.Errorf("--base: %w", err)
	}
	return c, nil
}

// places are where the base may have its configuration, the first that is there:
// the file at hand, or where there is none the nearest as findConfig looks for
// it. want is where this branch has it, "" for nowhere. Nothing is near where the
// file is outside of the repository.
func (g *Guarding) places(top string) (want string, near []string, err error) {
	dir := g.Head.dir
	if g.Head.Path != "" {
		real, err := filepath.EvalSymlinks(filepath.Dir(g.Head.Path))
		if err != nil {
			return "", nil, err
		}
		rel, inside := within(top, filepath.Join(real, filepath.Base(g.Head.Path)))
		if !inside {
			return "", nil, nil
		}
		want = rel
	}
	if g.Head.explicit {
		near = append(near, want)
		dir = filepath.Dir(g.Head.Path)
	}
	// The nearest from where the search began: a file that the branch put
	// nearer, or took away, changes nothing.
	real, err := filepath.EvalSymlinks(orElse(dir, g.Head.Root))
	if err != nil {
		return "", nil, err
	}
	rel, inside := within(top, real)
	if !inside {
		rel = "."
	}
	for {
		near = append(near, path.Join(rel, configName))
		if rel == "." {
			return want, near, nil
		}
		rel = path.Dir(rel)
	}
}

// firstFile reads the first of some files that a commit has; at is "" where it
// has none. What is there and cannot be read is an error.
func firstFile(ctx context.Context, r *repo.Repo, c *repo.Commit, paths []string) (src []byte, at string, err error) {
	rd, err := r.GitReader(ctx)
	if err != nil {
		return nil, "", err
	}
	defer rd.Close()
	ids, err := repo.IDsAt(ctx, rd, c.Tree, paths)
	if err != nil {
		return nil, "", err
	}
	for _, p := range paths {
		id, ok := ids[p]
		if !ok {
			continue
		}
		err := rd.Objects(ctx, []repo.Hash{id}, func(o repo.Object) error {
			switch {
			case o.Type != "blob":
				return fmt.Errorf("%s is a %s, and no file", p, o.Type)
			case len(o.Data) > maxConfig:
				return fmt.Errorf("%s is larger than %d bytes", p, maxConfig)
			}
			src = slices.Clone(o.Data)
			return nil
		})
		return src, p, err
	}
	return nil, "", nil
}

// environments are those of the base whose rules hold for a stack in an
// environment of the branch, in the order of the base's file.
func (g *Guarding) environments(stack, environment string) []*EnvironmentConfig {
	if g.Base == nil {
		return nil
	}
	names := g.Base.EnvironmentsOf(stack)
	at := g.Base.environment(environment)
	head := g.Head.environment(environment)
	// Of one code that serves several environments a unit is in one of them, by
	// the workspace and the files that the base names for it.
	if at != nil && head != nil && slices.Contains(names, environment) && sameCode(at, head) {
		names = nil
	}
	var out []*EnvironmentConfig
	for _, e := range g.Base.Environments {
		if e == at || slices.Contains(names, e.Name) {
			out = append(out, e)
		}
	}
	return out
}

// sameCode says that two environments make the same of one code.
func sameCode(a, b *EnvironmentConfig) bool {
	return a.Workspace == b.Workspace && slices.Equal(a.VarFiles, b.VarFiles) && slices.Equal(a.BackendConfig, b.BackendConfig)
}

// Rules are what holds for a stack in an environment: the stricter of the base
// and the branch. Where the base has the stack in another environment, or
// gives the environment another workspace or other files, the rules of all that
// it may belong to hold.
func (g *Guarding) Rules(stack, environment string) guard.Rules {
	rules := g.Head.Rules(environment)
	if g.Base == nil {
		return rules
	}
	base := g.Base.Rules("")
	for _, e := range g.environments(stack, environment) {
		base = guard.Stricter(base, g.Base.Rules(e.Name))
	}
	return guard.Stricter(base, rules)
}

// Account is the account of a stack in an environment, nil for none, or why the
// stack may be neither planned nor applied: the base has it in another one.
func (g *Guarding) Account(stack, environment string) (*AccountConfig, *guard.Refusal) {
	head := g.account(g.Head.Account(g.Head.AccountOf(environment)))
	if g.Base == nil {
		return head, nil
	}
	names := []string{environment}
	if before := g.Base.EnvironmentsOf(stack); !slices.Contains(before, environment) {
		names = append(before, environment) // it was elsewhere, or nowhere
	}
	var base *AccountConfig
	for _, name := range names {
		a := g.Base.Account(g.Base.AccountOf(name))
		switch {
		case a == nil:
		case base == nil:
			base = a
		case base.ID != a.ID:
			return nil, g.elsewhere(stack, environment, fmt.Sprintf("the base (%s) has it in account %s (%s), and this environment in %s (%s)", g.Rev, base.Name, base.ID, a.Name, a.ID))
		}
	}
	base = g.account(base)
	switch {
	case base == nil:
		return head, nil
	case head != nil && head.ID != base.ID:
		return nil, g.elsewhere(stack, environment, fmt.Sprintf("the base (%s) has it in account %s (%s), and this branch in %s (%s)", g.Rev, base.Name, base.ID, head.Name, head.ID))
	}
	return base, nil
}

// ApprovedIn is the environment whose approvals count for a stack, or why none
// do: the base has the stack in another one that needs approvals, and those who
// may approve there are not asked here.
func (g *Guarding) ApprovedIn(stack, environment string) (string, *guard.Refusal) {
	if g.Base == nil || slices.Contains(g.Base.EnvironmentsOf(stack), environment) {
		return environment, nil
	}
	for _, name := range g.Base.EnvironmentsOf(stack) {
		if g.Base.Rules(name).Approvals > 0 {
			r := g.elsewhere(stack, environment, fmt.Sprintf("the base (%s) has it in environment %s, whose approvals cannot be asked for here", g.Rev, name))
			r.Guard = guard.Unapproved
			return "", r
		}
	}
	return environment, nil
}

func (g *Guarding) elsewhere(stack, environment, why string) *guard.Refusal {
	name := stack
	if environment != "" {
		name += " in " + environment
	}
	return &guard.Refusal{Guard: guard.Account, Reason: name + ": " + why, Hint: "merge the change of " + configName + " first; from then on it counts"}
}

// account is an account as it counts: the base's, with those ids alone of also
// that the branch has too. One that only the branch has counts as it is there.
func (g *Guarding) account(a *AccountConfig) *AccountConfig {
	if a == nil || g.Base == nil {
		return a
	}
	base := g.Base.Account(a.Name)
	if base == nil {
		return a
	}
	out := *base
	if head := g.Head.Account(a.Name); head != nil {
		out.Also = common(base.Also, head.Also)
	}
	return &out
}

// common are the strings of a that b has too.
func common[T comparable](a, b []T) []T {
	var out []T
	for _, s := range a {
		if slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}

// Providers are the accounts of a stack's provider instances that the files do
// not tell. A branch could say of its own provider what it likes: an account
// counts where both say it.
func (g *Guarding) Providers(stack string) map[string]string {
	pins := func(c *Config) map[string]string {
		if s := c.Stack(stack); s != nil {
			return s.Providers
		}
		return nil
	}
	head := pins(g.Head)
	if g.Base == nil {
		return head
	}
	out := map[string]string{}
	for name, id := range pins(g.Base) {
		if head[name] == id {
			out[name] = id
		}
	}
	return out
}

// After are the environments that one comes after: those of the base, and those
// of the branch that make no circle with them.
func (g *Guarding) After(environment string) []string { return g.order()[environment] }

func (g *Guarding) order() map[string][]string {
	out := map[string][]string{}
	if g.Base == nil {
		for _, e := range g.Head.Environments {
			out[e.Name] = e.After
		}
		return out
	}
	for _, e := range g.Base.Environments {
		out[e.Name] = slices.Clone(e.After)
	}
	var reaches func(from, to string, seen map[string]bool) bool
	reaches = func(from, to string, seen map[string]bool) bool {
		if from == to {
			return true
		}
		if seen[from] {
			return false
		}
		seen[from] = true
		return slices.ContainsFunc(out[from], func(next string) bool { return reaches(next, to, seen) })
	}
	for _, e := range g.Head.Environments {
		for _, other := range e.After {
			if !slices.Contains(out[e.Name], other) && !reaches(other, e.Name, map[string]bool{}) {
				out[e.Name] = append(out[e.Name], other)
			}
		}
	}
	return out
}

// StateRoles are the roles for the state of a stack in an environment, "" for
// the stack's own credentials: the base's, where it has a backend.
func (g *Guarding) StateRoles(stack, environment string) (plan, apply string) {
	c := g.Head
	if g.Base != nil && (g.Base.Backend != nil || g.Base.environment(environment) != nil) {
		c = g.Base
		if names := c.EnvironmentsOf(stack); len(names) > 0 && !slices.Contains(names, environment) {
			environment = names[0]
		}
	}
	var all BackendConfig
	if c.Backend != nil {
		all = *c.Backend
	}
	if e := c.environment(environment); e != nil {
		all = all.over(e.Backend)
	}
	return all.PlanRole, all.ApplyRole
}

// Terraform says how terraform is run: the binary is the base's.
func (g *Guarding) Terraform() TerraformConfig {
	t := g.Head.Terraform
	if g.Base != nil {
		t.Path = g.Base.Terraform.Path
	}
	return t
}

// Runs says where runs stay: all of it the base's. A branch could have its
// plans, and the secrets in them, sent elsewhere.
func (g *Guarding) Runs() RunsConfig {
	if g.Base != nil {
		return g.Base.Runs
	}
	return g.Head.Runs
}
