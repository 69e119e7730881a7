// Package dialects turns canonical chat-completions requests into a provider's own
// format, and the provider's replies, stream events and errors back. It is part of the
// built-in module, which is built for Wasm and embedded in the gateway. It is a pure
// function: it sends nothing, knows no credentials and keeps nothing between calls;
// what a stream has to remember travels as its state.
package dialects

import penstock "github.com/penstock/penstock/sdk/go"

// Hooks returns the three hooks of the provider's side for one instance. They are for
// one call at a time, as an instance is.
func Hooks() (transformRequest, normaliseResponse, normaliseEvent penstock.Hook) {
	t := new(translator)
	return t.transformRequest, t.normaliseResponse, t.normaliseEvent
}
