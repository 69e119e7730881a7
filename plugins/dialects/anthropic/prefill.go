package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// planPrefill finds the message that the model is to continue: the last one, when it is the
// assistant's and has content. It rejects the request for models that refuse this.
func (r *request) planPrefill() error {
	r.prefill = -1
	for i := len(r.in.Messages) - 1; i >= 0; i-- {
		m := &r.in.Messages[i]
		if m.Role == canonical.System || leavesNoTrace(m) {
			continue
		}
		if m.Role == canonical.Assistant && !m.CallsTools() {
			r.prefill = i
		}
		break
	}
	if r.prefill >= 0 && !r.model.prefills() {
		return canonical.Reject(canonical.At("messages", r.prefill), "this model does not continue an assistant message (a prefill); end with a user message")
	}
	return nil
}

// leavesNoTrace reports whether a message has neither text nor anything else to send.
func leavesNoTrace(m *canonical.Message) bool {
	if m.IsResult() || m.CallsTools() || !canonical.Blank(canonical.Inside(m.Refusal)) || m.BringsThoughts() {
		return false
	}
	for v := range m.Content.Items {
		p := canonical.ReadPart(v)
		if !canonical.IsText(string(canonical.Text(p.Kind))) || !canonical.Blank(canonical.Inside(p.Text())) {
			return false
		}
	}
	return canonical.Blank(canonical.Inside(m.Content))
}
