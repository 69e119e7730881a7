// Command strategies is the built-in router module: it ranks the targets of a
// route by a named strategy. It is built for Wasm and embedded in the gateway. It
// keeps nothing between calls and does not decide which targets are permitted or
// capable: the host has removed the others before it asks.
package main

func main() {}
