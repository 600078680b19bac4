# The habits of this project. `make` lists them.
.DEFAULT_GOAL := help
GO ?= go
LINT = $(GO) tool -modfile=tools/go.mod golangci-lint

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: demo
demo: ## run the demo: a Salesforce org and a database kept equal
	$(GO) run ./cmd/syncline demo

.PHONY: test
test: ## the whole test suite
	./test

.PHONY: race
race: ## the whole test suite with the race detector
	./test -race

.PHONY: lint
lint: ## vet and lint
	$(GO) vet ./...
	$(LINT) run

.PHONY: check
check: lint race ## what CI runs, but for the demo

.PHONY: bench
bench: ## benchmarks: each compares with a baseline in the same run
	$(GO) test -run '^$$' -bench . -benchmem ./internal/record/... ./internal/salesforce/... ./sandbox/...

.PHONY: bench-capture
bench-capture: ## what the row triggers cost the application: plain table, Heroku-like functions, ours
	$(GO) run ./internal/tool/benchcapture

.PHONY: bench-write
bench-write: build ## how queued and single changes reach an org: calls, rows per second, latency
	$(GO) run ./internal/tool/benchwrite

.PHONY: bench-read
bench-read: build ## what a whole load takes beside COPY of the same rows
	$(GO) run ./internal/tool/benchread

.PHONY: pg-versions
pg-versions: ## schema, trigger, apply and write tests on PostgreSQL 13 to 18
	./tools/pg-versions

.PHONY: fuzz
fuzz: ## fuzz every parser for FUZZTIME (30s) each
	@FUZZTIME=$${FUZZTIME:-30s} ./tools/fuzz

.PHONY: mutants
mutants: ## take guards out one by one; each must turn a test red
	./tools/mutants

.PHONY: faults
faults: ## the fault suite with FAULT_SEEDS (5) seeds for each test
	SYNCLINE_FAULT_SEEDS=$${FAULT_SEEDS:-5} $(GO) test -count=1 -timeout 2h ./internal/faulttest

.PHONY: kills
kills: ## kill nodes KILLS (500) times in all, in every way of writing, under faults
	SYNCLINE_KILLS=$${KILLS:-500} $(GO) test -count=1 -timeout 2h -parallel 18 -v -run '^TestKills$$' ./internal/faulttest

.PHONY: seeds
seeds: ## play SEEDS (100) lives of an org against the reader; both judges at the end of each
	SYNCLINE_READ_SEEDS=$${SEEDS:-100} $(GO) test -count=1 -timeout 2h -v -run '^TestSeeds$$' ./internal/reader

.PHONY: build
build: ## build bin/syncline
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o bin/syncline ./cmd/syncline
