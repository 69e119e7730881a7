package gemini

import (
	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// Render appends the reply of generateContent that a canonical completion becomes, or the
// error.
func (c *Client) Render(out []byte, env *canonical.Envelope) []byte {
	w := canonical.Writer{B: out}
	w.Raw(`{"body":`)
	reply := canonical.ReadCompletion(env.Body)
	if reply.Error != nil {
		writeClientError(&w, reply.Error, env.Status)
	} else {
		writeClientReply(&w, &reply, env)
	}
	w.Byte('}')
	return w.B
}

// internalError is HTTP's status for a fault of the provider's in the middle of a reply.
const internalError = 500

// writeClientError writes an error. The host renders those of its own itself.
func writeClientError(w *canonical.Writer, fault canonical.Value, status int) {
	if status < 400 {
		status = internalError
	}
	message := canonical.Text(fault.Member("message"))
	if len(message) == 0 {
		message = []byte("The provider gave no message.")
	}
	w.Raw(`{"error":{`) // also behind the name of an event's data
	w.MemberInt("code", int64(status))
	w.MemberText("message", message)
	w.MemberText("status", []byte(map[bool]string{true: "INTERNAL", false: "INVALID_ARGUMENT"}[status >= internalError]))
	w.Raw("}}")
}

func writeClientReply(w *canonical.Writer, reply *canonical.Completion, env *canonical.Envelope) {
	w.Literal(`{"candidates":[`)
	for a := range reply.Answers {
		writeCandidate(w, &a, env.Context)
	}
	w.Close(']')
	usage := canonical.ReadUsage(reply.Usage)
	writeUsage(w, &usage, canonical.Text(reply.ServiceTier))
	endReply(w, reply.Model, env.RequestID)
}

// endReply writes what every reply and event has at its end.
func endReply(w *canonical.Writer, model canonical.Value, request []byte) {
	if model.Kind() == '"' {
		w.MemberValue("modelVersion", model)
	}
	w.MemberText("responseId", request)
	w.Close('}')
}

// writeCandidate writes one answer.
func writeCandidate(w *canonical.Writer, a *canonical.Answer, context canonical.Value) {
	e := clientEnd{finish: canonical.FinishOf(a.FinishReason), refused: len(canonical.Inside(a.Refusal)) > 0}
	w.Literal(`{"content":{`)
	mark := len(w.B)
	w.Raw(`"parts":[`)
	start := len(w.B)
	e.broken = writeParts(w, a, context)
	if len(w.B) == start {
		w.B = w.B[:mark]
	} else {
		w.Close(']')
	}
	w.MemberLiteral("role", `"model"`)
	w.Close('}')
	e.write(w)
	w.MemberInt("index", a.Index)
	var pages []clientPage
	for page := range a.Citations {
		pages = append(pages, clientPage{page.URL, page.Title, page.Start, page.End})
	}
	writeGrounding(w, pages, func(runes int64) int64 { return bytesAt(canonical.Inside(a.Content), runes) })
	writeChances(w, a.Logprobs)
	w.Close('}')
}

// writeParts writes thoughts, text, media and calls. It reports whether a call was left out,
// whose arguments are no object.
func writeParts(w *canonical.Writer, a *canonical.Answer, context canonical.Value) (broken bool) {
	var carry carried
	thoughts := carry.addAnswer(a)
	textSignature := carry.addDetails(a)
	if context.Member(showThoughts).Kind() == 't' && len(thoughts) > 0 {
		writeThoughtPart(w, thoughts)
	}
	called := false
	for range a.Calls {
		called = true
		break
	}
	text := canonical.Inside(a.Content)
	if len(text) > 0 {
		writeTextPart(w, text)
	}
	if refusal := canonical.Inside(a.Refusal); len(refusal) > 0 {
		writeTextPart(w, refusal)
	}
	switch {
	case !textSignature.Null():
		signText(w, len(text) > 0, func() { w.MemberValue("thoughtSignature", textSignature) })
	case !called && carry.signs():
		signText(w, len(text) > 0, func() { carry.write(w) })
	}
	writeMediaParts(w, a)
	if !carry.signs() && context.Member(mayCall).Kind() == 't' {
		carry.reasoning = thoughts
	}
	first := &carry
	for call := range a.Calls {
		args, ok := objectOf(call.Arguments)
		if !ok {
			broken = true
			continue
		}
		name := canonical.ClientName(canonical.ClientNames(context), call.Name)
		writeCallPart(w, call.ID, name, args, call.Signature, first)
		first = nil
	}
	return broken
}

// signText writes a signature into the text that was written last, or into one of its own.
func signText(w *canonical.Writer, text bool, sign func()) {
	if text {
		w.B = w.B[:len(w.B)-1]
	} else {
		w.Literal(`{"text":""`)
	}
	sign()
	w.Close('}')
}

// addAnswer takes in Claude's thoughts of a whole answer, and returns what can be read, the
// inside of a JSON string.
func (c *carried) addAnswer(a *canonical.Answer) (thoughts []byte) {
	for t := range a.Thoughts {
		switch {
		case t.Data != nil:
			c.addRedacted(t.Data)
		case len(canonical.Inside(t.Signature)) > 0:
			c.addThought(canonical.Inside(t.Thinking), t.Signature)
		}
		thoughts = append(thoughts, canonical.Inside(t.Thinking)...)
	}
	if text := a.Reasoning(); len(text) > 0 {
		return text
	}
	return thoughts
}
