package gemini

import "github.com/penstock/penstock/plugins/dialects/canonical"

// thinkingPlan is how the model is to think. The zero value leaves it to the model.
type thinkingPlan struct {
	level string
	// budget is in tokens, if hasBudget.
	budget    int64
	hasBudget bool
	// shown asks for a summary of the thoughts.
	shown bool
}

// planThinking decides on thinking.
func (r *request) planThinking() {
	asked, ok := r.in.Reasoning()
	switch {
	case !ok:
	case !r.model.thinks():
		if !asked.Off {
			r.Drop(asked.Member)
		}
	case r.model.levels():
		r.planLevel(&asked)
	default:
		r.planBudget(&asked)
	}
}

// planLevel asks for a level. None of these models can be told not to think.
func (r *request) planLevel(asked *canonical.Reasoning) {
	p := &r.think
	switch {
	case asked.Off:
		p.level = r.model.level("none")
		r.Drop(asked.Member)
	case asked.HasEffort() && canonical.EffortBudget(asked.Effort) == 0:
		r.Drop(asked.Member) // a level that does not exist
	case asked.HasEffort():
		p.level = r.model.level(asked.Effort)
	case asked.Budget > 0:
		p.level = r.model.level(canonical.BudgetEffort(asked.Budget))
	}
	p.shown = !asked.Off && !r.in.HidesReasoning()
}

// planBudget gives thinking a budget in tokens.
func (r *request) planBudget(asked *canonical.Reasoning) {
	p := &r.think
	budget := asked.Budget
	if budget <= 0 {
		budget = canonical.EffortBudget(asked.Effort)
	}
	switch {
	case asked.Off:
		p.budget, p.hasBudget = r.model.budget(0), true
		if p.budget > 0 {
			r.Drop(asked.Member)
		}
		return
	case budget > 0:
		p.budget, p.hasBudget = r.model.budget(budget), true
	case asked.HasEffort():
		r.Drop(asked.Member) // a level that does not exist
		return
	}
	p.shown = !r.in.HidesReasoning()
}

// writeThinking writes the plan, if there is one.
func (r *request) writeThinking() {
	p := &r.think
	if *p == (thinkingPlan{}) {
		return
	}
	r.Name("thinkingConfig")
	r.Open('{')
	if p.shown {
		r.MemberLiteral("includeThoughts", "true")
	}
	if p.hasBudget {
		r.MemberInt("thinkingBudget", p.budget)
	}
	if p.level != "" {
		r.MemberText("thinkingLevel", []byte(p.level))
	}
	r.Close('}')
}
