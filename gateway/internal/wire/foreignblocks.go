package wire

import (
	"bytes"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// withoutForeign returns the edits that take out of a Messages request what replies of
// other providers have left in the client's history: thoughts that nobody has signed, and
// citations that no search of Anthropic's has made. Anthropic refuses both.
func withoutForeign(body []byte) (edits []edit) {
	if !hasEmpty(body, `"signature"`) && !hasEmpty(body, `"encrypted_index"`) {
		return nil
	}
	s := newScan(body)
	for name := range s.Members() {
		if !name.Is("messages") {
			s.Skip()
			continue
		}
		for range s.Elements() {
			for name := range s.Members() {
				if !name.Is("content") || s.Peek() != '[' {
					s.Skip()
					continue
				}
				at := s.Pos()
				if kept, changed := ownBlocks(&s, body); changed {
					edits = append(edits, edit{llm.Span{Start: at, End: s.Pos()}, kept})
				}
			}
		}
	}
	if !s.OK() {
		return nil
	}
	return edits
}

// hasEmpty reports whether a member of this name, given in its quotes, may be an empty text
// somewhere in a body: reading all of it takes longer.
func hasEmpty(body []byte, name string) bool {
	for {
		i := bytes.Index(body, []byte(name))
		if i < 0 {
			return false
		}
		body = bytes.TrimLeft(body[i+len(name):], " \t\r\n")
		if value, ok := bytes.CutPrefix(body, []byte{':'}); ok && bytes.HasPrefix(bytes.TrimLeft(value, " \t\r\n"), []byte(`""`)) {
			return true
		}
	}
}

// ownBlocks reads a list of content blocks and returns it without what is foreign.
func ownBlocks(s *scan, body []byte) (kept []byte, changed bool) {
	kept = []byte{'['}
	add := func(block []byte) {
		if len(kept) > 1 {
			kept = append(kept, ',')
		}
		kept = append(kept, block...)
	}
	for range s.Elements() {
		if s.Peek() != '{' {
			s.Skip()
			return nil, false
		}
		at := s.Pos()
		b := readForeign(s)
		switch {
		case b.unsigned:
			changed = true
		case !b.citations.IsZero():
			changed = true
			add(withoutMember(body[at:s.Pos()], llm.Span{Start: b.citations.Start - at, End: b.citations.End - at}))
		default:
			add(body[at:s.Pos()])
		}
	}
	if len(kept) == 1 { // there has to be something
		add([]byte(`{"type":"text","text":"(thinking)"}`))
	}
	return append(kept, ']'), changed
}

// foreignBlock is what is foreign in a content block.
type foreignBlock struct {
	// unsigned says that it is a thought without a signature.
	unsigned bool
	// citations is the span of the member, name included, that holds foreign ones.
	citations llm.Span
}

func readForeign(s *scan) (b foreignBlock) {
	thought, empty := false, false
	if !s.Open('{') {
		return b
	}
	for s.More('}') {
		s.Peek()
		at := s.Pos()
		switch name := s.Name(); {
		case name.Is("type"):
			thought = string(s.string()) == "thinking"
		case name.Is("signature"):
			empty = string(s.Raw()) == `""`
		case name.Is("citations"):
			if s.foreignCitation() {
				b.citations = llm.Span{Start: at, End: s.Pos()}
			}
		default:
			s.Skip()
		}
	}
	b.unsigned = thought && empty
	return b
}

// foreignCitation reads a block's citations and reports whether one of them names no place
// that Anthropic knows.
func (s *scan) foreignCitation() (foreign bool) {
	if s.Peek() != '[' {
		s.Skip()
		return false
	}
	for range s.Elements() {
		if s.Peek() != '{' {
			s.Skip()
			continue
		}
		for name := range s.Members() {
			foreign = string(s.Raw()) == `""` && name.Is("encrypted_index") || foreign
		}
	}
	return foreign
}

// withoutMember cuts a member out of an object, with one comma beside it.
func withoutMember(object []byte, at llm.Span) []byte {
	before, after := bytes.TrimRight(object[:at.Start], " \t\r\n"), bytes.TrimLeft(object[at.End:], " \t\r\n")
	if trimmed, ok := bytes.CutSuffix(before, []byte{','}); ok {
		before = trimmed
	} else {
		after = bytes.TrimPrefix(after, []byte{','})
	}
	return append(bytes.Clone(before), after...)
}
