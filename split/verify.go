package split

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split/proof"
)

// Proof is what could be shown, and what could not.
type Proof struct {
	Level      string            `json:"level"` // "static", "get" or "plan": how far it went
	Files      int               `json:"files"` // compared byte for byte
	Stacks     []StackProof      `json:"stacks"`
	Mismatches []proof.Mismatch  `json:"mismatches"`
	Unproved   []proof.Unproved  `json:"unproved"`
	Terraform  []TerraformResult `json:"terraform,omitempty"`
}

// StackProof is the verdict on one stack.
type StackProof struct {
	Path        string   `json:"path"`
	Environment string   `json:"environment"`
	Verdict     string   `json:"verdict"` // "proved", "unproved" or "mismatch"
	Modules     int      `json:"modules"` // calls in its whole tree
	Reasons     []string `json:"reasons"`
}

// TerraformResult is what terraform itself said of one stack, before and
// after.
type TerraformResult struct {
	Path   string `json:"path"`
	Status string `json:"status"` // "same", "different", "before-fails" or "after-fails"
	Detail string `json:"detail"`
}

// Verify proves the written repositories against the monorepo. The judge is
// package proof, which reads the repositories by itself; what no reading can
// show, the plan has named, and it is added here.
func Verify(ctx context.Context, r *repo.Repo, p *Plan, res *Result, dir string, progress Progress) (*Proof, error) {
	return verify(ctx, r.GitDir, p, res, dir, progress)
}

func verify(ctx context.Context, monorepo string, p *Plan, res *Result, dir string, progress Progress) (*Proof, error) {
	in := proof.Input{Monorepo: monorepo, Commit: p.Commit, Out: dir, Docs: p.Docs,
		Progress: func(done, total int) { progress.tell("proving", done, total) }}
	for i, pkg := range p.Packages {
		r := res.Packages[i]
		in.Packages = append(in.Packages, proof.Package{Name: pkg.Name, Path: pkg.Path, Root: pkg.Root, Owns: pkg.Owns, Copies: copies(pkg.Copies),
			Repository: pkg.Repository, Source: pkg.Source, Tag: pkg.Tag, Tags: map[string]string{}, TagObjects: map[string]string{},
			Tip: r.Tip, Extracted: r.Extracted, History: p.History, InPlace: p.InPlace})
		last := &in.Packages[i]
		for _, t := range pkg.Tags {
			last.Tags[t.Path] = t.Tag
		}
		for _, t := range r.Tags {
			last.TagObjects[t.Tag] = t.Object
		}
	}
	for i, l := range p.Live {
		in.Live = append(in.Live, proof.Live{Name: l.Name, Repository: l.Repository, Branch: l.Branch, Tip: res.Live[i].Tip, Base: res.Live[i].Base,
			Root: l.Root, Paths: l.Paths, Copies: copies(l.Copies)})
	}
	for _, s := range p.Stacks {
		in.Stacks = append(in.Stacks, s.Path)
	}
	rep, err := proof.Check(ctx, in)
	if err != nil {
		return nil, err
	}
	out := &Proof{Level: "static", Files: rep.Files, Stacks: []StackProof{}, Mismatches: append([]proof.Mismatch{}, rep.Mismatches...), Unproved: append([]proof.Unproved{}, rep.Unproved...)}
	verdicts := map[string]proof.Stack{}
	for _, s := range rep.Stacks {
		verdicts[s.Path] = s
	}
	for _, s := range p.Stacks {
		v := verdicts[s.Path]
		sp := StackProof{Path: s.Path, Environment: s.Environment, Verdict: string(v.Verdict), Modules: v.Modules, Reasons: append([]string{}, v.Reasons...)}
		if sp.Verdict == "" {
			sp.Verdict, sp.Reasons = "unproved", []string{"the proof says nothing of this stack"}
		}
		for _, f := range s.Unproved {
			if sp.Verdict == string(proof.VerdictProved) {
				sp.Verdict = string(proof.VerdictUnproved)
			}
			if !named(v.Reasons, f.File) {
				sp.Reasons = append(sp.Reasons, fmt.Sprintf("%s: %s:%d: %s", f.ID, f.File, f.Line, f.Summary))
			}
		}
		sort.Strings(sp.Reasons)
		sp.Reasons = compact(sp.Reasons)
		out.Stacks = append(out.Stacks, sp)
	}
	return out, nil
}

func copies(list []Copy) []proof.Copy {
	var out []proof.Copy
	for _, c := range list {
		out = append(out, proof.Copy(c))
	}
	return out
}

// named reports whether the judge has named the file already.
func named(reasons []string, file string) bool {
	for _, r := range reasons {
		if strings.Contains(r, " "+file+":") {
			return true
		}
	}
	return false
}

func compact(s []string) []string {
	out := s[:0]
	for i, x := range s {
		if i == 0 || x != s[i-1] {
			out = append(out, x)
		}
	}
	return out
}

// OK reports whether everything was proved: no mismatch, and nothing unproved
// in a stack or elsewhere.
func (p *Proof) OK() bool {
	return len(p.Mismatches) == 0 && len(p.Unproved) == 0 && p.Proved() == len(p.Stacks)
}

// Proved counts the stacks that are proved.
func (p *Proof) Proved() int {
	n := 0
	for _, s := range p.Stacks {
		if s.Verdict == string(proof.VerdictProved) {
			n++
		}
	}
	return n
}

// Add puts what terraform said of one stack beside the static verdict: a
// difference is a mismatch, a stack that terraform could not load before
// either is not proved by it.
func (p *Proof) Add(level string, r TerraformResult) {
	p.Level = level
	p.Terraform = append(p.Terraform, r)
	for i := range p.Stacks {
		s := &p.Stacks[i]
		if s.Path != r.Path || r.Status == "same" {
			continue
		}
		reason := "terraform " + level + ": " + r.Status
		s.Reasons = append(s.Reasons, reason)
		if r.Status == "before-fails" {
			if s.Verdict == string(proof.VerdictProved) {
				s.Verdict = string(proof.VerdictUnproved)
			}
			continue
		}
		s.Verdict = string(proof.VerdictMismatch)
		p.Mismatches = append(p.Mismatches, proof.Mismatch{Kind: "terraform-" + level, Stack: s.Path, File: s.Path, Summary: r.Detail})
	}
}
