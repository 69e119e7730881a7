// Command dialects is the built-in module of provider dialects: it turns canonical
// chat-completions requests into a provider's own format, and the provider's
// replies, stream events and errors back. It is built for Wasm and embedded in the
// gateway. It is a pure function: it sends nothing, knows no credentials and keeps
// nothing between calls; what a stream has to remember travels as its state.
package main

func main() {}
