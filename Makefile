# make help: what one can do here. Nothing of it is needed to build or to test:
# go run ./cmd/gatehouse dev and go test ./... work on a fresh clone.
.DEFAULT_GOAL := help
GO ?= go

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

dev: ## Run everything with the twins of GitLab and DingTalk and the demo app
	$(GO) run ./cmd/gatehouse dev

build: ## Build one static binary, ./gatehouse
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o gatehouse ./cmd/gatehouse

generate: ## Make the pages' Go files anew
	$(GO) tool templ generate -log-level error

fmt: ## Format
	git ls-files '*.go' | grep -v '_templ\.go$$' | xargs gofmt -w
	$(GO) tool templ fmt internal

check: ## Format, vet, the plan of the house, tests on SQLite; a minute or two
	@test -z "$$(git ls-files '*.go' | grep -v '_templ\.go$$' | xargs gofmt -l)" || { echo 'not formatted: make fmt'; exit 1; }
	$(GO) vet ./...
	$(GO) test ./...

lint: ## The linter (golangci-lint 2.15, installed outside go.mod)
	golangci-lint run ./...

test-postgres: ## Tests on PostgreSQL too: GATEHOUSE_TEST_POSTGRES=postgres://… make test-postgres
	@test -n "$$GATEHOUSE_TEST_POSTGRES" || { echo 'set GATEHOUSE_TEST_POSTGRES to a server where databases may be made'; exit 1; }
	$(GO) test ./...

smoke: ## Start `dev` from this tree on its own folder, wait until it is ready, end it
	@sh .ci/smoke

ci: ## All that must pass before anything lands
	bash .ci/run

.PHONY: help dev build generate fmt check lint test-postgres smoke ci
