// Package intake is the one strict reader of request bodies. It runs before
// anything else looks at a body, refuses what two parsers could read differently,
// and hands on the facts that policy, price, cache key and upstream all share.
//
// It is not a general JSON library: it builds no tree, changes no byte, and checks
// only the members that the gateway acts on. Everything else is checked to be
// valid JSON and carried along unread.
package intake

import "github.com/penstock/penstock/gateway/internal/llm"

// Options bounds what Scan accepts. The zero value is ready to use.
type Options struct {
	// MaxDepth is how many objects and arrays may be open at once, the outermost
	// included. Zero means 128.
	MaxDepth int
}

// The bounds that are not up for configuration.
const (
	defaultMaxDepth = 128
	// maxBodyBytes keeps offsets within 32 bits; servers cut bodies long before.
	maxBodyBytes = 1 << 30
	// maxModelBytes bounds the model's name, in bytes after unescaping.
	maxModelBytes = 256
	// maxNameBytes bounds member names in objects that are read, after unescaping.
	maxNameBytes = 256
	// maxUserBytes bounds user, in bytes after unescaping.
	maxUserBytes = 512
	// maxNamespaceBytes bounds cache.namespace, in bytes after unescaping.
	maxNamespaceBytes = 128
	// maxLabels, maxLabelName and maxLabelValue bound the string members of
	// metadata: how many, and their length in characters. They are OpenAI's own.
	maxLabels     = 16
	maxLabelName  = 64
	maxLabelValue = 512
	// maxTokens is the largest max_tokens that can be meant, in tokens.
	maxTokens = 100_000_000
	// maxChoices is the largest n.
	maxChoices = 128
)

// Scan reads a chat-completions body in one pass. It accepts exactly one JSON
// object in valid UTF-8, whose interpreted parts leave no doubt: no member twice,
// none that differs from a known one by case only, none that names an upstream or a
// key. It returns the facts and the body's own cache instructions, whose span is in
// the facts.
//
// A member that is null counts as not given, but its span is set, so that it can be
// overwritten. Every error is a *llm.Error with status 400 that says where and what
// to do. Scan keeps no reference to body and may be called by many goroutines.
func Scan(body []byte, o Options) (llm.Facts, llm.CacheControl, error) {
	var s scanner
	return s.scan(body, chatBody, o)
}
