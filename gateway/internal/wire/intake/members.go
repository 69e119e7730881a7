package intake

import (
	"bytes"
	"encoding/binary"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

const (
	// maxUnknown bounds the members of one object that the gateway does not know;
	// it keeps the search for duplicates from going quadratic.
	maxUnknown = 64
	// maxUnknownOpen is for the objects that can be open within each other while they
	// are read: body, message, content part, medium.
	maxUnknownOpen = 4 * maxUnknown
)

// unknownMember is a member name that no switch knows: a hash of it, and where it stands
// in the body. It is small because every scan clears room for all of them.
type unknownMember struct {
	sum        uint64
	start, end uint32
}

// members walks the members of one object, each of which must be consumed by the
// caller before the next is asked for.
type members struct {
	of    object
	count int
	// field is the current member, unknown if no switch knows it; name is its name
	// and at the offset of the name's opening quote.
	field field
	name  jsontext.Text
	at    int
	// seen has a bit for each known field so far; base is where this object's
	// unknown members start.
	seen fieldSet
	base int
}

// open enters the object that comes next, or fails if there is none.
func (s *scanner) open(of object) (members, bool) {
	if !s.Open('{') {
		return members{}, s.wrongType(s.path(of, ""), "an object")
	}
	return members{of: of, base: s.openUnknowns}, true
}

// next steps to the value of the next member. It reports false at the end of the
// object, having left it, and on error.
func (s *scanner) next(m *members) bool {
	if !s.More('}') {
		s.openUnknowns = m.base
		return false
	}
	s.Peek()
	m.count++
	m.at = s.Pos()
	m.name = s.Name()
	s.Peek()
	return s.OK() && s.admit(m)
}

// admit refuses a member that appeared before, that is a known one in other
// letters, or that nobody may send.
func (s *scanner) admit(m *members) bool {
	if m.name.Size > maxNameBytes {
		return s.refuse(m.at, s.path(m.of, ""), "A member name has %d bytes; %d are allowed.", m.name.Size, maxNameBytes)
	}
	if m.name.Escaped() {
		var buf [maxNameBytes]byte
		return s.admitName(m, m.name.Append(buf[:0]))
	}
	return s.admitName(m, m.name.Raw)
}

func (s *scanner) admitName(m *members, name []byte) bool {
	switch m.field = lookup(m.of, name); m.field {
	case unknown:
		return s.admitUnknown(m, name)
	case fOpaque:
		return s.remember(m, name)
	}
	if !m.seen.add(m.field) {
		return s.twice(m, name)
	}
	return true
}

// remember keeps a name without a field of its own, and refuses it the second time.
func (s *scanner) remember(m *members, name []byte) bool {
	sum := sumOf(name)
	for _, old := range s.unknowns[m.base:s.openUnknowns] {
		if old.sum == sum && s.sameName(old, name) {
			return s.twice(m, name)
		}
	}
	if s.openUnknowns-m.base >= maxUnknown || s.openUnknowns >= maxUnknownOpen {
		return s.refuse(m.at, s.path(m.of, ""), "An object here has more than %d members that are not part of the API.", maxUnknown)
	}
	start := m.at + 1
	s.unknowns[s.openUnknowns] = unknownMember{sum: sum, start: uint32(start), end: uint32(start + len(m.name.Raw))}
	s.openUnknowns++
	return true
}

func (s *scanner) admitUnknown(m *members, name []byte) bool {
	if !s.remember(m, name) {
		return false
	}
	if what := elsewhere(m.of, name); what != "" && s.Peek() != 'n' {
		s.unbounded(true, what)
	}
	if m.of == responsesBody && s.Peek() != 'n' {
		s.continues = s.continues || string(name) == "previous_response_id" || string(name) == "conversation" || string(name) == "prompt"
	}
	if (m.of == chatBody || m.of == responsesBody || m.of == completionsBody) && string(name) == llm.OtherModels {
		s.repriced(llm.OtherModels)
	}
	if folded, ok := caseVariant(m.of, name); ok {
		return s.refuse(m.at, s.path(m.of, string(name)), "%s differs from %q by its letters only, and parsers disagree on which counts: write %q.", llm.Quote(string(name)), folded, folded)
	}
	if m.of.isBody() && namesUpstream(name) {
		return s.refuse(m.at, string(name), "A request may not choose an upstream, its headers or its credentials: remove %s.", llm.Quote(string(name)))
	}
	return true
}

func (s *scanner) sameName(old unknownMember, name []byte) bool {
	var buf [maxNameBytes]byte
	t := jsontext.Text{Raw: s.body[old.start:old.end]}
	return bytes.Equal(t.Append(buf[:0]), name)
}

// sumOf is a hash: names with different hashes differ.
func sumOf(name []byte) uint64 {
	const prime = 0x9E3779B97F4A7C15
	sum := uint64(len(name))
	for ; len(name) >= 8; name = name[8:] {
		sum = (sum ^ binary.LittleEndian.Uint64(name)) * prime
		sum ^= sum >> 29
	}
	for _, c := range name {
		sum = sum<<8 ^ uint64(c) ^ sum>>56
	}
	return sum
}
