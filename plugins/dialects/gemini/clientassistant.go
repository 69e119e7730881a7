package gemini

import (
	"bytes"

	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// modelTurn is what the model said in contents in a row, which clients make of the events of a
// stream, while their parts are read. The canonical form has thoughts, content and calls, in
// that order.
type modelTurn struct {
	// text is the inside of a JSON string, parts are parts before it.
	text  []byte
	parts canonical.Writer
	calls canonical.Writer
	// thoughts are what can be read, the inside of a JSON string.
	thoughts []byte
	signed   carried
	// textSignature is Google's own of the text.
	textSignature canonical.Value
	// google says that Google's models have signed something.
	google bool
}

func (t *modelTurn) reset() {
	t.text, t.parts.B, t.calls.B, t.thoughts = t.text[:0], t.parts.B[:0], t.calls.B[:0], t.thoughts[:0]
	t.signed.reset()
	t.textSignature, t.google = nil, false
}

// readModel reads a content of the model's.
func (a *accepted) readModel(content canonical.Value) error {
	a.part = 0
	for v := range elements(content.Member("parts")) {
		p, err := a.readClientPart(v)
		if err != nil {
			return err
		}
		if err := a.readModelPart(&p); err != nil {
			return err
		}
		a.part++
	}
	return nil
}

func (a *accepted) readModelPart(p *clientPart) error {
	t := &a.turn
	own := signatureOf(p.signature)
	if own != nil {
		p.signature = nil
		t.signed.add(own)
	}
	switch {
	case p.isThought():
		t.thoughts = append(t.thoughts, canonical.Inside(p.text)...)
		t.google = t.google || len(canonical.Inside(p.signature)) > 0
	case !p.text.Null():
		t.text = append(t.text, canonical.Inside(p.text)...)
		if len(canonical.Inside(p.signature)) > 0 {
			t.textSignature, t.google = p.signature, true
		}
	case !p.call.Null():
		return a.readCall(p)
	case !p.code.Null():
		t.text = append(append(append(t.text, "\\n```"...), penstock.AppendInside(nil, bytes.ToLower(canonical.Text(p.code.Member("language"))))...), '\\', 'n')
		t.text = append(append(t.text, canonical.Inside(p.code.Member("code"))...), "\\n```\\n"...)
	case !p.codeResult.Null():
		t.text = append(append(append(t.text, "\\n```\\n"...), canonical.Inside(p.codeResult.Member("output"))...), "\\n```\\n"...)
	case !p.inline.Null() || !p.file.Null():
		t.moveText()
		return a.writeClientMedium(&t.parts, p, a.partPath(""))
	case !p.result.Null():
		return canonical.Reject(a.partPath("functionResponse"), "belongs in a content whose role is user")
	default: // of a tool that Google has run
		a.lose(a.partPath(p.kind()), p.member())
	}
	return nil
}

func (p *clientPart) isThought() bool { return p.thought.Kind() == 't' && !p.text.Null() }

// moveText makes a part of the text so far.
func (t *modelTurn) moveText() {
	if len(t.text) == 0 {
		return
	}
	t.parts.Literal(`{"type":"text","text":`)
	t.parts.Quoted(t.text)
	t.parts.Close('}')
	t.text = t.text[:0]
}

// clientCall is a call of the model's that waits for its result.
type clientCall struct {
	// id is a JSON string, made up for a call that came without one: then given is false.
	id    canonical.Value
	name  []byte
	given bool
	// content and part are where it stands.
	content, part int
	// result is what the function returned, nil until it has come, and at names it.
	result canonical.Value
	at     string
}

// readCall reads a call of one of the client's functions.
func (a *accepted) readCall(p *clientPart) error {
	var id, name, args canonical.Value
	for key, v := range p.call.Members {
		switch string(camel(key)) {
		case "id":
			id = v
		case "name":
			name = v
		case "args":
			args = v
		}
	}
	switch {
	case len(canonical.Inside(name)) == 0:
		return canonical.Reject(a.partPath("functionCall.name"), "must be a string that is not empty")
	case !id.Null() && id.Kind() != '"':
		return canonical.Reject(a.partPath("functionCall.id"), "must be a string")
	case args.Null():
		args = canonical.Value("{}")
	case args.Kind() != '{':
		return canonical.Reject(a.partPath("functionCall.args"), "must be an object")
	}
	c := clientCall{id: id, name: canonical.Text(name), given: len(canonical.Inside(id)) > 0, content: a.content, part: a.part}
	a.called++
	if !c.given {
		c.id = append(penstock.AppendWhole(canonical.Value(`"call_`), a.called), '"')
	}
	if len(a.turn.calls.B) == 0 {
		a.calls = a.calls[:0]
	}
	a.calls = append(a.calls, c)
	w := &a.turn.calls
	w.Open('{')
	w.MemberValue("id", c.id)
	w.Name("type")
	w.Raw(`"function","function":{"name":`)
	w.Value(canonical.ShortName(name))
	w.Name("arguments")
	w.B = append(penstock.AppendInside(append(w.B, '"'), args), `"}`...)
	if len(canonical.Inside(p.signature)) > 0 {
		a.turn.google = true
		w.Name("extra_content")
		w.Raw(`{"google":{"thought_signature":`)
		w.Value(p.signature)
		w.Raw("}}")
	}
	w.Close('}')
	return nil
}

// endTurn writes what the model said as one message, and forgets it. What has neither content
// nor calls says nothing.
func (a *accepted) endTurn() {
	t := &a.turn
	defer t.reset()
	if len(t.calls.B) == 0 {
		a.calls = a.calls[:0]
	}
	if len(t.text)+len(t.parts.B)+len(t.calls.B) == 0 {
		return
	}
	a.Open('{')
	a.MemberLiteral("role", `"assistant"`)
	a.writeCarried()
	a.Name("content")
	switch {
	case len(t.parts.B) > 0:
		t.moveText()
		a.Open('[')
		a.B = append(a.B, t.parts.B...)
		a.Close(']')
	case len(t.text) == 0:
		a.Literal("null")
	default:
		a.Quoted(t.text)
	}
	if len(t.calls.B) > 0 {
		a.Name("tool_calls")
		a.Open('[')
		a.B = append(a.B, t.calls.B...)
		a.Close(']')
	}
	a.Close('}')
}

// writeCarried writes the thoughts that go back to the provider that has made them, or else
// what can be read of them. What Google's models thought is nobody else's business.
func (a *accepted) writeCarried() {
	t := &a.turn
	s := &t.signed
	if len(s.blocks.B) > 0 {
		a.Name("thinking_blocks")
		a.Open('[')
		a.B = append(a.B, s.blocks.B...)
		a.Close(']')
	}
	if len(s.details.B) > 0 || !t.textSignature.Null() {
		a.Name("reasoning_details")
		a.Open('[')
		a.B = append(a.B, s.details.B...)
		if !t.textSignature.Null() {
			from := origin(nil)
			a.Literal(`{"type":"reasoning.encrypted","data":`)
			a.Value(t.textSignature)
			a.MemberText("format", []byte(from.Format))
			a.Close('}')
		}
		a.Close(']')
	}
	switch {
	case len(s.reasoning) > 0:
		a.Name("reasoning_content")
		a.Quoted(s.reasoning)
	case len(t.thoughts) > 0 && len(s.blocks.B)+len(s.details.B) == 0 && !t.google:
		a.Name("reasoning_content")
		a.Quoted(t.thoughts)
	}
}
