// Command builtin is the one Wasm module that comes with the gateway: the routing
// strategies and the provider dialects. They share a module because most of one is
// Go's runtime, which two would hold twice in memory.
package main

func main() {}
