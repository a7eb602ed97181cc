package cmd

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/live/promotion"
)

// openPromotion reads the tree that --to is in.
func (a *app) openPromotion(ctx context.Context, cfg *Config, o promoteOptions, names []string) (*pinsRun, error) {
	r := &pinsRun{o: o.pinsOptions}
	var err error
	if r.root, err = a.lintRoot(); err != nil {
		return nil, err
	}
	if !o.dryRun && !o.diff && !o.apart() {
		if err := a.resumeRewrite(r.root); err != nil {
			return nil, err
		}
	}
	r.o.environments = []string{o.to}
	if r.publication, err = a.openPublication(ctx, r.o, "promote", names); err != nil {
		return nil, err
	}
	environments := append([]string{o.to}, cfg.after()[o.to]...)
	r.versionsRun, err = a.openVersions(ctx, cfg, r.publication.rev(), environments, names)
	return r, err
}

// gather finds what tells which versions --from runs; done releases it.
func (r *pinsRun) gather(ctx context.Context, o promoteOptions, soak time.Duration) (p *promotion.Promotion, done func(), err error) {
	q := promotion.Question{From: o.from, To: o.to, Before: r.cfg.after()[o.to], Here: r.clone(), Base: o.base, Soak: soak, Now: r.now}
	for i, stack := range o.exempt {
		q.Exempt = append(q.Exempt, promotion.Exemption{Stack: stack, Reason: o.reasons[min(i, len(o.reasons)-1)]})
	}
	done = func() {}
	if o.fromDir != "" {
		if q.There, done, err = r.elsewhere(ctx, o); err != nil {
			return nil, nil, err
		}
	}
	if p, err = promotion.Gather(ctx, q); err != nil {
		done()
		return nil, nil, err
	}
	for _, x := range p.Exempted {
		r.exempted = append(r.exempted, report.Exempted{Stack: x.Stack, Reason: x.Reason})
	}
	for _, e := range p.Evidence {
		r.promotion.Evidence = append(r.promotion.Evidence, report.NewEvidence(e))
	}
	r.promotion.Mentioned = p.Notes
	return p, done, nil
}

// clone is the repository that was read.
func (v *versionsRun) clone() *promotion.Clone {
	return &promotion.Clone{
		Dir: v.chdir, Root: v.cfg.Root, Set: v.set, Graph: v.graph,
		Environments: v.cfg.Order(), EnvironmentsOf: v.cfg.EnvironmentsOf, AccountOf: v.cfg.AccountOf, Load: v.load,
	}
}

// elsewhere reads --from from another clone: by its own configuration or, where
// that has no environments, the whole of it.
func (r *pinsRun) elsewhere(ctx context.Context, o promoteOptions) (*promotion.Clone, func(), error) {
	other := *r.app
	other.chdir, other.config = o.fromDir, ""
	if !filepath.IsAbs(o.fromDir) {
		other.chdir = filepath.Join(r.chdir, o.fromDir)
	}
	cfg, err := other.loadConfig()
	if err != nil {
		return nil, nil, fmt.Errorf("--from-dir: %w", err)
	}
	whole := len(cfg.Environments) == 0
	if whole {
		cfg.Environments = []*EnvironmentConfig{{Name: o.from, Stacks: []string{"**", "."}}}
	} else if !slices.Contains(cfg.Order(), o.from) {
		return nil, nil, fmt.Errorf("--from-dir %s: its %s has no environment %s\nhint: it has %s", o.fromDir, configName, o.from, strings.Join(cfg.Order(), ", "))
	}
	v, err := other.openVersions(ctx, cfg, "", []string{o.from}, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("--from-dir: %w", err)
	}
	for _, u := range v.unread {
		u.Source = filepath.ToSlash(filepath.Join(o.fromDir, u.Source))
		r.unread = append(r.unread, u)
	}
	c := v.clone()
	c.Whole = whole
	return c, v.close, nil
}
