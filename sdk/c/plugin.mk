# Builds a Penstock plugin from C: set NAME and, if they differ, SRC and OUT, and include
# this file. Without a target make builds the module.
NAME ?= plugin
SRC  ?= $(NAME).c
OUT  ?= $(NAME).wasm
SDK  := $(dir $(lastword $(MAKEFILE_LIST)))

# The compiler is the first clang that can compile for wasm32, the linker the first
# wasm-ld; Debian also has them with a version in their names.
newest  = $(lastword $(sort $(wildcard $(addsuffix /$(1)-[0-9]*,$(subst :, ,$(PATH))))))
CLANG  ?= $(firstword $(foreach c,clang $(call newest,clang),$(if $(findstring wasm32,$(shell $(c) --print-targets 2>/dev/null)),$(c))))
WASMLD ?= $(firstword $(foreach l,wasm-ld $(call newest,wasm-ld),$(if $(shell command -v $(l) 2>/dev/null),$(l))))

# The linker is called by hand: clang would run an old wasm-opt that lies on the path,
# which breaks bulk memory.
$(OUT): $(SRC) $(wildcard $(SDK)*.h) | compiler
	@mkdir -p $(dir $@)
	$(CLANG) --target=wasm32 -O2 -mbulk-memory -ffreestanding -nostdlib -Wall -I $(SDK) -c -o $@.o $(SRC)
	$(WASMLD) --no-entry --strip-all --stack-first -z stack-size=65536 -o $@ $@.o
	@rm $@.o

.PHONY: compiler
compiler: # prints the compiler and the linker, or says what to install
	@test -n "$(CLANG)" -a -n "$(WASMLD)" || { echo "no clang with the target wasm32, or no wasm-ld, is installed:" \
	  "apt-get install clang lld" >&2; exit 1; }
	@echo $(CLANG) $(WASMLD)
