package ollama

import "github.com/penstock/penstock/plugins/dialects/canonical"

// writeOptions writes the model's options: the request's own in Ollama's words, and those
// members of the request that are options at Ollama's. The bound on output tokens is always
// the request's: the gateway may have lowered it.
func (r *request) writeOptions() error {
	mark := len(r.B)
	r.Name("options")
	r.Open('{')
	start, limit := len(r.B), r.in.MaxTokens()
	for key, v := range r.own.options.Members {
		if limit == 0 || string(key) != "num_predict" {
			r.Key(key)
			r.Value(v)
		}
	}
	if limit > 0 {
		r.MemberInt("num_predict", limit)
	}
	for _, m := range r.in.Members {
		if name := string(m.Key); isOption(name) && r.own.options.Member(name).Null() && (name != "num_predict" || limit == 0) {
			if err := r.writeOption(name, m.Value); err != nil {
				return err
			}
		}
	}
	if len(r.B) == start {
		r.B = r.B[:mark]
		return nil
	}
	r.Close('}')
	return nil
}

// writeOption writes a number, or the stop sequences as a list.
func (r *request) writeOption(name string, v canonical.Value) error {
	if name == "stop" {
		r.writeStop(v)
		return nil
	}
	if _, ok := v.Number(); !ok {
		return canonical.Reject(name, "must be a number")
	}
	r.Name(name)
	r.Value(v)
	return nil
}

func (r *request) writeStop(stop canonical.Value) {
	mark := len(r.B)
	r.Name("stop")
	r.Open('[')
	start := len(r.B)
	add := func(v canonical.Value) bool {
		if len(canonical.Inside(v)) > 0 {
			r.Value(v)
		}
		return true
	}
	stop.Items(add)
	add(stop)
	if len(r.B) == start {
		r.B = r.B[:mark]
		return
	}
	r.Close(']')
}

// isOption reports whether a member of the request is an option of that name at Ollama's.
func isOption(name string) bool {
	switch name {
	case "frequency_penalty", "min_p", "mirostat", "mirostat_eta", "mirostat_tau", "num_ctx", "num_keep", "num_predict",
		"presence_penalty", "repeat_last_n", "repeat_penalty", "seed", "stop", "temperature", "top_k", "top_p", "typical_p":
		return true
	}
	return false
}
