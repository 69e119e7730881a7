package canonical

// Reasoning is what a request asks of the model's thinking, in whichever words.
type Reasoning struct {
	// Member is the one that asks, to be named when it can't be followed.
	Member string
	// Off asks for no thinking. Otherwise there is a budget in tokens, or an effort, or
	// neither: then the model chooses.
	Off    bool
	Effort string
	Budget int64
}

// Reasoning reads Anthropic's "thinking", which DeepSeek's callers send without a budget,
// OpenAI's "reasoning_effort" and OpenRouter's "reasoning". It reports false when none of
// them asks for anything.
func (r *Request) Reasoning() (Reasoning, bool) {
	effort := string(Text(r.reasoningEffort))
	switch {
	case !r.Thinking.Null():
		return r.thinking(effort), true
	case effort != "":
		return Reasoning{Member: "reasoning_effort", Effort: effort, Off: effort == "none"}, effort != "default"
	}
	enabled := r.reasoning.Member("enabled")
	a := Reasoning{Member: "reasoning", Effort: string(Text(r.reasoning.Member("effort"))), Budget: Whole(r.reasoning.Member("max_tokens"))}
	a.Off = enabled.Kind() == 'f' || a.Effort == "none"
	return a, a.Off || a.Budget > 0 || a.Effort != "" && a.Effort != "default" || enabled.Kind() == 't'
}

func (r *Request) thinking(effort string) Reasoning {
	a := Reasoning{Member: "thinking", Budget: Whole(r.Thinking.Member("budget_tokens"))}
	a.Off = string(Text(r.Thinking.Member("type"))) == "disabled" || r.Thinking.Kind() == 'f'
	if EffortBudget(effort) > 0 {
		a.Effort = effort
	}
	return a
}

// HasEffort reports whether a level is named, which may be one that does not exist.
func (a *Reasoning) HasEffort() bool { return a.Effort != "" && a.Effort != "default" }

// ReasoningSummary is the kind of summary of the model's thinking that the request asks for,
// in OpenAI's words, nil when it asks for none.
func (r *Request) ReasoningSummary() Value {
	return Or(r.reasoning.Member("summary"), r.reasoning.Member("generate_summary"))
}

// HidesReasoning reports whether the caller does not want to see the thinking.
func (r *Request) HidesReasoning() bool { return r.reasoning.Member("exclude").Kind() == 't' }

// EffortBudget is how many tokens a model that takes no effort may think for, 0 for a
// level that does not exist.
func EffortBudget(effort string) int64 {
	switch effort {
	case "minimal":
		return 1 << 10
	case "low":
		return 2 << 10
	case "medium":
		return 8 << 10
	case "high":
		return 16 << 10
	case "xhigh":
		return 24 << 10
	case "max":
		return 32 << 10
	}
	return 0
}

// BudgetEffort is the level that comes close to a budget in tokens.
func BudgetEffort(budget int64) string {
	for _, level := range [...]string{"low", "medium"} {
		if budget <= EffortBudget(level) {
			return level
		}
	}
	return "high"
}

// Thought is a piece of Claude's thinking that an assistant message brings back.
type Thought struct {
	// Data is set for a redacted one, the others for one in the clear.
	Thinking, Signature, Data Value
}

// ClaudeThoughts yields the thinking that can be sent back to Claude: thinking_blocks, as
// replies have them, or else OpenRouter's reasoning_details. Thinking without its
// signature, and that of another provider's models, is left out: Claude refuses both.
func (m *Message) ClaudeThoughts(yield func(Thought) bool) {
	if Filled(m.ThinkingBlocks) {
		for v := range m.ThinkingBlocks.Items {
			if t, ok := readThought(v, "thinking", "thinking", "redacted_thinking"); ok && !yield(t) {
				return
			}
		}
		return
	}
	for v := range m.ReasoningDetails.Items {
		if format := v.Member("format"); !format.Null() && string(Text(format)) != "anthropic-claude-v1" {
			continue
		}
		if t, ok := readThought(v, "reasoning.text", "text", "reasoning.encrypted"); ok && !yield(t) {
			return
		}
	}
}

// BringsThoughts reports whether a message brings any of Claude's thinking back.
func (m *Message) BringsThoughts() bool {
	for range m.ClaudeThoughts {
		return true
	}
	return false
}

// PlainThoughts yields the texts of thinking that no provider has signed: those of
// thinking_blocks, or else the text that clients show, and those among the content, where
// Mistral has them. Signed thinking is only for the provider that signed it.
func (m *Message) PlainThoughts(yield func(text Value) bool) {
	for v := range m.ThinkingBlocks.Items {
		if !yieldThought(v, yield) {
			return
		}
	}
	if !Filled(m.ThinkingBlocks) && !Filled(m.ReasoningDetails) && len(Inside(m.reasoning)) > 0 && !yield(m.reasoning) {
		return
	}
	for v := range m.Content.Items {
		if IsThought(string(Text(v.Member("type")))) && !yieldThought(v, yield) {
			return
		}
	}
}

// yieldThought yields the text of a block of thinking, which is a string or a list of parts.
func yieldThought(v Value, yield func(Value) bool) bool {
	text := v.Member("thinking")
	if len(Inside(v.Member("signature"))) > 0 {
		return true
	}
	for part := range text.Items {
		if text := part.Member("text"); len(Inside(text)) > 0 && !yield(text) {
			return false
		}
	}
	return len(Inside(text)) == 0 || yield(text)
}

// IsThought reports whether parts of a type are what the model thought.
func IsThought(kind string) bool { return kind == "thinking" || kind == "redacted_thinking" }

// readThought reads a block whose type is clear, with its text in the member called name,
// or redacted.
func readThought(v Value, clear, name, redacted string) (t Thought, ok bool) {
	switch string(Text(v.Member("type"))) {
	case clear:
		t.Thinking, t.Signature = v.Member(name), v.Member("signature")
		return t, len(Inside(t.Signature)) > 0
	case redacted:
		t.Data = v.Member("data")
		return t, len(Inside(t.Data)) > 0
	}
	return t, false
}
