package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// Response appends the completion that a plain reply becomes, or its error.
func (p *Provider) Response(out []byte, env *canonical.Envelope) []byte {
	w := canonical.Writer{B: out}
	m := readResponse(env.Body)
	if env.Status < 200 || env.Status > 299 || !m.isReply() {
		writeFailure(&w, env, &m)
		return w.B
	}
	o := &p.output
	o.read(m.output)
	reply := canonical.Reply{Model: m.model, Blocks: o.blocks, Details: o.details, Origin: origin(env.Provider), Logprobs: o.logprobs,
		Refusal: o.refusal, Finish: m.finish(), Usage: m.tokens(o.searches), ServiceTier: string(canonical.Text(m.serviceTier))}
	reply.Write(&w, env)
	return w.B
}

// response is the object that the API answers with, and that streams begin and end with; its
// members are nil when absent.
type response struct {
	// typed is set when its object is "response".
	typed                             bool
	model, output, usage, serviceTier canonical.Value
	status, incomplete, fault         canonical.Value
	toolUsage                         canonical.Value
}

func readResponse(body canonical.Value) (m response) {
	for key, v := range body.Members {
		switch string(key) {
		case "object":
			m.typed = string(canonical.Text(v)) == "response"
		case "model":
			m.model = v
		case "output":
			m.output = v
		case "usage":
			m.usage = v
		case "service_tier":
			m.serviceTier = v
		case "status":
			m.status = v
		case "incomplete_details":
			m.incomplete = v
		case "error":
			m.fault = v
		case "tool_usage":
			m.toolUsage = v
		}
	}
	return m
}

// isReply reports whether this is a response that has ended well, though maybe early.
func (m *response) isReply() bool {
	return m.output.Kind() == '[' && !m.fails() && !m.unfinished()
}

// fails reports whether the response has failed.
func (m *response) fails() bool {
	switch string(canonical.Text(m.status)) {
	case "failed", "cancelled":
		return true
	}
	return !m.fault.Null()
}

// unfinished reports whether the answer is still to be made.
func (m *response) unfinished() bool {
	switch string(canonical.Text(m.status)) {
	case "queued", "in_progress":
		return true
	}
	return false
}

// finish is why the reply ended. Whether it calls tools is seen from its items.
func (m *response) finish() canonical.Finish {
	if string(canonical.Text(m.status)) != "incomplete" {
		return canonical.Stopped
	}
	if string(canonical.Text(m.incomplete.Member("reason"))) == "content_filter" {
		return canonical.Filtered
	}
	return canonical.CutShort
}
