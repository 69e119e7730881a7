package dialects

import "bytes"

// pairing gives calls and their results ids that Anthropic takes: of its characters, and
// no two calls with the same one, also not in different turns. What a result belongs to
// is known from its id as it was sent, and from the order where several share one.
type pairing struct {
	calls []pairedCall
	taken map[string]int64
	// latest is where the calls of the last message with any begin.
	latest int
}

// maxEarlier bounds how many calls of earlier messages a result is looked for among.
const maxEarlier = 256

// pairedCall is one call; given is its id as it was sent, and the name of the function for
// one in the deprecated form, which has no ids.
type pairedCall struct {
	given, id []byte
	legacy    bool
	answered  bool
}

// planIDs reads the calls in their order; results are matched when they are written, in
// the same order.
func (r *request) planIDs() {
	p := &r.pairing
	*p = pairing{calls: p.calls[:0], taken: p.taken}
	clear(p.taken)
	for i := range r.turns {
		m := &r.turns[i]
		switch m.role {
		case assistantRole:
			p.begin(m)
		case toolRole, functionRole:
			m.id = p.answer(m)
		}
	}
}

// begin takes in the calls of a message.
func (p *pairing) begin(m *message) {
	if !m.callsTools() {
		return
	}
	p.latest, m.firstCall = len(p.calls), len(p.calls)
	for call := range m.toolCalls.Items {
		p.add(pairedCall{given: text(call.Member("id"))})
	}
	if m.call.Kind() == '{' {
		p.add(pairedCall{given: text(m.call.Member("name")), legacy: true})
	}
}

func (p *pairing) add(c pairedCall) {
	if p.taken == nil {
		p.taken = map[string]int64{}
	}
	word := c.given
	if c.legacy {
		word = []byte("function")
	}
	c.id = unique(p.taken, mended(word, maxName), maxName)
	p.calls = append(p.calls, c)
}

// answer is the id of the call that a result belongs to. A result without its call keeps
// its own, for Anthropic to refuse: which call it means can't be guessed.
func (p *pairing) answer(m *message) []byte {
	given, legacy := text(m.toolCallID), m.role == functionRole
	if legacy {
		given = text(m.name)
	}
	for _, calls := range [...][]pairedCall{p.calls[p.latest:], p.calls[max(0, p.latest-maxEarlier):p.latest]} {
		for i := range calls {
			if c := &calls[i]; !c.answered && c.legacy == legacy && bytes.Equal(c.given, given) {
				c.answered = true
				return c.id
			}
		}
	}
	if word := mended(given, maxName); len(word) > 0 {
		return word
	}
	return []byte("call")
}
