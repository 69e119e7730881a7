package responses

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// Render appends the response that a canonical completion becomes, or the error.
func (c *Client) Render(out []byte, env *canonical.Envelope) []byte {
	w := canonical.Writer{B: out}
	w.Raw(`{"body":`)
	reply := canonical.ReadCompletion(env.Body)
	if reply.Error != nil { // errors are those of chat completions
		w.Open('{')
		w.MemberValue("error", reply.Error)
		w.Close('}')
	} else {
		writeClientReply(&w, &reply, env)
	}
	w.Byte('}')
	return w.B
}

func writeClientReply(w *canonical.Writer, reply *canonical.Completion, env *canonical.Envelope) {
	h := head{request: env.RequestID, created: env.Created, model: reply.Model, context: env.Context}
	answer, usage := reply.Message(), canonical.ReadUsage(reply.Usage)
	e := endOf(canonical.FinishOf(answer.FinishReason))
	outputs := outputsOf(&answer, readClientContext(env.Context))
	h.begin(w, &e)
	for i := range outputs {
		status := "completed"
		if i == len(outputs)-1 {
			status = e.status
		}
		outputs[i].index = int64(i)
		outputs[i].write(w, &h, status, false)
	}
	h.finish(w, &usage)
}

// outputsOf are the items of a plain reply: thoughts, text and calls.
func outputsOf(a *canonical.Answer, context clientContext) (outputs []clientOutput) {
	outputs = thoughtsOf(a)
	if text, refusal := canonical.Inside(a.Content), canonical.Inside(a.Refusal); len(text)+len(refusal) > 0 {
		o := clientOutput{kind: messageItem, text: text, extra: refusal}
		w := canonical.Writer{B: []byte{'['}}
		for page := range a.Citations {
			writeAnnotation(&w, &page)
		}
		o.annotations = w.B[1:]
		outputs = append(outputs, o)
	}
	for call := range a.Calls {
		o := clientOutput{kind: callItem, call: canonical.Inside(call.ID), name: canonical.Inside(call.Name), text: argumentsOf(call.Arguments)}
		if context.isCustom(unquoted(o.name)) {
			o.kind = customItem
		}
		outputs = append(outputs, o)
	}
	return outputs
}

// argumentsOf are the arguments of a call as the inside of a JSON string. Some services give
// the object itself.
func argumentsOf(v canonical.Value) []byte {
	if v.Kind() == '{' {
		return penstock.AppendInside(nil, v)
	}
	return canonical.Inside(v)
}

// thoughtsOf are Claude's blocks, those that a provider has encrypted, or what can be read.
func thoughtsOf(a *canonical.Answer) (outputs []clientOutput) {
	for t := range a.Thoughts {
		o := clientOutput{kind: reasoningItem, form: signed, text: canonical.Inside(t.Thinking), extra: canonical.Inside(t.Signature)}
		if t.Data != nil {
			o.form, o.extra = redacted, canonical.Inside(t.Data)
		}
		outputs = append(outputs, o)
	}
	if len(outputs) > 0 {
		return outputs
	}
	text := a.Reasoning()
	for v := range a.ReasoningDetails.Items {
		if data := encryptedOf(v); len(data) > 0 {
			outputs = append(outputs, clientOutput{kind: reasoningItem, form: encryption, text: text, extra: data})
			text = nil
		}
	}
	if len(text) > 0 {
		outputs = append(outputs, clientOutput{kind: reasoningItem, text: text})
	}
	return outputs
}

// encryptedOf is the data of a detail that a provider of this API has encrypted.
func encryptedOf(detail canonical.Value) []byte {
	if string(canonical.Text(detail.Member("format"))) != origin(nil).Format {
		return nil
	}
	return canonical.Inside(detail.Member("data"))
}
