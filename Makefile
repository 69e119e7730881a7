# Penstock. `make run` and `make test` work on a new machine; `make help` lists all
# targets.

GO          ?= go
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME    ?= 10s

MODULE := plugins/builtin.wasm.gz
SOURCES := $(shell find gateway plugins policies -name testdata -prune -o \( -name '*.go' -o -name '*.rego' -o -name '*.json' -o -name '*.tsv' -o -name '*.sql' \
	-o -name '*.html' -o -name '*.css' -o -name '*.js' -o -name '*.yaml' \) -print 2>/dev/null) \
	$(wildcard $(shell git ls-files sdk 2>/dev/null))

.DEFAULT_GOAL := help
.PHONY: help run build module sdk test deps check format vet lint generated release weights agents faults bench sim fuzz clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build everything and start the gateway, no configuration needed
	@bin/penstock serve

build: bin/penstock ## build the Wasm module and bin/penstock

# On a new machine compiling takes a minute or two, so it prints a line first.
bin/penstock: go.mod go.sum $(MODULE) $(SOURCES)
	@echo "compiling bin/penstock (the first time this takes a minute or two)"
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $@ ./gateway

module: $(MODULE) ## build the built-in Wasm module only

# The built-in module is ordinary Go, compiled by the stock toolchain.
plugins/builtin.wasm.gz: go.mod go.sum $(wildcard plugins/builtin/*.go plugins/strategies/*.go plugins/strategies/classify/*.go plugins/dialects/*.go plugins/dialects/*/*.go sdk/go/*.go)
	@echo "compiling the built-in Wasm module"
	@GOOS=wasip1 GOARCH=wasm $(GO) build -buildmode=c-shared -trimpath -ldflags '-s -w' -o plugins/builtin.wasm ./plugins/builtin
	@gzip -9nf plugins/builtin.wasm

SDKS := go rust assemblyscript c zig

sdk: ## build the example plugins of every SDK whose compiler is installed
	@for lang in $(SDKS); do \
	  if [ ! -d sdk/$$lang ]; then continue; fi; \
	  if $(MAKE) -s -C sdk/$$lang compiler >/dev/null; then $(MAKE) -s -C sdk/$$lang >/dev/null || exit 1; \
	  else echo "sdk: skipped $$lang, which has no compiler here"; fi; \
	done

test: deps build sdk ## install what the tests need, then run them, with the race detector
	@echo "testing; packages are listed as they finish"
	@$(GO) build -o bin/testreport ./gateway/internal/testreport
	@fail='{"Action":"fail"}'; \
	{ $(GO) test -json -race -timeout 30m $(LONGEST) $$($(GO) list ./... | grep -v $(GUESTS)) || echo $$fail; \
	  $(GO) test -json -race -short -timeout 20m ./gateway$(GUESTS)/... || echo $$fail; \
	  $(GO) test -json ./gateway/internal/server ./gateway$(GUESTS)/... ./gateway/internal/simulation || echo $$fail; \
	  $(GO) test -json -run Allocates $(UNRACED) || echo $$fail; } | bin/testreport

# The packages whose tests take longest: they begin first, so that the others run beside them.
LONGEST = ./gateway/internal/server ./gateway

# The packages that compile guests. Under the race detector the compiler takes minutes for
# a guest in Go, so these tests run whole without it, and with it those of small guests. The
# server's tests that start a gateway for each of many combinations skip themselves under it.
GUESTS = /internal/wasm

# The packages with tests that skip themselves under the race detector, because it
# allocates.
UNRACED = ./gateway/internal/policy

deps: ## install what the tests need and is missing
	@./gateway/testdata/deps.sh

check: format vet lint generated test ## everything that CI checks

format:
	@out=$$(gofmt -l gateway plugins policies sdk examples 2>/dev/null); \
	if [ -n "$$out" ]; then echo "gofmt -w is needed for:"; echo "$$out"; exit 1; fi

vet: $(MODULE)
	$(GO) vet ./...
	GOOS=wasip1 GOARCH=wasm $(GO) vet ./plugins/builtin ./sdk/go

lint: $(MODULE)
	$(GO) run $(STATICCHECK) ./...

generated: ## check that generated files are up to date
	$(GO) run ./gateway/internal/catalog/generate -check
	$(GO) run ./gateway/internal/classifier/generate -check
	$(GO) run ./gateway/internal/policy/generate -check
	$(GO) run ./gateway/internal/config/generate -check
	$(GO) run ./gateway/internal/httpapi/openapi/generate -check
	$(GO) mod tidy -diff

PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64

# The same commit and toolchain give the same bytes: nothing of this machine is in them.
release: $(MODULE) ## write static binaries for every platform, their bills of materials and SHA256SUMS to dist
	@rm -rf dist && mkdir dist
	@for p in $(PLATFORMS); do \
	  os=$${p%/*}; arch=$${p#*/}; file=dist/penstock_$${os}_$$arch; name=$$file; [ $$os != windows ] || file=$$file.exe; \
	  echo "compiling $$file"; \
	  CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -trimpath -ldflags '-s -w -buildid= -X main.version=$(VERSION)' -o $$file ./gateway || exit 1; \
	  $(GO) run ./gateway/internal/sbom $$file $(VERSION) > $$name.cdx.json || exit 1; \
	done
	@cd dist && sha256sum penstock_* > SHA256SUMS && cat SHA256SUMS

# The prompts that the classifier's weights are trained on are not part of this project.
weights: ## train the classifier's built-in weights again
	$(GO) run ./gateway/internal/classifier/generate

agents: $(MODULE) ## install Claude Code and Codex, and run them through the gateway
	@cd gateway/testdata/agents && cmp -s package-lock.json node_modules/.installed || \
	  { echo "installing the agents"; npm ci --ignore-scripts --no-audit --no-fund --silent && cp package-lock.json node_modules/.installed; }
	@$(GO) test -tags agents -count 1 -run TestAgents -v ./gateway

faults: $(MODULE) ## print the scorecard of faults in real time, about 4 minutes; SOAK=1 adds 5,000 streams
	@cd gateway && SOAK=$(SOAK) $(GO) test -tags faults -count 1 -parallel 8 -timeout 20m -run 'TestScorecard|TestFigures'

bench: build ## print the table of speed, TLS upstreams first: direct, bare Echo, Penstock
	$(GO) build -o bin/bench ./gateway/internal/bench
	$(GO) build -o bin/floor ./gateway/internal/bench/floor
	bin/bench $(BENCH)

sim: $(MODULE) ## simulate a day's routing in a minute or two, print the figures, draw examples/simulation
	@$(GO) run ./gateway/internal/simulation -o examples/simulation $(SIM)

fuzz: $(MODULE) ## run every fuzz target for FUZZTIME (10s)
	@for pkg in $$(grep -rl --include='*_test.go' '^func Fuzz' gateway plugins policies sdk | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$pkg/*_test.go | sed 's/func //'); do \
	    echo "$$pkg $$f"; $(GO) test ./$$pkg -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) || exit 1; \
	  done; done

clean: ## remove what was built
	rm -rf bin dist $(MODULE)
