package canonical

import "bytes"

// CallIDs gives calls and their results ids that a provider takes: letters, digits, _ and
// -, up to a number of bytes, and no two calls with the same one, also in different
// messages. Which call a result belongs to is known from its id as it was sent, and from
// the order where several calls share one.
type CallIDs struct {
	calls []pairedCall
	taken map[string]int64
	limit int
	// latest is where the calls of the last message that has any begin.
	latest int
}

// maxEarlier bounds how many calls of earlier messages a result is looked for among.
const maxEarlier = 256

// pairedCall is one call. Given is its id as it was sent, or the name of the function for
// one in the deprecated form, which has no id.
type pairedCall struct {
	given, id []byte
	legacy    bool
	// custom says that a custom tool is called, whose input is any text.
	custom   bool
	answered bool
}

// Plan gives every call an id of at most limit bytes, and every result the id of its call.
func (c *CallIDs) Plan(messages []Message, limit int) {
	*c = CallIDs{calls: c.calls[:0], taken: c.taken, limit: limit}
	clear(c.taken)
	for i := range messages {
		m := &messages[i]
		switch m.Role {
		case Assistant:
			c.addCalls(m)
		case Tool, Function:
			m.ResultID, m.ResultOfCustom = c.answer(m)
		}
	}
}

// ID is the id of a message's k-th call, the one in the deprecated form being the last.
func (c *CallIDs) ID(m *Message, k int) []byte { return c.calls[m.firstCall+k].id }

func (c *CallIDs) addCalls(m *Message) {
	if !m.CallsTools() {
		return
	}
	c.latest, m.firstCall = len(c.calls), len(c.calls)
	for call := range m.ToolCalls.Items {
		_, custom := CalledTool(call)
		c.add(pairedCall{given: Text(call.Member("id")), custom: custom})
	}
	if m.FunctionCall.Kind() == '{' {
		c.add(pairedCall{given: Text(m.FunctionCall.Member("name")), legacy: true})
	}
}

func (c *CallIDs) add(call pairedCall) {
	if c.taken == nil {
		c.taken = map[string]int64{}
	}
	word := call.given
	if call.legacy {
		word = []byte("function")
	}
	call.id = uniqueWord(c.taken, Word(word, c.limit), c.limit)
	c.calls = append(c.calls, call)
}

// answer is the id of the call that a result belongs to, and whether that calls a custom
// tool. A result without its call keeps its own, for the provider to refuse: which call it
// belongs to can't be guessed.
func (c *CallIDs) answer(m *Message) (id []byte, custom bool) {
	given, legacy := Text(m.ToolCallID), m.Role == Function
	if legacy {
		given = Text(m.Name)
	}
	for _, calls := range [...][]pairedCall{c.calls[c.latest:], c.calls[max(0, c.latest-maxEarlier):c.latest]} {
		for i := range calls {
			if call := &calls[i]; !call.answered && call.legacy == legacy && bytes.Equal(call.given, given) {
				call.answered = true
				return call.id, call.custom
			}
		}
	}
	if word := Word(given, c.limit); len(word) > 0 {
		return word, false
	}
	return []byte("call"), false
}
