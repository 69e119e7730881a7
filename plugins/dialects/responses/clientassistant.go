package responses

import (
	"bytes"

	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// assistantMessage is a message of the assistant's while its items are read: what the model
// thought and whom it called are items of their own in this API. Items are meant by their
// position.
type assistantMessage struct {
	thoughts, calls []int
	// text and refusal are insides of JSON strings.
	text, refusal []byte
}

func (m *assistantMessage) reset() {
	*m = assistantMessage{m.thoughts[:0], m.calls[:0], m.text[:0], m.refusal[:0]}
}

func (m *assistantMessage) empty() bool {
	return len(m.thoughts)+len(m.calls)+len(m.text)+len(m.refusal) == 0
}

// addText adds the text of a message. Messages are paragraphs of one text.
func (m *assistantMessage) addText(it *clientItem, at string) error {
	before, k := len(m.text) > 0, 0
	add := func(raw []byte) {
		if before && len(raw) > 0 {
			m.text = append(m.text, canonical.Paragraph...)
			before = false
		}
		m.text = append(m.text, raw...)
	}
	add(canonical.Inside(it.content))
	for v := range it.content.Items {
		p := canonical.ReadPart(v)
		kind, text := string(canonical.Text(p.Kind)), p.Text()
		switch {
		case !canonical.IsText(kind) || text.Kind() != '"':
			return canonical.Reject(canonical.At(at+".content", k), "an assistant's message holds text and refusals only")
		case kind == "refusal":
			m.refusal = append(m.refusal, canonical.Inside(text)...)
		default:
			add(canonical.Inside(text))
		}
		k++
	}
	return nil
}

// writeAssistant writes the message that has been put together, and right behind it the
// results of its calls, wherever they stand in the input: most providers refuse anything in
// between.
func (a *accepted) writeAssistant() error {
	m := &a.message
	if m.empty() {
		return nil
	}
	a.Open('{')
	a.MemberLiteral("role", `"assistant"`)
	a.writeClientThoughts()
	a.Name("content")
	if len(m.text) == 0 && len(m.calls) > 0 {
		a.Literal("null")
	} else {
		a.Quoted(m.text)
	}
	if len(m.refusal) > 0 {
		a.Name("refusal")
		a.Quoted(m.refusal)
	}
	if len(m.calls) > 0 {
		a.Name("tool_calls")
		a.Open('[')
		for _, i := range m.calls {
			a.writeClientCall(&a.items[i])
		}
		a.Close(']')
	}
	a.Close('}')
	for _, i := range m.calls {
		if k, ok := a.resultOf(i); ok {
			if err := a.writeResult(k); err != nil {
				return err
			}
		}
	}
	m.reset()
	return nil
}

// resultOf finds the first result of a call behind it that no other call has.
func (a *accepted) resultOf(call int) (int, bool) {
	id := string(canonical.Text(a.items[call].callID))
	for n, k := range a.outputs[id] {
		if k > call && !a.items[k].used {
			a.outputs[id] = a.outputs[id][n+1:]
			return k, true
		}
	}
	return 0, false
}

// writeClientCall writes a call. That of a custom tool becomes one of a function with the
// text as its one argument.
func (a *accepted) writeClientCall(it *clientItem) {
	a.Literal(`{"id":`)
	a.Text(canonical.Text(it.callID))
	a.MemberLiteral("type", `"function"`)
	a.Name("function")
	a.Open('{')
	a.Name("name")
	a.Text(a.tools.flat(canonical.Text(it.namespace), canonical.Text(it.name)))
	a.Name("arguments")
	switch {
	case it.kind == "custom_tool_call":
		a.scratch = append(append(append(a.scratch[:0], `{"input":"`...), canonical.Inside(it.input)...), `"}`...)
		a.Text(a.scratch)
	case it.arguments.Kind() == '{':
		a.Text(it.arguments)
	case len(canonical.Inside(it.arguments)) == 0:
		a.Literal(`"{}"`)
	default:
		a.Value(it.arguments)
	}
	a.Raw("}}")
}

// The encrypted content of items that this package has made begins with ownPrefix, so that
// it is never taken for a provider's. That of Claude's thinking goes on with claudePrefix and
// the block as Claude has to see it again; that of what can be read with readableContent.
const (
	ownPrefix       = "penstock:"
	claudePrefix    = ownPrefix + "anthropic-claude-v1:"
	readableContent = ownPrefix + "readable"
)

// encryptedByProvider returns what a provider has encrypted of an item, nothing for an item that this
// package has made.
func (it *clientItem) encryptedByProvider() []byte {
	raw := canonical.Inside(it.encrypted)
	if bytes.HasPrefix(raw, []byte(ownPrefix)) {
		return nil
	}
	return raw
}

// writeClientThoughts writes what the model thought: Claude's blocks, the encrypted items of
// a provider that speaks this API, or what can be read.
func (a *accepted) writeClientThoughts() {
	blocks, details, readable := 0, 0, 0
	for _, i := range a.message.thoughts {
		switch block := claudeBlock(a.items[i].encrypted); {
		case block != nil:
			a.beginNth("thinking_blocks", blocks)
			a.Value(block)
			blocks++
		case len(a.items[i].encryptedByProvider()) > 0:
			details++
		default:
			readable++
		}
	}
	if blocks > 0 {
		a.Close(']')
	}
	if details > 0 {
		a.writeDetails()
	}
	if readable > 0 {
		a.writeReadable()
	}
}

// beginNth begins the n-th element of a list that is a member.
func (a *accepted) beginNth(name string, n int) {
	if n == 0 {
		a.Name(name)
		a.Open('[')
	}
}

// claudeBlock returns the block of Claude's that an encrypted content is, nil for any other.
func claudeBlock(encrypted canonical.Value) canonical.Value {
	block, ok := bytes.CutPrefix(canonical.Text(encrypted), []byte(claudePrefix))
	if !ok || !canonical.Valid(block) || block[0] != '{' {
		return nil
	}
	return block
}

// writeDetails writes encrypted items as reasoning_details.
func (a *accepted) writeDetails() {
	n := int64(0)
	write := func(kind, member string, text, id canonical.Value) {
		a.beginNth("reasoning_details", int(n))
		a.Open('{')
		a.MemberInt("index", n)
		a.MemberLiteral("type", kind)
		a.MemberValue(member, text)
		a.MemberValue("id", id)
		a.MemberLiteral("format", `"openai-responses-v1"`)
		a.Close('}')
		n++
	}
	for _, i := range a.message.thoughts {
		it := &a.items[i]
		if len(it.encryptedByProvider()) == 0 {
			continue
		}
		for part := range it.summary.Items {
			write(`"reasoning.summary"`, "summary", part.Member("text"), it.id)
		}
		write(`"reasoning.encrypted"`, "data", it.encrypted, it.id)
	}
	a.Close(']')
}

// writeReadable writes what models thought whose provider encrypts nothing.
func (a *accepted) writeReadable() {
	mark := len(a.B)
	a.Name("reasoning_content")
	a.Byte('"')
	start := len(a.B)
	for _, i := range a.message.thoughts {
		it := &a.items[i]
		if claudeBlock(it.encrypted) != nil || len(it.encryptedByProvider()) > 0 {
			continue
		}
		texts := it.content
		if !canonical.Filled(texts) {
			texts = it.summary
		}
		for part := range texts.Items {
			a.addParagraph(start, canonical.Inside(part.Member("text")))
		}
	}
	if len(a.B) == start {
		a.B = a.B[:mark]
		return
	}
	a.Byte('"')
}

// writeClientContent writes a message's content or a tool's output. Services that imitate
// OpenAI may take nothing but text, so a text alone is written as one.
func (a *accepted) writeClientContent(content canonical.Value, at string) error {
	switch content.Kind() {
	case '"':
		a.Value(content)
		return nil
	case '[':
	case '{':
		a.B = penstock.AppendText(a.B, content) // what a tool returned, not as text
		return nil
	default:
		a.Literal(`""`)
		return nil
	}
	var only canonical.Part
	n := 0
	for v := range content.Items {
		only = canonical.ReadPart(v)
		n++
	}
	if n == 0 {
		a.Literal(`""`)
		return nil
	}
	if text := only.Text(); n == 1 && canonical.IsText(string(canonical.Text(only.Kind))) && text.Kind() == '"' && !only.ExplicitBreakpoint() {
		a.Value(text)
		return nil
	}
	a.Open('[')
	k := 0
	for v := range content.Items {
		if err := a.writeClientPart(v, canonical.At(at, k)); err != nil {
			return err
		}
		k++
	}
	a.Close(']')
	return nil
}
