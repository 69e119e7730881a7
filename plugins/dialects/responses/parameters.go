package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeSampling writes temperature and top_p where the model takes them.
func (r *request) writeSampling() error {
	if err := r.sampling("temperature", r.in.Temperature); err != nil {
		return err
	}
	return r.sampling("top_p", r.in.TopP)
}

func (r *request) sampling(name string, v canonical.Value) error {
	if v.Null() {
		return nil
	}
	x, ok := v.Number()
	switch {
	case !ok:
		return canonical.Reject(name, "must be a number")
	case r.family.samples(r.plan.effort):
		r.MemberValue(name, v)
	case x != 1: // the default
		r.Drop(name)
	}
	return nil
}

// writeInclude asks for what replies leave out by default: the encrypted reasoning that the
// next request brings back, since nothing is kept, and the probabilities of tokens.
func (r *request) writeInclude() error {
	mark := len(r.B)
	r.Name("include")
	r.Open('[')
	start := len(r.B)
	if r.family.reasons() || r.encrypted {
		r.Literal(`"reasoning.encrypted_content"`)
	}
	if r.writeLogprobs() {
		r.Literal(`"message.output_text.logprobs"`)
	}
	for v := range r.own.include.Items {
		switch string(canonical.Text(v)) {
		case "reasoning.encrypted_content", "message.output_text.logprobs":
			continue // written above, or not accepted by the model
		}
		r.Value(v)
	}
	if len(r.B) == start {
		r.B = r.B[:mark]
		return r.topLogprobs()
	}
	r.Close(']')
	return r.topLogprobs()
}

// writeLogprobs reports whether the probabilities of tokens are asked for and given.
func (r *request) writeLogprobs() bool {
	if r.own.logprobs.Kind() != 't' {
		return false
	}
	if !r.family.samples(r.plan.effort) {
		r.Drop("logprobs")
		return false
	}
	return true
}

// topLogprobs writes how many alternatives to each token are wanted.
func (r *request) topLogprobs() error {
	if r.own.logprobs.Kind() == 't' && r.family.samples(r.plan.effort) {
		r.MemberValue("top_logprobs", r.own.topLogprobs)
	}
	return nil
}
