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

// wish is what a request asks of thinking, in whichever words.
type wish struct {
	// member is the one that asks, to be named when it can't be followed.
	member string
	// off asks for none. Otherwise a budget in tokens, or an effort, or neither: then it is
	// the model's to choose.
	off    bool
	effort string
	budget int64
}

// wishes reads Anthropic's own "thinking", which DeepSeek's callers send without a budget,
// OpenAI's reasoning_effort and OpenRouter's reasoning. It reports false when none of them
// says anything.
func (r *request) wishes() (w wish, ok bool) {
	effort := string(text(r.said.reasoningEffort))
	switch own := r.said.thinking; {
	case !own.Null():
		kind := string(text(own.Member("type")))
		w = wish{member: "thinking", budget: number(own.Member("budget_tokens"))}
		if w.off = kind == "disabled" || own.Kind() == 'f'; budgets(effort) > 0 {
			w.effort = effort
		}
		return w, true
	case effort != "":
		return wish{member: "reasoning_effort", effort: effort, off: effort == "none"}, effort != "default"
	}
	w = wish{member: "reasoning", effort: string(text(r.said.reasoning.Member("effort"))), budget: number(r.said.reasoning.Member("max_tokens"))}
	enabled := r.said.reasoning.Member("enabled")
	w.off = enabled.Kind() == 'f' || w.effort == "none"
	return w, w.off || w.budget > 0 || w.effort != "" && w.effort != "default" || enabled.Kind() == 't'
}

// planReasoning decides on thinking before anything is written, because other
// members depend on it.
func (r *request) planReasoning() {
	if r.said.reasoning.Member("exclude").Kind() == 't' {
		r.drop("reasoning.exclude")
	}
	w, ok := r.wishes()
	switch {
	case !ok:
	case w.off:
		r.planOff()
	case !r.family.thinks() || r.prefill >= 0 || w.effort != "" && w.effort != "default" && budgets(w.effort) == 0:
		r.drop(w.member)
	case r.family.adaptive():
		r.planAdaptive(&w)
	default:
		r.planBudget(&w)
	}
}

// planOff turns thinking off, where a model would think untold.
func (r *request) planOff() {
	if r.family.adaptive() || r.family == foreign && !r.said.thinking.Null() {
		r.plan.thinking = "disabled"
	}
}

// planAdaptive leaves it to the model how much to think, within an effort. It is left out
// with a forced tool, which Anthropic refuses.
func (r *request) planAdaptive(w *wish) {
	own := string(text(r.said.thinking.Member("type")))
	if own == "adaptive" || own == "enabled" && w.budget > 0 && r.family.takesBudget() && !r.unthoughtCalls() {
		r.plan.own = r.said.thinking
		r.fitBudget(w.budget)
	}
	switch {
	case w.effort != "" && w.effort != "default":
		r.plan.effort = r.family.effort(w.effort)
	case r.plan.own == nil && w.budget > 0:
		r.plan.effort = effortFor(w.budget)
	}
	switch {
	case !r.forcesTool():
		if r.plan.own == nil {
			r.plan.thinking = "adaptive"
		}
	case r.plan.own != nil || r.plan.effort == "":
		r.plan.own = nil
		r.drop(w.member)
	}
}

// effortFor is the level that comes close to a budget in tokens.
func effortFor(budget int64) string {
	for _, level := range [...]string{"low", "medium"} {
		if budget <= budgets(level) {
			return level
		}
	}
	return "high"
}

// planBudget gives thinking its budget, at most three quarters of max_tokens, which bounds
// thought and answer together. Thinking is left out where Anthropic would refuse
// it: with a forced tool, and in the middle of a tool loop whose calls came without
// the thoughts that led to them.
func (r *request) planBudget(w *wish) {
	own := w.budget >= minBudget && w.member == "thinking"
	budget := w.budget
	switch {
	case budget > 0:
		budget = max(budget, minBudget)
	case budgets(w.effort) > 0:
		budget = budgets(w.effort)
	default:
		budget = budgets("medium")
	}
	r.fitBudget(w.budget)
	if budget >= r.limit || !own {
		budget, own = min(budget, r.limit/4*3), false
	}
	switch {
	case budget < minBudget || r.forcesTool() || r.unthoughtCalls():
		r.drop(w.member)
	case own:
		r.plan.own = r.said.thinking
		if w.effort != "" {
			r.drop("reasoning_effort")
		}
	default:
		r.plan.thinking, r.plan.budget = "enabled", budget
	}
}

// fitBudget makes room for a budget in the bound on output tokens, when that is neither
// the client's nor known of the model.
func (r *request) fitBudget(budget int64) {
	if !r.bounded && budget > 0 {
		r.limit = max(r.limit, budget+defaultMaxTokens)
	}
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
