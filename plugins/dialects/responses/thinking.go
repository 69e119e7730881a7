package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// reasoningPlan is how the model is to reason. The zero value leaves it to the provider.
type reasoningPlan struct {
	effort string
	// summary is the kind of summary to ask for.
	summary canonical.Value
}

// planReasoning decides on reasoning before anything is written, because other members depend
// on it.
func (r *request) planReasoning() {
	asked, ok := r.in.Reasoning()
	switch {
	case !ok:
	case asked.Off:
		r.planOff(&asked)
		return
	case r.family == plain:
		r.Drop(asked.Member)
		return
	case asked.HasEffort():
		r.plan.effort = asked.Effort
	case asked.Budget > 0:
		r.plan.effort = canonical.BudgetEffort(asked.Budget)
	}
	// OpenAI's chat completions show no reasoning for reasoning_effort; services with other
	// members for it do.
	r.plan.summary = r.in.ReasoningSummary()
	if r.plan.summary.Null() && ok && asked.Member != "reasoning_effort" && !r.in.HidesReasoning() {
		r.plan.summary = canonical.Value(`"auto"`)
	}
}

// planOff turns reasoning off, as far as the model allows it.
func (r *request) planOff(asked *canonical.Reasoning) {
	switch r.family {
	case plain:
	case always:
		r.Drop(asked.Member)
	case minimal:
		r.plan.effort = "minimal"
	case optional, standard:
		r.plan.effort = "none"
	default: // a default of another service's clients may not mean this model
		if asked.Member == "reasoning_effort" {
			r.plan.effort = asked.Effort
		}
	}
}

func (r *request) writeReasoning() error {
	if r.plan.effort == "" && r.plan.summary.Null() {
		return nil
	}
	r.Name("reasoning")
	r.Open('{')
	if r.plan.effort != "" {
		r.MemberText("effort", []byte(r.plan.effort))
	}
	r.MemberValue("summary", r.plan.summary)
	r.Close('}')
	return nil
}

// thoughtItem is an item of reasoning that is put together again from its details.
type thoughtItem struct {
	id, encrypted    canonical.Value
	summaries, texts []canonical.Value
}

// writeThoughts writes the reasoning that an assistant message brings back: the details of
// one item have its id in common, and the encrypted one is the last.
func (r *request) writeThoughts(m *canonical.Message) {
	var item thoughtItem
	for d := range m.DetailsOf(r.origin) {
		if item.encrypted != nil || !d.ID.Null() && !item.id.Null() && string(d.ID) != string(item.id) {
			r.writeThought(&item)
			item = thoughtItem{}
		}
		item.id = canonical.Or(item.id, d.ID)
		switch d.Kind {
		case canonical.SummaryDetail:
			item.summaries = append(item.summaries, d.Text)
		case canonical.TextDetail:
			item.texts = append(item.texts, d.Text)
		case canonical.EncryptedDetail:
			item.encrypted = d.Text
		}
	}
	r.writeThought(&item)
}

// writeThought writes an item of reasoning. OpenAI's models take only encrypted ones back, and
// encrypted ones do not need the text.
func (r *request) writeThought(item *thoughtItem) {
	readable := len(item.texts) > 0 && !r.family.isOpenAI()
	if item.encrypted == nil && !readable {
		return
	}
	r.beginItem()
	r.MemberLiteral("type", `"reasoning"`)
	r.MemberValue("id", item.id)
	r.Name("summary")
	r.writeTexts(`"summary_text"`, item.summaries)
	if readable {
		r.Name("content")
		r.writeTexts(`"reasoning_text"`, item.texts)
	}
	if item.encrypted != nil {
		r.encrypted = true
		r.MemberValue("encrypted_content", item.encrypted)
	}
	r.endItem()
}

func (r *request) writeTexts(kind string, texts []canonical.Value) {
	r.Open('[')
	for _, text := range texts {
		r.Open('{')
		r.MemberLiteral("type", kind)
		r.MemberValue("text", text)
		r.Close('}')
	}
	r.Close(']')
}
