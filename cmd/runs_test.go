package cmd

import (
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/terrier-iac/terrier/live/store"
)

// planned is the command of that name in scripts:
//
//	planned DIR TIME PLAN.json [approved|applied|started]
//
// makes a run of DIR that began at TIME (RFC 3339): live/prod/net has changes,
// with that plan as terraform shows it, live/app@prod comes after it and waits,
// and live/bad has failed. The last word says what became of live/prod/net.
func planned(ts *testscript.TestScript, _ bool, args []string) {
	now, err := time.Parse(time.RFC3339, args[1])
	ts.Check(err)
	var key []byte
	if text := ts.Getenv(runsKey); text != "" {
		key = []byte(text)
	}
	s, err := store.Open(ts.MkAbs(args[0]), key)
	ts.Check(err)
	const net = "live/prod/net"
	r := &store.Run{
		Commit: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Branch: "main", By: "ada", Host: "ci-1", Terraform: "1.11.4", TerraformPath: "/usr/bin/terraform",
		Stacks: []*store.Stack{
			{Name: net, Path: net, Environment: "prod", Account: "prod", Status: store.Changes, Fingerprint: "f1f1f1f1f1f1f1f1f1f1", Summary: store.Summary{Add: 1, Change: 1, Destroy: 1}},
			{Name: "live/app@prod", Path: "live/app", Environment: "prod", Workspace: "blue", Status: store.Deferred, Upstream: []string{net}},
			{Name: "live/bad", Path: "live/bad", Status: store.Failed, Error: "Error: no such thing\nat https://user:hunter2@git.example.com/x \x1b[2J"},
		},
	}
	ts.Check(s.Create(r, now))
	file, err := s.TempPlan(r.ID, net)
	ts.Check(err)
	ts.Check(os.WriteFile(file, []byte("a plan"), 0o600))
	r.Stack(net).Digest, err = s.AdoptPlan(r.ID, net)
	ts.Check(err)
	ts.Check(s.WriteFile(r.ID, net, store.PlanJSON, []byte(ts.ReadFile(args[2]))))
	ts.Check(s.Save(r))
	step := func(state store.State) {
		ts.Check(s.Record(r.ID, store.Step{Stack: net, State: state, Time: now.Add(time.Minute), Host: "ci-2", PID: 7, Digest: r.Stack(net).Digest}))
	}
	for _, word := range args[3:] {
		switch word {
		case "approved":
			ts.Check(s.Approve(r, net, "bob", now))
		case "started":
			step(store.Started)
		case "applied":
			step(store.Started)
			step(store.StateApplied)
		default:
			ts.Fatalf("planned: %s", word)
		}
	}
	ts.Setenv("RUN", r.ID)
}
