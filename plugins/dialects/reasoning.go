package dialects

// reasoning is how a request is to think. A zero value says nothing about it.
type reasoning struct {
	// own is the request's own "thinking" member, which goes out as it came.
	own value
	// thinking is the type to send: "", "adaptive", "enabled" or "disabled".
	thinking string
	// budget is in tokens, for "enabled"; effort is a level for output_config.
	budget int64
	effort string
}

// minBudget is the least that Anthropic accepts, in tokens.
const minBudget = 1024

// budgets are the tokens that a model without effort levels may think for.
func budgets(effort string) int64 {
	switch effort {
	case "minimal":
		return minBudget
	case "low":
		return 2 * minBudget
	case "medium":
		return 8 * minBudget
	case "high":
		return 16 * minBudget
	case "xhigh":
		return 24 * minBudget
	case "max":
		return 32 * minBudget
	}
	return 0
}

// planReasoning decides on thinking before anything is written, because other
// members depend on it.
func (r *request) planReasoning() {
	effort := string(text(r.said.reasoningEffort))
	if effort == "" {
		effort = string(text(r.said.reasoning.Member("effort")))
	}
	switch {
	case r.prefill >= 0:
		r.planNoReasoning(effort)
	case !r.said.thinking.Null():
		r.plan.own = r.said.thinking
		if effort != "" {
			r.drop("reasoning_effort")
		}
	case effort == "" || effort == "default":
	case effort == "none":
		if r.family.adaptive() { // the others think only when told to
			r.plan.thinking = "disabled"
		}
	case budgets(effort) == 0 || !r.family.thinks():
		r.drop("reasoning_effort")
	case r.family.adaptive():
		r.plan.effort = r.family.effort(effort)
		if !r.forcesTool() {
			r.plan.thinking = "adaptive"
		}
	default:
		r.planBudget(budgets(effort))
	}
}

// planNoReasoning leaves thinking out: Anthropic refuses it together with a prefill.
func (r *request) planNoReasoning(effort string) {
	if kind := string(text(r.said.thinking.Member("type"))); !r.said.thinking.Null() && kind != "disabled" {
		r.drop("thinking")
	}
	if effort != "" && effort != "none" && effort != "default" {
		r.drop("reasoning_effort")
	}
}

// planBudget gives thinking at most three quarters of max_tokens, which bounds
// thought and answer together. Thinking is left out where Anthropic would refuse
// it: with a forced tool, and in the middle of a tool loop whose calls came without
// the thoughts that led to them.
func (r *request) planBudget(budget int64) {
	budget = min(budget, r.limit/4*3)
	if budget < minBudget || r.forcesTool() || r.unthoughtCalls() {
		r.drop("reasoning_effort")
		return
	}
	r.plan.thinking, r.plan.budget = "enabled", budget
}

// forcesTool reports whether the model must call a tool.
func (r *request) forcesTool() bool {
	choice := r.said.toolChoice
	if choice.Kind() == '{' {
		switch string(text(choice.Member("type"))) {
		case "function", "tool", "any":
			return true
		case "allowed_tools":
			return string(text(choice.Member("allowed_tools", "mode"))) == "required"
		}
		return false
	}
	name := text(choice)
	return string(name) == "required" || string(name) == "any"
}

// unthoughtCalls reports whether the conversation ends in results of tool calls
// that carry no thinking.
func (r *request) unthoughtCalls() bool {
	for i := len(r.turns) - 1; i >= 0; i-- {
		m := &r.turns[i]
		switch m.role {
		case toolRole, functionRole:
		case assistantRole:
			return m.callsTools() && !m.thoughtful()
		default:
			return false
		}
	}
	return false
}

// thinks reports whether the request asks for thinking.
func (r *request) thinks() bool {
	if own := r.plan.own; own != nil {
		return string(text(own.Member("type"))) != "disabled"
	}
	return r.plan.thinking == "adaptive" || r.plan.thinking == "enabled"
}

// writeReasoning writes thinking and output_config, the latter with the answer's
// schema. A request's own output_config goes out as it came.
func (r *request) writeReasoning() error {
	r.memberValue("thinking", r.plan.own)
	switch r.plan.thinking {
	case "enabled":
		r.name("thinking")
		r.open('{')
		r.memberLiteral("type", `"enabled"`)
		r.memberInt("budget_tokens", r.plan.budget)
		r.close('}')
	case "adaptive":
		thinking := `{"type":"adaptive"}`
		if r.family.hidesThinking() {
			thinking = `{"type":"adaptive","display":"summarized"}`
		}
		r.memberLiteral("thinking", thinking)
	case "disabled":
		r.memberLiteral("thinking", `{"type":"disabled"}`)
	}
	if !r.said.outputConfig.Null() {
		r.memberValue("output_config", r.said.outputConfig)
		return nil
	}
	return r.writeOutputConfig()
}
