package main

import "github.com/valyala/fastjson"

// block is a kind of content block in a reply.
type block byte

const (
	otherBlock block = iota // the provider's own business
	textBlock
	toolBlock
	thinkingBlock
	redactedBlock
)

func blockType(b *fastjson.Value) block {
	switch string(b.GetStringBytes("type")) {
	case "text":
		return textBlock
	case "tool_use":
		return toolBlock
	case "thinking":
		return thinkingBlock
	case "redacted_thinking":
		return redactedBlock
	}
	return otherBlock
}
