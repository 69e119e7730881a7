# Builds a Penstock plugin from AssemblyScript: set NAME and, if they differ, SRC and OUT,
# and include this file. Without a target make builds the module.
NAME ?= plugin
SRC  ?= $(NAME).ts
OUT  ?= $(NAME).wasm
SDK  := $(dir $(lastword $(MAKEFILE_LIST)))

# The compiler is the SDK's or the project's own, as npm installs it, or one on the path.
ASC ?= $(firstword $(wildcard $(SDK)node_modules/.bin/asc node_modules/.bin/asc) $(shell command -v asc 2>/dev/null))

$(OUT): $(SRC) $(wildcard $(SDK)penstock/*.ts)
	@$(MAKE) -s compiler >/dev/null
	@mkdir -p $(dir $@)
	$(ASC) $(SRC) --path $(SDK) -O3 --runtime minimal --noAssert --exportStart _initialize -o $@

.PHONY: compiler
compiler: # prints the compiler, or says what to install
	@test -n "$(ASC)" && command -v node >/dev/null || { echo "no AssemblyScript compiler is installed:" \
	  "get Node 18 or later (apt-get install nodejs npm), then run npm ci in $(SDK)" >&2; exit 1; }
	@echo $(ASC)
