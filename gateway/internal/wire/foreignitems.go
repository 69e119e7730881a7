package wire

import (
	"bytes"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// ownContent begins the encrypted content of the reasoning that the gateway's module has made
// of another format's.
const ownContent = "penstock:"

// withoutForeignItems returns the edits that take out of a Responses request the reasoning
// that replies of other providers have left in the client's history, as after a fallback: the
// provider could not decrypt it.
func withoutForeignItems(body []byte) []edit {
	if !bytes.Contains(body, []byte(`"`+ownContent)) {
		return nil
	}
	s := newScan(body)
	var edits []edit
	for name := range s.Members() {
		if !name.Is("input") || s.Peek() != '[' {
			s.Skip()
			continue
		}
		at := s.Pos()
		if kept, changed := ownItems(&s, body); changed {
			edits = append(edits, edit{llm.Span{Start: at, End: s.Pos()}, kept})
		}
	}
	if !s.OK() {
		return nil
	}
	return edits
}

// ownItems reads a list of items and returns it without what is foreign.
func ownItems(s *scan, body []byte) (kept []byte, changed bool) {
	kept = []byte{'['}
	for range s.Elements() {
		s.Peek()
		at := s.Pos()
		if isForeignItem(s) {
			changed = true
			continue
		}
		if len(kept) > 1 {
			kept = append(kept, ',')
		}
		kept = append(kept, body[at:s.Pos()]...)
	}
	return append(kept, ']'), changed
}

// isForeignItem reads an item and reports whether the gateway's module has made it.
func isForeignItem(s *scan) (foreign bool) {
	if s.Peek() != '{' {
		s.Skip()
		return false
	}
	for name := range s.Members() {
		if name.Is("encrypted_content") && s.Peek() == '"' {
			foreign = bytes.HasPrefix(s.string(), []byte(ownContent))
			continue
		}
		s.Skip()
	}
	return foreign
}
