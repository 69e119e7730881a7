# Builds a Penstock plugin from Zig: set NAME and, if they differ, SRC and OUT, and include
# this file. Without a target make builds the module.
NAME ?= plugin
SRC  ?= $(NAME).zig
OUT  ?= $(NAME).wasm
SDK  := $(dir $(lastword $(MAKEFILE_LIST)))

# The compiler is the package ziglang, if pip installed it into a folder of the SDK's or for
# Python as a whole, or zig on the path; 0.15 or later.
ZIG ?= $(shell for c in "env PYTHONPATH=$(SDK)ziglang python3 -m ziglang" "python3 -m ziglang" zig; do \
  $$c version 2>/dev/null | grep -qE '^(0\.1[5-9]|0\.[2-9]|[1-9])' && echo "$$c" && break; done)

CODE = -target wasm32-freestanding -mcpu generic+bulk_memory+simd128 -O ReleaseFast -fstrip # for each of the two modules

$(OUT): $(SRC) $(wildcard $(SDK)src/*.zig)
	@$(MAKE) -s compiler >/dev/null
	@mkdir -p $(dir $@)
	$(ZIG) build-exe -fno-entry -rdynamic --stack 65536 $(CODE) --dep penstock -Mroot=$(SRC) \
	  $(CODE) -Mpenstock=$(SDK)src/penstock.zig -femit-bin=$@

.PHONY: compiler
compiler: # prints the compiler, or says what to install
	@test -n "$(ZIG)" || { echo "no Zig compiler (0.15 or later) is installed:" \
	  "pip install --target $(SDK)ziglang -r $(SDK)requirements.txt, or put zig on the path" >&2; exit 1; }
	@echo "$(ZIG)"
