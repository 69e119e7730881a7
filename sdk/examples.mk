# What every SDK's Makefile does: make builds the examples to build/*.wasm, which is
# where the gateway's tests look for them; make compiler prints the compiler, or says
# what to install. MORE names further targets to build.
EXAMPLES = cheapest house-style redact

.PHONY: all compiler clean $(EXAMPLES) $(MORE)
all: $(EXAMPLES) $(MORE)

$(EXAMPLES):
	@mkdir -p build
	@$(MAKE) -s -C examples/$@ OUT=../../build/$@.wasm

compiler:
	@$(MAKE) -s -f plugin.mk compiler

clean:
	rm -rf build
