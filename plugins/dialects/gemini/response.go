package gemini

import "github.com/penstock/penstock/plugins/dialects/canonical"

// Response appends the completion that a plain reply of Google's becomes, or its error.
func (p *Provider) Response(out []byte, env *canonical.Envelope) []byte {
	w := canonical.Writer{B: out}
	m := readReply(env.Body)
	if env.Status < 200 || env.Status > 299 || !m.isReply() {
		writeFailure(&w, env, &m)
		return w.B
	}
	s := source{request: env.RequestID, custom: env.Context, origin: origin(env.Provider)}
	p.answers = p.answers[:0]
	for v := range m.candidates.Items {
		c := readCandidate(v)
		answer := s.answer(&c)
		if c.fails() && len(answer.Blocks) == 0 {
			failure := c.failure()
			failure.Write(&w, badGateway)
			return w.B
		}
		p.answers = append(p.answers, answer)
	}
	if len(p.answers) == 0 {
		p.answers = append(p.answers, canonical.Reply{Refusal: m.refusal(), Finish: canonical.Filtered})
	}
	reply := p.answers[0]
	reply.Others = p.answers[1:]
	reply.Model, reply.Usage, reply.ServiceTier = m.model, m.tokens(), m.serviceTier().String()
	reply.Write(&w, env)
	return w.B
}

// reply is an object that Google answers with: a whole reply, or an event of a streamed one.
// Its members are nil when absent.
type reply struct {
	candidates, feedback, model, usage, fault canonical.Value
}

func readReply(body canonical.Value) (m reply) {
	for key, v := range body.Members {
		switch string(key) {
		case "candidates":
			m.candidates = v
		case "promptFeedback":
			m.feedback = v
		case "modelVersion":
			m.model = v
		case "usageMetadata":
			m.usage = v
		case "error":
			m.fault = v
		}
	}
	return m
}

// isReply reports whether there is an answer, or the reason why there is none.
func (m *reply) isReply() bool { return canonical.Filled(m.candidates) || m.blocked() }

// blocked reports whether the prompt was blocked.
func (m *reply) blocked() bool { return !canonical.Empty(m.feedback.Member("blockReason")) }

// refusal says why the prompt was blocked.
func (m *reply) refusal() canonical.Value {
	if message := m.feedback.Member("blockReasonMessage"); len(canonical.Inside(message)) > 0 {
		return message
	}
	return sentence("The provider blocked the prompt: ", m.feedback.Member("blockReason"))
}

// sentence is a JSON string of some words and a value's.
func sentence(words string, v canonical.Value) canonical.Value {
	raw := canonical.Inside(v)
	if v.Kind() != '"' {
		raw = v
	}
	return append(append(append(canonical.Value{'"'}, words...), raw...), `."`...)
}

// serviceTier is the tier that the reply was served in. Vertex calls it the type of the traffic.
func (m *reply) serviceTier() canonical.Tier {
	return canonical.TierOf(canonical.Text(canonical.Or(m.usage.Member("serviceTier"), m.usage.Member("trafficType"))))
}

// candidate is one answer, or a piece of it, with its members; nil when absent.
type candidate struct {
	index                         int64
	parts, finish, message        canonical.Value
	grounding, citations, chances canonical.Value
}

func readCandidate(v canonical.Value) (c candidate) {
	for key, member := range v.Members {
		switch string(key) {
		case "index":
			c.index = canonical.Whole(member)
		case "content":
			c.parts = member.Member("parts")
		case "finishReason":
			c.finish = member
		case "finishMessage":
			c.message = member
		case "groundingMetadata":
			c.grounding = member
		case "citationMetadata":
			c.citations = member
		case "logprobsResult":
			c.chances = member
		}
	}
	return c
}

// stop is why the answer ended, Unfinished when it has not. Older clients get numbers in the
// place of Google's words.
func (c *candidate) stop() canonical.Finish {
	word := string(canonical.Text(c.finish))
	if c.finish.Kind() == '0' {
		word = string(c.finish)
	}
	switch word {
	case "", "0", "FINISH_REASON_UNSPECIFIED":
		return canonical.Unfinished
	case "2", "MAX_TOKENS":
		return canonical.CutShort
	case "3", "4", "6", "7", "8", "9", "11", "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR",
		"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION":
		return canonical.Filtered
	}
	return canonical.Stopped
}

// fails reports whether the answer ended because the model did what can't be used.
func (c *candidate) fails() bool {
	switch string(canonical.Text(c.finish)) {
	case "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE",
		"NO_IMAGE", "IMAGE_OTHER", "OTHER":
		return true
	}
	return false
}

// failure is the error of an answer that fails and says nothing.
func (c *candidate) failure() canonical.Failure {
	f := canonical.ServerError(canonical.Upstream, "The model's reply ended without an answer: ")
	f.Message = append(append(f.Message, canonical.Text(c.finish)...), '.')
	if message := canonical.Text(c.message); len(message) > 0 {
		f.Message = append(append(f.Message, ' '), message...)
	}
	return f
}

// refusal says why an answer was filtered, nil when it was not or nobody says.
func (c *candidate) refusal() canonical.Value {
	if c.stop() == canonical.Filtered && len(canonical.Inside(c.message)) > 0 {
		return c.message
	}
	return nil
}
