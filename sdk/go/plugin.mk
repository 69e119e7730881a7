# How a plugin in Go is built. A plugin's Makefile sets NAME, may set SRC, the folder of
# its sources, and OUT, the module to write, and includes this file.
GO  ?= go
SRC ?= .
OUT ?= $(NAME).wasm

SDK := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

$(OUT): $(wildcard $(SRC)/*.go $(SDK)/*.go)
	GOOS=wasip1 GOARCH=wasm $(GO) build -buildmode=c-shared -trimpath -ldflags='-s -w' -o $(abspath $@) $(SRC)

.PHONY: compiler
compiler: # prints the compiler, or fails with what to install
	@$(GO) version 2>/dev/null || { echo "no Go compiler is installed: Go 1.26 or later, from https://go.dev/dl" >&2; exit 1; }
