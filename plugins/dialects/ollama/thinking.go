package ollama

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeThink writes how the model is to think: at a level where one is asked for, which
// models without levels take for yes.
func (r *request) writeThink() error {
	if r.in.HidesReasoning() {
		r.Drop("reasoning.exclude")
	}
	if !r.own.think.Null() {
		r.MemberValue("think", r.own.think)
		return nil
	}
	asked, ok := r.in.Reasoning()
	switch {
	case !ok:
	case asked.Off:
		r.MemberLiteral("think", "false")
	case asked.HasEffort():
		r.writeLevel(asked.Effort, asked.Member)
	case asked.Budget > 0:
		r.writeLevel(canonical.BudgetEffort(asked.Budget), asked.Member)
	default:
		r.MemberLiteral("think", "true")
	}
	return nil
}

// writeLevel writes one of Ollama's three levels. Member is who asks for it.
func (r *request) writeLevel(effort, member string) {
	switch effort {
	case "minimal":
		effort = "low"
	case "low", "medium", "high":
	case "xhigh", "max":
		effort = "high"
	default:
		r.Drop(member)
		return
	}
	r.MemberText("think", []byte(effort))
}
