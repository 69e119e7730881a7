package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// thinkingPlan is how the model is to think. The zero value leaves it to the provider.
type thinkingPlan struct {
	// own is the request's own "thinking" member, which goes out as it came.
	own canonical.Value
	// kind is the type to send: "", "adaptive", "enabled" or "disabled".
	kind string
	// budget is in tokens, for "enabled"; effort is a level for output_config.
	budget int64
	effort string
}

// minBudget is the least that Anthropic accepts, in tokens.
const minBudget = 1024

// planThinking decides on thinking before anything is written, because other members depend
// on it.
func (r *request) planThinking() {
	if r.in.HidesReasoning() {
		r.Drop("reasoning.exclude")
	}
	asked, ok := r.in.Reasoning()
	switch {
	case !ok:
	case r.in.Thinking.Null() && !r.in.OutputConfig.Member("effort").Null(): // that says it in Anthropic's words
	case asked.Off:
		r.planOff()
	case !r.model.thinks() || r.prefill >= 0 || asked.HasEffort() && canonical.EffortBudget(asked.Effort) == 0:
		r.Drop(asked.Member)
	case r.model.adaptive():
		r.planAdaptive(&asked)
	default:
		r.planBudget(&asked)
	}
}

// planOff turns thinking off for models that think by default.
func (r *request) planOff() {
	if r.model.adaptive() || r.model == foreign && !r.in.Thinking.Null() {
		r.plan.kind = "disabled"
	}
}

// planAdaptive leaves it to the model how much to think, within an effort. Thinking is left
// out with a forced tool, which Anthropic refuses.
func (r *request) planAdaptive(asked *canonical.Reasoning) {
	own := string(canonical.Text(r.in.Thinking.Member("type")))
	if own == "adaptive" || own == "enabled" && asked.Budget > 0 && r.model.takesBudget() && !r.callsWithoutThoughts() {
		r.plan.own = r.in.Thinking
		r.fitBudget(asked.Budget)
	}
	switch {
	case asked.HasEffort():
		r.plan.effort = r.model.effort(asked.Effort)
	case r.plan.own == nil && asked.Budget > 0:
		r.plan.effort = canonical.BudgetEffort(asked.Budget)
	}
	switch {
	case !r.in.ForcesTool():
		if r.plan.own == nil {
			r.plan.kind = "adaptive"
		}
	case r.plan.own != nil || r.plan.effort == "":
		r.plan.own = nil
		r.Drop(asked.Member)
	}
}

// planBudget gives thinking its budget, at most three quarters of max_tokens, which bounds
// thought and answer together. Thinking is left out where Anthropic would refuse it: with a
// forced tool, and in the middle of a tool loop whose calls came without the thoughts that
// led to them.
func (r *request) planBudget(asked *canonical.Reasoning) {
	own := asked.Budget >= minBudget && asked.Member == "thinking"
	budget := asked.Budget
	switch {
	case budget > 0:
		budget = max(budget, minBudget)
	case canonical.EffortBudget(asked.Effort) > 0:
		budget = canonical.EffortBudget(asked.Effort)
	default:
		budget = canonical.EffortBudget("medium")
	}
	r.fitBudget(asked.Budget)
	if budget >= r.limit || !own {
		budget, own = min(budget, r.limit/4*3), false
	}
	switch {
	case budget < minBudget || r.in.ForcesTool() || r.callsWithoutThoughts():
		r.Drop(asked.Member)
	case own:
		r.plan.own = r.in.Thinking
		if asked.Effort != "" {
			r.Drop("reasoning_effort")
		}
	default:
		r.plan.kind, r.plan.budget = "enabled", budget
	}
}

// fitBudget makes room for a budget in the bound on output tokens, when that is neither the
// client's nor known of the model.
func (r *request) fitBudget(budget int64) {
	if !r.bounded && budget > 0 {
		r.limit = max(r.limit, budget+defaultMaxTokens)
	}
}

// callsWithoutThoughts reports whether the conversation ends in results of tool calls that
// carry no thinking.
func (r *request) callsWithoutThoughts() bool {
	for i := len(r.in.Messages) - 1; i >= 0; i-- {
		m := &r.in.Messages[i]
		switch {
		case m.IsResult():
		case m.Role == canonical.Assistant:
			return m.CallsTools() && !m.BringsThoughts()
		default:
			return false
		}
	}
	return false
}

// thinks reports whether the request asks for thinking.
func (r *request) thinks() bool {
	if own := r.plan.own; own != nil {
		return string(canonical.Text(own.Member("type"))) != "disabled"
	}
	return r.plan.kind == "adaptive" || r.plan.kind == "enabled"
}

// writeThinking writes thinking and output_config, the latter with the answer's schema.
func (r *request) writeThinking() error {
	r.MemberValue("thinking", r.plan.own)
	switch r.plan.kind {
	case "enabled":
		r.Name("thinking")
		r.Open('{')
		r.MemberLiteral("type", `"enabled"`)
		r.MemberInt("budget_tokens", r.plan.budget)
		r.Close('}')
	case "adaptive":
		thinking := `{"type":"adaptive"}`
		if r.model.hidesThinking() {
			thinking = `{"type":"adaptive","display":"summarized"}`
		}
		r.MemberLiteral("thinking", thinking)
	case "disabled":
		r.MemberLiteral("thinking", `{"type":"disabled"}`)
	}
	r.writeOutputConfig()
	return nil
}

// writeThoughts writes the thinking of an assistant message, which has to come before its
// tool calls.
func (r *request) writeThoughts(m *canonical.Message) {
	for t := range m.ClaudeThoughts {
		r.block()
		r.Open('{')
		if t.Data != nil {
			r.MemberLiteral("type", `"redacted_thinking"`)
			r.MemberValue("data", t.Data)
		} else {
			r.writeThought(t)
		}
		r.Close('}')
		r.open.marked = true // it can't be a cache breakpoint
	}
}

func (r *request) writeThought(t canonical.Thought) {
	r.MemberLiteral("type", `"thinking"`)
	if t.Thinking.Kind() != '"' {
		t.Thinking = canonical.Value(`""`)
	}
	r.MemberValue("thinking", t.Thinking)
	r.MemberValue("signature", t.Signature)
}
