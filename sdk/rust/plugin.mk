# Builds a Penstock plugin from Rust: set NAME and, if they differ, SRC and OUT, and
# include this file. Without a target make builds the module.
NAME  ?= plugin
SRC   ?= $(NAME).rs
OUT   ?= $(NAME).wasm
SDK   := $(dir $(lastword $(MAKEFILE_LIST)))

# The compiler is the first of these that has the target wasm32-unknown-unknown.
RUSTC ?= $(firstword $(foreach c,rustc /usr/bin/rustc,$(if $(wildcard $(shell $(c) --print target-libdir --target wasm32-unknown-unknown 2>/dev/null)/libcore-*.rlib),$(c))))
FLAGS  = --edition 2021 --target wasm32-unknown-unknown -C opt-level=3 -C panic=abort -C target-feature=+bulk-memory

# The library lands in a folder of its own, so that plugins can be built side by side.
$(OUT): $(SRC) $(wildcard $(SDK)src/*.rs) | compiler
	@mkdir -p $(dir $@) $@.d
	$(RUSTC) $(FLAGS) --crate-type rlib --crate-name penstock --out-dir $@.d $(SDK)src/lib.rs
	$(RUSTC) $(FLAGS) --crate-type cdylib --extern penstock=$@.d/libpenstock.rlib -C lto \
	  -C strip=symbols -C link-arg=-zstack-size=65536 -o $@ $(SRC)
	@rm -r $@.d

.PHONY: compiler
compiler: # prints the compiler, or says what to install
	@test -n "$(RUSTC)" || { echo "no Rust compiler with the target wasm32-unknown-unknown is installed:" \
	  "apt-get install rustc libstd-rust-dev-wasm32 lld, or rustup target add wasm32-unknown-unknown" >&2; exit 1; }
	@echo $(RUSTC)
