package openai

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeDetails writes what Claude has thought as OpenRouter has it: byte for byte where the
// client brings back reasoning_details, else made of the blocks that other clients bring.
// https://openrouter.ai/docs/use-cases/reasoning-tokens
func (r *request) writeDetails(m *canonical.Message) {
	if canonical.Filled(m.ReasoningDetails) {
		r.MemberValue("reasoning_details", m.ReasoningDetails)
		return
	}
	if !m.BringsThoughts() {
		return
	}
	r.Name("reasoning_details")
	r.Open('[')
	index := int64(0)
	for t := range m.ClaudeThoughts {
		r.Open('{')
		if t.Data != nil {
			r.MemberLiteral("type", `"reasoning.encrypted"`)
			r.MemberValue("data", t.Data)
		} else {
			r.MemberLiteral("type", `"reasoning.text"`)
			r.MemberValue("text", t.Thinking)
			r.MemberValue("signature", t.Signature)
		}
		r.MemberLiteral("format", `"anthropic-claude-v1"`)
		r.MemberInt("index", index)
		r.Close('}')
		index++
	}
	r.Close(']')
}
