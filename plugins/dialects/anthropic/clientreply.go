package anthropic

import (
	"bytes"

	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// Render appends the message that a canonical completion becomes, or the error.
func (c *Client) Render(out []byte, env *canonical.Envelope) []byte {
	w := canonical.Writer{B: out}
	w.Raw(`{"body":`)
	reply := canonical.ReadCompletion(env.Body)
	if reply.Error != nil {
		writeError(&w, reply.Error)
	} else {
		writeReply(&w, &reply, env)
	}
	w.Byte('}')
	return w.B
}

// writeError writes an error. The host renders those of its own itself.
func writeError(w *canonical.Writer, fault canonical.Value) {
	w.Raw(`{"type":"error","error":{"type":"api_error","message":`)
	message := canonical.Text(fault.Member("message"))
	if len(message) == 0 {
		message = []byte("The provider gave no message.")
	}
	w.Text(message)
	w.Raw("}}")
}

func writeReply(w *canonical.Writer, reply *canonical.Completion, env *canonical.Envelope) {
	answer := reply.Message()
	usage := canonical.ReadUsage(reply.Usage)
	w.Open('{')
	beginMessage(w, env.RequestID, reply.Model)
	w.Name("content")
	w.Open('[')
	calls := writeBlocks(w, &answer, env)
	w.Close(']')
	stop := stopOf(&answer)
	stop.write(w, calls > 0)
	writeUsage(w, &usage, canonical.Text(reply.ServiceTier))
	w.Close('}')
}

// beginMessage writes what a message begins with.
func beginMessage(w *canonical.Writer, request []byte, model canonical.Value) {
	w.Name("id")
	w.Raw(`"msg_`)
	w.B = append(penstock.AppendInside(w.B, request), '"')
	w.Raw(`,"type":"message","role":"assistant","model":`)
	if model.Kind() != '"' {
		model = canonical.Value(`""`)
	}
	w.Value(model)
}

// writeBlocks writes the content: thoughts, text and calls, which it counts.
func writeBlocks(w *canonical.Writer, a *canonical.Answer, env *canonical.Envelope) (calls int64) {
	signed := false
	for t := range a.Thoughts {
		signed = true
		writeThoughtBlock(w, &t)
	}
	if text := a.Reasoning(); !signed && len(text) > 0 {

		w.Literal(`{"type":"thinking","thinking":`)
		w.Quoted(text)
		w.Raw(`,"signature":""}`)
	}
	if len(canonical.Inside(a.Content)) > 0 {
		w.Literal(`{"type":"text","text":`)
		w.Value(a.Content)
		writeClientCitations(w, a)
		w.Close('}')
	}
	if len(canonical.Inside(a.Refusal)) > 0 {
		w.Literal(`{"type":"text","text":`)
		w.Value(a.Refusal)
		w.Close('}')
	}
	for call := range a.Calls {
		call.Name = canonical.ClientName(canonical.ClientNames(env.Context), call.Name)
		writeCallBlock(w, &call, env.RequestID, calls)
		calls++
	}
	return calls
}

func writeThoughtBlock(w *canonical.Writer, t *canonical.Piece) {
	if t.Data != nil {
		w.Literal(`{"type":"redacted_thinking","data":`)
		w.Value(t.Data)
		w.Close('}')
		return
	}
	w.Literal(`{"type":"thinking","thinking":"`)
	w.B = append(append(w.B, canonical.Inside(t.Thinking)...), `","signature":"`...)
	w.B = append(append(w.B, canonical.Inside(t.Signature)...), `"}`...)
}

// writeClientCitations writes the pages that the text refers to. What Anthropic would want to see
// again of its own search is not known.
func writeClientCitations(w *canonical.Writer, a *canonical.Answer) {
	mark := len(w.B)
	w.Name("citations")
	w.Open('[')
	start := len(w.B)
	for page := range a.Citations {
		writeCitation(w, &page)
	}
	if len(w.B) == start {
		w.B = w.B[:mark]
		return
	}
	w.Close(']')
}

func writeCitation(w *canonical.Writer, page *canonical.Cited) {
	w.Literal(`{"type":"web_search_result_location","cited_text":"","encrypted_index":"","url":`)
	w.Value(page.URL)
	w.Name("title")
	if page.Title.Kind() != '"' {
		w.Literal("null")
	} else {
		w.Value(page.Title)
	}
	w.Close('}')
}

// writeCallBlock writes a whole call. Arguments that are no object, which a reply that was
// cut short may leave, become an empty one.
func writeCallBlock(w *canonical.Writer, c *canonical.AnswerCall, request []byte, number int64) {
	beginCallBlock(w, c.ID, c.Name, request, number)
	w.Name("input")
	input := c.Arguments
	if text := canonical.Text(input); text != nil {
		input = bytes.TrimSpace(text)
	}
	if input.Kind() != '{' || !canonical.Valid(input) {
		input = canonical.Value("{}")
	}
	w.Value(input)
	w.Close('}')
}

// beginCallBlock writes a call up to its input. Its id is made fit for Anthropic, who may see
// it in a later request.
func beginCallBlock(w *canonical.Writer, id, name canonical.Value, request []byte, number int64) {
	w.Literal(`{"type":"tool_use","id":`)
	if word := canonical.Word(canonical.Text(id), maxCallID); len(word) > 0 {
		w.Text(word)
	} else {
		w.Raw(`"toolu_`)
		w.B = penstock.AppendWhole(append(penstock.AppendInside(w.B, request), '_'), number)
		w.Byte('"')
	}
	w.Name("name")
	if name.Kind() != '"' {
		name = canonical.Value(`""`)
	}
	w.Value(name)
}

// maxCallID bounds the id of a call, in bytes.
const maxCallID = 256
