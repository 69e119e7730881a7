package cohere

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeThinking writes how the model is to think. A request in Cohere's own words goes out
// as it came.
func (r *request) writeThinking() error {
	if r.in.HidesReasoning() {
		r.Drop("reasoning.exclude")
	}
	asked, ok := r.in.Reasoning()
	switch {
	case !ok:
	case !r.model.thinks:
		if !asked.Off {
			r.Drop(asked.Member)
		}
	case !r.in.Thinking.Member("token_budget").Null():
		r.MemberValue("thinking", r.in.Thinking)
	case asked.Off:
		r.MemberLiteral("thinking", `{"type":"disabled"}`)
	default:
		r.writeBudget(&asked)
	}
	return nil
}

// writeBudget turns thinking on. Without a budget the model thinks as much as it likes, which
// is what the highest levels ask for.
func (r *request) writeBudget(asked *canonical.Reasoning) {
	budget := asked.Budget
	if budget == 0 && asked.HasEffort() {
		switch budget = canonical.EffortBudget(asked.Effort); asked.Effort {
		case "high", "xhigh", "max":
			budget = 0
		default:
			if budget == 0 {
				r.Drop(asked.Member) // a level that does not exist
				return
			}
		}
	}
	if limit := r.in.MaxTokens(); limit > 0 && budget >= limit {
		budget = limit / 4 * 3 // it has to leave room for the answer
	}
	r.Name("thinking")
	r.Open('{')
	r.MemberLiteral("type", `"enabled"`)
	if budget > 0 {
		r.MemberInt("token_budget", budget)
	}
	r.Close('}')
}
