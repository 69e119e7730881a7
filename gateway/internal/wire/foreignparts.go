package wire

import (
	"bytes"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// ownSignature begins the thought signatures that the gateway's module has made for what
// another provider must see again: "penstock:" in base64.
const ownSignature = "cGVuc3RvY2s6"

// unsignedCall is Google's own word in the place of a signature for a call that another model
// has made (https://ai.google.dev/gemini-api/docs/thought-signatures).
const unsignedCall = `"skip_thought_signature_validator"`

// withoutForeignSignatures returns the edits that take out of a Gemini request the signatures
// that replies of other providers have left in the client's history, as after a fallback:
// Google could not read them. A call needs one at models from Gemini 3 on.
func withoutForeignSignatures(body []byte, model string) (edits []edit) {
	if !bytes.Contains(body, []byte(`"`+ownSignature)) {
		return nil
	}
	s := newScan(body)
	for name := range s.Members() {
		if !name.Is("contents") {
			s.Skip()
			continue
		}
		s.eachOf(func() {
			s.membersNamed("parts", func() {
				s.eachOf(func() {
					s.Peek()
					at := s.Pos()
					if signature, foreign := s.foreignSignature(); foreign {
						edits = append(edits, signature.edit(body, llm.Span{Start: at, End: s.Pos()}, model))
					}
				})
			})
		})
	}
	if !s.OK() {
		return nil
	}
	return edits
}

// eachOf reads a list, or the one element that stands there without a list, which Google takes,
// too.
func (s *scan) eachOf(read func()) {
	if s.Peek() != '[' {
		read()
		return
	}
	for range s.Elements() {
		read()
	}
}

// membersNamed reads the members of a name of an object, and passes over all else.
func (s *scan) membersNamed(want string, read func()) {
	if s.Peek() != '{' {
		s.Skip()
		return
	}
	for name := range s.Members() {
		if name.Is(want) {
			read()
		} else {
			s.Skip()
		}
	}
}

// partSignature is a signature of the gateway's in a part.
type partSignature struct {
	// member is where it stands with its name, value where it stands without.
	member, value llm.Span
	// calls says that the part is a call.
	calls bool
}

// foreignSignature reads a part and reports whether the gateway's module has signed it.
func (s *scan) foreignSignature() (p partSignature, foreign bool) {
	if s.Peek() != '{' {
		s.Skip()
		return p, false
	}
	s.Open('{')
	for s.More('}') {
		s.Peek()
		at := s.Pos()
		name := s.Name()
		p.calls = p.calls || name.Is("functionCall") || name.Is("function_call")
		s.Peek()
		start := s.Pos()
		value := s.Raw()
		if (name.Is("thoughtSignature") || name.Is("thought_signature")) && bytes.HasPrefix(value, []byte(`"`+ownSignature)) {
			p.member, p.value, foreign = llm.Span{Start: at, End: s.Pos()}, llm.Span{Start: start, End: s.Pos()}, true
		}
	}
	return p, foreign
}

// edit takes the signature out of a part, or puts Google's word in its place.
func (p *partSignature) edit(body []byte, part llm.Span, model string) edit {
	if p.calls && wantsSignatures(model) {
		return edit{p.value, []byte(unsignedCall)}
	}
	object := withoutMember(body[part.Start:part.End], llm.Span{Start: p.member.Start - part.Start, End: p.member.End - part.Start})
	if string(object) == "{}" {
		object = []byte(`{"text":""}`)
	}
	return edit{part, object}
}

// wantsSignatures reports whether a model refuses a call without a signature, as those from
// Gemini 3 on do. One of no known version is taken for a new one.
func wantsSignatures(model string) bool {
	return !strings.Contains(model, "gemini-1") && !strings.Contains(model, "gemini-2")
}
