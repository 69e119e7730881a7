package dialects

// block is a kind of content block in a reply.
type block byte

const (
	otherBlock block = iota // the provider's own business
	textBlock
	toolBlock
	thinkingBlock
	redactedBlock
)

func blockType(kind value) block {
	switch string(text(kind)) {
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

// replyBlock is a content block with its members; nil when absent.
type replyBlock struct {
	kind                block
	whole               value
	text, citations     value
	id, name, input     value
	thinking, signature value
	redactedData        value
}

// readBlocks appends the blocks of a message's content, which some services give as one
// text.
func readBlocks(dst []replyBlock, content value) []replyBlock {
	if content.Kind() == '"' {
		return append(dst, replyBlock{kind: textBlock, text: content})
	}
	for b := range content.Items {
		dst = append(dst, readBlock(b))
	}
	return dst
}

func readBlock(v value) replyBlock {
	b := replyBlock{whole: v}
	for key, member := range v.Members {
		switch string(key) {
		case "type":
			b.kind = blockType(member)
		case "text":
			b.text = member
		case "citations":
			b.citations = member
		case "id":
			b.id = member
		case "name":
			b.name = member
		case "input":
			b.input = member
		case "thinking":
			b.thinking = member
		case "signature":
			b.signature = member
		case "data":
			b.redactedData = member
		}
	}
	return b
}
