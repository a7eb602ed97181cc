# What each target does: make help
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
PKG     := github.com/terrier-iac/terrier
LDFLAGS := -s -w -X $(PKG)/cmd.version=$(VERSION) -X $(PKG)/cmd.commit=$(COMMIT)
FUZZTIME ?= 30s

.PHONY: help build demo test e2e bench fuzz lint tools

help: ## list the targets
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

build: ## bin/terrier, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/terrier ./cmd/terrier

demo: build ## split the bundled monorepo, prove it, plan with the result, take a release through two environments, apply it
	TERRIER=$(CURDIR)/bin/terrier DEMO=$(CURDIR)/demo bash fixtures/demo.sh

lint: ## gofmt, go vet, staticcheck
	@files=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "not gofmt-ed:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

test: tools lint ## lint, and every test but the slow journeys
	$(GO) test ./...

e2e: build ## slow journeys: kills at every step, a full disk, from release to prod, with real terraform
	@bash fixtures/tools.sh e2e
	$(GO) test -count=1 -tags e2e -timeout 30m ./fixtures/...

bench: tools build ## speed, as ratios against peers in the same run; BENCH_REPO=DIR for a monorepo of your own, LINT_REPO=DIR for lint, list and bump
	bash fixtures/bench.sh
	bash fixtures/bench_lint.sh
	bash fixtures/bench_list.sh
	bash fixtures/bench_bump.sh
	bash fixtures/bench_plan.sh

tools: ## install what the tests need beyond Go, git and terraform, where it is missing
	@bash fixtures/tools.sh

fuzz: tools ## each fuzz target for FUZZTIME
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
		echo "== $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done
