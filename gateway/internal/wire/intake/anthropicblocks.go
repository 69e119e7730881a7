package intake

import (
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// blockInfo is what one content block says about itself.
type blockInfo struct {
	kind blockKind
	// source is what its source says, where it has one.
	source sourceInfo
}

// blockKind is what a block's type means for the size of the prompt.
type blockKind int

const (
	// otherBlock has no type that the gateway knows.
	otherBlock blockKind = iota
	textBlock
	callBlock
	imageBlock
	documentBlock
	uploadBlock
)

// sourceInfo is where a block's medium lies.
type sourceInfo struct {
	// data is where the medium itself stands, in base64 with its quotes; zero when it is
	// not there.
	data llm.Span
	// elsewhere and byID say that the source names a medium which lies somewhere else or
	// with the provider, text that the source is nothing but text.
	elsewhere, byID, text bool
}

// block reads one content block.
func (s *scanner) block(d *messageInfo) bool {
	if s.Peek() != '{' {
		return s.wrongType(s.path(block, ""), "a content block")
	}
	var b blockInfo
	m, ok := s.open(block)
	for ok && s.next(&m) {
		switch m.field {
		case fType:
			ok = s.blockType(&b)
		case fText:
			ok = s.partText(d)
		case fSource:
			ok = s.source(&b.source, d)
		case fContent:
			ok = s.nested(d)
		default:
			ok = s.value()
		}
	}
	if !s.OK() {
		return false
	}
	d.calls = d.calls || b.kind == callBlock
	s.priceBlock(&b)
	return true
}

// nested reads the content of a block, such as a tool's result, which may hold blocks.
func (s *scanner) nested(d *messageInfo) bool {
	if s.Peek() != '[' {
		return s.value()
	}
	inner := messageInfo{}
	ok := s.blocks(s.path(block, "content"), &inner)
	d.media += inner.media
	return ok
}

func (s *scanner) blockType(b *blockInfo) bool {
	if s.Peek() != '"' {
		return s.value()
	}
	t, ok := s.text()
	if !ok || t.Size > maxNameBytes {
		return ok
	}
	switch kind := t.String(); kind {
	case "image":
		b.kind = imageBlock
	case "document":
		b.kind = documentBlock
	case "container_upload":
		b.kind = uploadBlock
	case "tool_use":
		b.kind = callBlock
	case "text", "thinking", "redacted_thinking", "tool_result", "search_result", "compaction", "tool_reference", "tool_addition", "tool_removal":
		b.kind = textBlock
	default:
		// Calls that the provider runs, and their results: they came from it.
		if strings.HasSuffix(kind, "_tool_use") || strings.HasSuffix(kind, "_tool_result") || strings.HasSuffix(kind, "_result") ||
			kind == "web_page" || strings.HasSuffix(kind, "_error") || strings.HasSuffix(kind, "_output") {
			b.kind = textBlock
		}
	}
	return true
}

// source reads where a medium lies.
func (s *scanner) source(i *sourceInfo, d *messageInfo) bool {
	if s.Peek() != '{' {
		return s.value()
	}
	m, ok := s.open(source)
	for ok && s.next(&m) {
		switch {
		case m.field == fData && s.Peek() == '"':
			ok = s.sourceData(i)
		case m.field == fURL:
			i.elsewhere = true
			ok = s.value()
		case m.field == fFileID:
			i.byID = true
			ok = s.value()
		case m.field == fContent:
			i.text = true
			ok = s.nested(d)
		case m.field == fType && s.Peek() == '"':
			ok = s.sourceType(i)
		default:
			ok = s.value()
		}
	}
	if s.OK() && !i.text && !i.data.IsZero() {
		d.media += i.data.End - i.data.Start
		s.facts.MediaAt = append(s.facts.MediaAt, i.data)
	}
	return s.OK()
}

func (s *scanner) sourceData(i *sourceInfo) bool {
	at := s.Pos()
	_, ok := s.text()
	i.data = s.span(at)
	return ok
}

func (s *scanner) sourceType(i *sourceInfo) bool {
	t, ok := s.text()
	i.text = i.text || t.Is("text")
	return ok
}

// priceBlock adds a block's features, its likely size and its upper bound.
func (s *scanner) priceBlock(b *blockInfo) {
	f, at := &s.facts, &b.source
	size := int64(at.data.End - at.data.Start)
	switch b.kind {
	case imageBlock:
		f.Features |= llm.Vision
		s.media += imageTokens
		f.Images++
		s.unbounded(at.elsewhere || at.byID || at.data.IsZero(), llm.RemoteImage)
	case documentBlock:
		s.unbounded(at.elsewhere, llm.RemoteFile)
		s.unbounded(at.byID, "a file id")
		if at.text {
			return
		}
		f.Features |= llm.FileIn
		s.media += max(fileTokens, size/fileBytesPerToken)
		f.MediaTokens += fileTokens + size
	case uploadBlock:
		f.Features |= llm.FileIn
		s.unbounded(true, "a file id")
	case otherBlock:
		s.unbounded(true, "a content block of a type that this gateway does not know")
	}
}
