package gemini

import "github.com/penstock/penstock/plugins/dialects/canonical"

// Start prepares for a stream.
func (p *Provider) Start(env *canonical.Envelope) {
	custom := env.Context.Member("custom")
	if len(custom) > maxKept {
		custom = nil
	}
	p.stream = stream{provider: env.Provider[:min(len(env.Provider), maxKept)], request: env.RequestID[:min(len(env.RequestID), maxKept)],
		custom: custom}
}

// Event turns one event of Google's into chunks. Each is a reply with the next pieces of its
// answers.
func (p *Provider) Event(c *canonical.Chunks, _, data []byte) {
	v, ok := c.Object(data)
	if !ok {
		return
	}
	m := readReply(v)
	r := reader{Chunks: c, stream: &p.stream}
	if m.fault.Kind() == '{' {
		r.Fail(failureOf(m.fault))
		return
	}
	r.SetModel(m.model)
	r.count(&m)
	for v := range m.candidates.Items {
		one := readCandidate(v)
		if r.candidate(&one); r.Ended() {
			return
		}
	}
	if r.begun == 0 && m.blocked() {
		r.choose(0)
		r.Refusal(m.refusal())
		r.stop(canonical.Filtered)
	}
}

// End ends the reply. Google's streams have no last event: a reply is complete when each of
// its answers has said why it ended.
func (p *Provider) End(c *canonical.Chunks) {
	r := reader{Chunks: c, stream: &p.stream}
	if r.begun == 0 || r.begun != r.stopped {
		r.Interrupted()
		return
	}
	for index := range int64(canonical.MaxChoices) {
		if r.begun&(1<<index) != 0 && r.Choose(index) {
			r.Finish()
		}
	}
	total := r.usage.canonical()
	total.WebSearches = r.searches
	r.Usage(total)
	r.Done()
}

// reader reads one event of a stream and writes its chunks.
type reader struct {
	*canonical.Chunks
	*stream
}

// count takes in what an event counts. The host is told of the prompt once: what has been
// written so far it sees itself.
func (r *reader) count(m *reply) {
	r.usage.read(m.usage)
	r.searches = max(r.searches, m.searches())
	if r.usage.known && !r.noted {
		r.noted = true
		total := r.usage.canonical()
		total.Completion, total.Reasoning, total.AudioCompletion, total.ImageCompletion = 0, 0, 0, 0
		total.Tier = m.serviceTier()
		r.NoteUsage(total)
	}
}

// choose makes an answer the current one and begins it; false for one out of range.
func (r *reader) choose(index int64) bool {
	if !r.Choose(index) {
		r.Fail(canonical.ServerError(canonical.Upstream, "The provider's stream holds an answer with an index out of range."))
		return false
	}
	r.begun |= 1 << index
	r.Open()
	return true
}

// stop notes why the current answer ends, unless it does not.
func (r *reader) stop(f canonical.Finish) {
	if f != canonical.Unfinished {
		r.SetFinish(f)
		r.stopped |= 1 << r.Index()
	}
}

// candidate sends what an event adds to one answer.
func (r *reader) candidate(c *candidate) {
	if !r.choose(c.index) {
		return
	}
	logprobs := canonical.Value(appendLogprobs(nil, c.chances))
	s := source{request: r.request, custom: r.context(), origin: origin(r.provider), calls: r.Calls()}
	for v := range c.parts.Items {
		p := readPart(v)
		b, ok := s.block(&p)
		if ok {
			r.block(&b, logprobs)
			if b.Kind == canonical.TextBlock {
				logprobs = nil
			}
		}
		if d, signed := detail(&p, &b); signed {
			r.Detail(r.NewDetail(), d, &s.origin, true)
		}
	}
	if c.fails() && r.Calls() == 0 && r.TextLen() == 0 && !r.made {
		r.Fail(c.failure())
		return
	}
	r.cite(c)
	if why := c.refusal(); why != nil {
		r.Refusal(why)
	}
	r.stop(c.stop())
}

// block sends a piece of an answer.
func (r *reader) block(b *canonical.Block, logprobs canonical.Value) {
	switch b.Kind {
	case canonical.TextBlock:
		raw := canonical.Inside(b.Text)
		r.text.add(raw, r.Index())
		r.TextWith(raw, logprobs)
	case canonical.ThinkingBlock:
		r.Reasoning(canonical.Inside(b.Thinking))
	case canonical.CallBlock, canonical.CustomBlock:
		r.WholeCall(b)
	case canonical.MediaBlock:
		r.made = true
		r.Media(b)
	}
}

// cite remembers the pages that the text so far refers to.
func (r *reader) cite(c *candidate) {
	for ref := range c.references {
		if !ref.whole && ref.part == 0 && r.Index() == 0 && !r.text.full {
			ref.page.Exact, ref.page.From, ref.page.To = true, r.text.runesAt(ref.from), r.text.runesAt(ref.to)
		}
		r.CiteIn(ref.page, 0, r.TextLen())
	}
}
