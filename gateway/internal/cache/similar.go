package cache

import (
	"context"
	"crypto/sha256"
	"math/rand/v2"
	"time"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/similar"
)

// The bounds of the similarity cache.
const (
	// embedTimeout is how long the vector of a text may take. Then the request goes on without
	// it.
	embedTimeout = 500 * time.Millisecond
	// maxCompared is how much of a reply's text is kept to compare it with another one's, in
	// bytes.
	maxCompared = 16 << 10
)

// Embed computes the vector of a request's text with the model of a name, for the same
// caller.
type Embed func(ctx context.Context, req *llm.Request, model, text string) ([]float32, error)

// similarity is a slot's part in the similarity cache.
type similarity struct {
	// lookup is what the record says; nil when the route has no similarity cache.
	lookup *llm.SimilarLookup
	// query is the request's text; nil when it is not looked up.
	query *similar.Query
	// compared is the stored reply that the target's is compared with; nil without one.
	compared *Entry
	// text is the text of the target's reply so far, as the inside of a JSON string; plain is
	// that of a reply which is no stream.
	text  []byte
	plain string
}

// findSimilar looks for the reply to a request in other words, and reports whether the slot
// has got one.
func (s *Slot) findSimilar(ctx context.Context, req *llm.Request, route *llm.Route, d *llm.Decision, read bool) bool {
	o := &route.Similar
	if !o.On() {
		return false
	}
	s.similar.lookup = &llm.SimilarLookup{Mode: o.Mode}
	s.similar.lookup.Skipped = s.ask(ctx, req, route, d)
	if s.similar.lookup.Skipped == "" && !read {
		s.similar.lookup.Skipped = "it asks for a fresh reply"
	}
	if s.similar.lookup.Skipped != "" {
		return false
	}
	e, ok := s.match(o.Threshold)
	if !ok || s.similar.lookup.Refused != "" {
		return false
	}
	if o.Mode == llm.SimilarShadow || o.Sample > rand.Float64() {
		s.similar.compared = e
		return false
	}
	s.state, s.hit = llm.CacheSimilar, e
	return true
}

// ExplainSimilar returns what the similarity cache makes of a request now; nil when the route
// has none, or an equal request's reply answers it. It asks no embedder but the built-in one.
func (c *Cache) ExplainSimilar(ctx context.Context, req *llm.Request, route *llm.Route, d *llm.Decision) *llm.SimilarLookup {
	if !route.Similar.On() {
		return nil
	}
	s, r := c.open(ctx, req, route, d)
	if s.state == llm.CacheOff {
		return nil
	}
	s.shared = c.shared(ctx, req, route, d, r)
	read := !req.Cache.NoCache
	if read && (s.look(s.own) || s.look(s.shared)) {
		return nil
	}
	if e := route.Similar.Embedder; e != similar.Lexical {
		return &llm.SimilarLookup{Mode: route.Similar.Mode, Skipped: "the embedder " + e + " is not asked in a dry run"}
	}
	s.findSimilar(ctx, req, route, d, read)
	return s.similar.lookup
}

// ask makes the query of a request, or returns why it has none.
func (s *Slot) ask(ctx context.Context, req *llm.Request, route *llm.Route, d *llm.Decision) (skipped string) {
	o := &route.Similar
	in := req
	if !s.shared.IsZero() && req.Canonical != nil {
		canonical, err := req.Canonical(ctx)
		if err != nil {
			return "its canonical form can't be made"
		}
		in = canonical
	}
	read, skipped := similar.Read(in.Body, &req.Facts, o.MaxChars)
	if skipped != "" {
		return skipped
	}
	bound := *req // the text may go only where the request may
	bound.Demands = req.Demands.And(llm.Demands{Classes: d.Obligations.DataClasses, Regions: d.Obligations.Regions})
	vector, err := s.cache.embed(ctx, &bound, o.Embedder, read.Text)
	if err != nil {
		return "the embedder " + o.Embedder + " gave no vector: " + llm.AsError(err).Message
	}
	q, err := similar.NewQuery(s.cache.identity(in, route, d, read.Rest), read.Text, vector, o.Embedder == similar.Lexical)
	if err != nil {
		return "the embedder " + o.Embedder + " gave no usable vector: " + err.Error()
	}
	s.similar.query = q
	return ""
}

// identity is the key of everything in a request but its last text, of which rest is the body.
// Vectors of different embedders have nothing in common, so it also has the embedder.
func (c *Cache) identity(req *llm.Request, route *llm.Route, d *llm.Decision, rest []byte) similar.Key {
	without := *req
	without.Body = rest
	k := c.read(&without, route, d).key
	return sha256.Sum256(append(k[:], route.Similar.Embedder...))
}

// embed returns the vector of a text.
func (c *Cache) embed(ctx context.Context, req *llm.Request, model, text string) ([]float32, error) {
	if model == similar.Lexical {
		return similar.Embed(text), nil
	}
	ctx, stop := context.WithTimeout(ctx, embedTimeout)
	defer stop()
	return c.embedder(ctx, req, model, text)
}

// match looks the slot's query up, and returns the stored reply to the most similar text. It
// notes what was found.
func (s *Slot) match(threshold float64) (*Entry, bool) {
	m := s.cache.texts.Find(s.similar.query, threshold)
	if m.Similarity == 0 {
		return nil, false
	}
	e, ok := s.cache.Get(Key(m.Reply))
	switch {
	case !ok:
		s.cache.texts.Forget(s.similar.query.Identity, m.Reply)
		return nil, false
	case s.maxAge > 0 && e.Age(time.Now()) > s.maxAge:
		return nil, false
	}
	l := s.similar.lookup
	l.ID, l.Source, l.Similarity, l.Refused = m.Reply.ID(), e.Source, m.Similarity, m.Refused
	return e, true
}

// Similar returns what became of the request in the similarity cache; nil when the route has
// none.
func (s *Slot) Similar() *llm.SimilarLookup { return s.similar.lookup }

// keepText notes the text of an event, for a reply that may be compared with another one.
func (s *Slot) keepText(ev llm.Event) {
	switch {
	case s.similar.query == nil:
	case ev.Text != nil:
		s.similar.text = append(s.similar.text, ev.Text[:min(len(ev.Text), max(maxCompared-len(s.similar.text), 0))]...)
	case ev.Final && len(ev.Data) > 0 && s.similar.text == nil:
		s.similar.plain = similar.ReplyText(ev.Data)
	}
}

// compare compares the target's complete reply with the stored one, and puts its text into
// its entry.
func (s *Slot) compare(e *Entry) {
	if s.similar.query == nil {
		return
	}
	text := s.similar.plain
	if s.similar.text != nil {
		// A text that was cut within an escape is compared as it is written.
		text = string(jsontext.Text{Raw: s.similar.text}.Append(nil))
	}
	e.text = text[:min(len(text), maxCompared)]
	if other := s.similar.compared; other != nil && other.text != "" && text != "" {
		agreement := similar.Agreement(other.text, text)
		l := s.similar.lookup
		l.Agreement, l.Agreed = &agreement, agreement >= similar.MinAgreement
	}
}

// addText makes a stored reply one that similar requests find.
func (s *Slot) addText(k Key) {
	if s.similar.query != nil {
		s.cache.texts.Add(s.similar.query, similar.Key(k), s.recording.TTL)
	}
}

// PurgeID removes the replies with the ID that x-penstock-cache-id gave, and reports whether
// there were any.
func (c *Cache) PurgeID(id string) bool {
	replies := c.texts.Delete(id)
	for _, k := range replies {
		c.remove(Key(k))
	}
	return len(replies) > 0
}
