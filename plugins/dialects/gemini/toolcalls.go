package gemini

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// openCall is a call of the model's that waits for its result.
type openCall struct {
	id, name []byte
	// message and k say where it stands.
	message, k int
}

// writeCalls writes a message's calls.
func (r *request) writeCalls(m *canonical.Message, i int) error {
	k := 0
	for call := range m.ToolCalls.Items {
		tool, custom := canonical.CalledTool(call)
		if tool.Kind() != '{' {
			return canonical.Reject(canonical.At(canonical.At("messages", i)+".tool_calls", k), "only calls of functions and custom tools can be sent to Gemini")
		}
		r.openCall(m, i, k, tool)
		if custom {
			r.Raw(`{"` + customInput + `":`)
			r.Quoted(canonical.Inside(tool.Member("input")))
			r.Byte('}')
		} else {
			r.writeArguments(tool.Member("arguments"))
		}
		r.Close('}')
		r.signCall(m, call, k == 0)
		r.Close('}')
		k++
	}
	if f := m.FunctionCall; f.Kind() == '{' {
		r.openCall(m, i, k, f)
		r.writeArguments(f.Member("arguments"))
		r.Close('}')
		r.signCall(m, nil, k == 0)
		r.Close('}')
	}
	return nil
}

// openCall begins the part of a call, up to its arguments.
func (r *request) openCall(m *canonical.Message, i, k int, tool canonical.Value) {
	c := openCall{id: r.ids.ID(m, k), name: r.Context.ProviderName(canonical.Text(tool.Member("name"))), message: i, k: k}
	r.calls = append(r.calls, c)
	r.part()
	r.Literal(`{"functionCall":{"id":`)
	r.Text(c.id)
	r.MemberText("name", c.name)
	r.Name("args")
}

// writeArguments writes a call's arguments, which OpenAI keeps in a string, as the object they
// stand for. Anything else than an object becomes an empty one.
func (r *request) writeArguments(arguments canonical.Value) {
	if arguments.Kind() != '{' {
		r.Scratch, _ = arguments.Text(r.Scratch[:0])
		if arguments = bytes.TrimSpace(r.Scratch); !canonical.Valid(arguments) {
			arguments = nil
		}
	}
	if arguments.Kind() != '{' {
		r.Literal("{}")
		return
	}
	r.Value(arguments)
}

// writeResults writes what the tools have returned, in the order of their calls. Gemini
// refuses a call without its result, and a result without its call.
func (r *request) writeResults(from, to int) error {
	calls := r.calls
	r.calls = r.calls[:0]
	r.begin(canonical.User)
	written := 0
	for k := range calls {
		i := r.resultOf(&calls[k], from, to)
		if i < 0 {
			at := canonical.At(canonical.At("messages", calls[k].message)+".tool_calls", calls[k].k)
			return canonical.Reject(at, "has no result; Gemini wants one for each call, right behind the message with the calls")
		}
		if err := r.writeResult(&calls[k], &r.in.Messages[i], i); err != nil {
			return err
		}
		written++
	}
	for i := from; i < to; i++ {
		m := &r.in.Messages[i]
		if !m.IsResult() {
			continue
		}
		if written--; written < 0 {
			return canonical.Reject(canonical.At("messages", r.strayResult(calls, from, to)), "is the result of no call in the message before it")
		}
		if !r.model.seesResults() {
			if err := r.writeMedia(m.Content, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// resultOf finds the message with a call's result; -1 when there is none.
func (r *request) resultOf(c *openCall, from, to int) int {
	for i := from; i < to; i++ {
		if m := &r.in.Messages[i]; m.IsResult() && bytes.Equal(m.ResultID, c.id) {
			return i
		}
	}
	return -1
}

// strayResult finds a message with the result of no call.
func (r *request) strayResult(calls []openCall, from, to int) int {
	last := from
	for i := from; i < to; i++ {
		m := &r.in.Messages[i]
		if !m.IsResult() {
			continue
		}
		last = i
		if !hasCall(calls, m.ResultID) {
			break
		}
	}
	return last
}

func hasCall(calls []openCall, id []byte) bool {
	for k := range calls {
		if bytes.Equal(calls[k].id, id) {
			return true
		}
	}
	return false
}

func (r *request) writeResult(c *openCall, m *canonical.Message, i int) error {
	r.part()
	r.Literal(`{"functionResponse":{"id":`)
	r.Text(c.id)
	r.MemberText("name", c.name)
	r.Name("response")
	r.writeResponse(m)
	if r.model.seesResults() {
		mark := len(r.B)
		r.Name("parts")
		r.Open('[')
		start := len(r.B)
		r.open.nested = true
		err := r.writeMedia(m.Content, i)
		if r.open.nested = false; err != nil {
			return err
		}
		if len(r.B) == start {
			r.B = r.B[:mark]
		} else {
			r.Close(']')
		}
	}
	r.Raw("}}")
	return nil
}

// writeResponse writes the text of a result. Gemini wants an object: text that is one goes out
// as it stands, other text as the member that Google has for it.
func (r *request) writeResponse(m *canonical.Message) {
	text, failed := resultText(m.Content), m.IsError.Kind() == 't'
	if object := bytes.TrimSpace(canonical.Text(text)); !failed && len(object) > 0 && object[0] == '{' && canonical.Valid(object) {
		r.Value(object)
		return
	}
	r.Open('{')
	switch {
	case failed:
		r.MemberValue("error", canonical.Or(text, canonical.Value(`""`)))
	case text != nil:
		r.MemberValue("output", text)
	}
	r.Close('}')
}

// resultText is the text of a result: several are lines of one. It is nil when there is none.
func resultText(content canonical.Value) canonical.Value {
	if content.Kind() == '"' {
		return content
	}
	var joined canonical.Value
	for v := range content.Items {
		p := canonical.ReadPart(v)
		raw, ok := p.Text().Inside()
		switch {
		case !ok || !canonical.IsText(string(canonical.Text(p.Kind))):
		case joined == nil:
			joined = append(append(canonical.Value{'"'}, raw...), '"')
		default:
			joined = append(append(append(joined[:len(joined)-1], `\n`...), raw...), '"')
		}
	}
	return joined
}

// writeMedia writes the parts of a content that are no text.
func (r *request) writeMedia(content canonical.Value, i int) error {
	k := 0
	for v := range content.Items {
		if !canonical.IsText(string(canonical.Text(v.Member("type")))) {
			if err := r.writePart(v, i, k); err != nil {
				return err
			}
		}
		k++
	}
	return nil
}
