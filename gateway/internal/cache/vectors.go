package cache

import (
	"errors"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// vectors are those that are stored of a target's: one for each different element, nil for
// none. All are of the same model and length. They do not change.
type vectors struct {
	entries []*Entry
	found   int
}

// findVectors looks up the vectors of a request, and reports whether a target has given all of
// them. The first one that has answers the request.
func (s *Slot) findVectors() bool {
	for _, t := range s.elements.targets {
		v := s.vectorsOf(t)
		if v.found == len(v.entries) && s.serveVectors(v) {
			return true
		}
		if v.found > 0 {
			s.elements.keep(t, v)
		}
	}
	return false
}

// vectorsOf looks up the vectors of a target. If they are of different models or lengths, since
// the target's model was replaced, only those like the newest count.
func (s *Slot) vectorsOf(target string) *vectors {
	v := &vectors{entries: make([]*Entry, len(s.elements.keys))}
	var newest *Entry
	for i, k := range s.elements.keys {
		e, ok := s.cache.Get(vectorKey(k, target))
		if !ok || s.maxAge > 0 && e.Age(time.Now()) > s.maxAge {
			continue
		}
		v.entries[i] = e
		if newest == nil || e.Stored.After(newest.Stored) {
			newest = e
		}
	}
	for i, e := range v.entries {
		switch {
		case e == nil:
		case e.like(newest.Info.Model, newest.buf):
			v.found++
		default:
			v.entries[i] = nil
		}
	}
	return v
}

// like reports whether a stored vector goes together with another one.
func (e *Entry) like(model string, vector []byte) bool {
	return e.Info.Model == model && len(e.buf) == len(vector)
}

// goWith reports whether vectors that have come go together with each other and the stored
// ones.
func (v *vectors) goWith(came [][]byte, model string) bool {
	for _, vector := range came {
		if len(vector) != len(came[0]) {
			return false
		}
	}
	for _, e := range v.entries {
		if e != nil && !e.like(model, came[0]) {
			return false
		}
	}
	return true
}

// all are the vectors of the different elements; nil for those that are not stored.
func (v *vectors) all() [][]byte {
	out := make([][]byte, len(v.entries))
	for i, e := range v.entries {
		if e != nil {
			out[i] = e.buf
		}
	}
	return out
}

// serveVectors makes the reply of stored vectors the slot's, and reports whether it could. The
// reply is as old as the oldest of them.
func (s *Slot) serveVectors(v *vectors) bool {
	oldest, tokens := v.entries[0], int64(0)
	for _, at := range s.elements.which {
		e := v.entries[at]
		tokens = llm.Add(tokens, e.Info.Usage.Input)
		if e.Stored.Before(oldest.Stored) {
			oldest = e
		}
	}
	info := oldest.Info
	info.Usage = &llm.Usage{Input: tokens}
	hit, err := s.replyOf(v.all(), oldest.Info.Model, tokens, info)
	if err != nil {
		return false
	}
	hit.Target, hit.Source, hit.Stored, hit.asked = oldest.Target, oldest.Source, oldest.Stored, s.asked
	s.state, s.hit = llm.CacheHit, hit
	return true
}

// replyOf makes the reply that consists of vectors, which are those of the different elements.
func (s *Slot) replyOf(different [][]byte, model string, tokens int64, info llm.ReplyInfo) (*Entry, error) {
	body, err := s.elements.Reply(s.elements.listed(different), model, tokens)
	if err != nil {
		return nil, err
	}
	dialect := s.asked.dialect
	if dialect == llm.OpenAI {
		dialect = ""
	}
	e := &Entry{Info: info}
	e.Add(llm.Event{Frame: body, Data: body, Dialect: dialect, Final: true, Content: true})
	return e, nil
}

// Part returns what a target is to be asked for, each element once; nil for the whole request.
// Attempts may call it at the same time.
func (s *Slot) Part(t *llm.Target) (*llm.Part, error) {
	e := s.elements
	if e == nil {
		return nil, nil
	}
	v, whole := e.of(t.ID)
	missing, places := e.missing(v)
	if whole || len(missing) == len(e.which) {
		return nil, nil
	}
	req, err := e.Only(places)
	if err != nil {
		return nil, err
	}
	part := &llm.Part{Request: req}
	for _, at := range e.which {
		if found := v.entries[at]; found != nil {
			part.Stored++
			part.SavedTokens = llm.Add(part.SavedTokens, found.Info.Usage.Input)
		}
	}
	part.Join = func(reply llm.Stream) (llm.Stream, error) {
		defer reply.Close()
		whole, err := s.join(v, missing, req, reply)
		if err != nil {
			e.keep(t.ID, nil)
			return nil, &llm.Error{Code: llm.CodeUpstream, Status: http.StatusBadGateway, Fault: llm.FaultInadequate, Err: err,
				Message: t.ID + " gave embeddings that do not go with the stored ones: of another model or length."}
		}
		return whole, nil
	}
	return part, nil
}

// join puts a reply to the missing elements together with the stored vectors.
func (s *Slot) join(v *vectors, missing []int, asked *llm.Request, reply llm.Stream) (llm.Stream, error) {
	ev, err := reply.Next()
	if err != nil {
		return nil, err
	}
	came, model, err := s.elements.Vectors(ev.Data)
	if err != nil {
		return nil, err
	}
	if len(came) != len(missing) || !v.goWith(came, model) {
		return nil, errUnlike
	}
	all := v.all()
	for i, at := range missing {
		all[at] = came[i]
	}
	info := reply.Info()
	whole, err := s.replyOf(all, model, tokensOf(info, &asked.Facts), info)
	if err != nil {
		return nil, err
	}
	return whole.Replay(), nil
}

// errUnlike is the error for vectors that can't stand in one reply.
var errUnlike = errors.New("vectors of another model or length")

// tokensOf is how many tokens the reply to a request took, or probably did.
func tokensOf(info llm.ReplyInfo, asked *llm.Facts) int64 {
	if info.Usage != nil {
		return info.Usage.Input
	}
	return asked.EstInputTokens
}

// storeElements stores a target's complete reply by its elements. The store behind the cache
// keeps it whole, if it is not too large and the target was asked for all of it.
func (s *Slot) storeElements(last llm.Event, info llm.ReplyInfo) {
	e := s.cache.NewEntry(s.recording)
	e.Info, e.Stored, e.asked, e.epoch = info, time.Now(), s.asked, s.elements.epoch
	e.Add(last)
	if had, _ := s.elements.of(e.Target); had.found == 0 && e.Size() <= s.cache.maxItem {
		s.share(e)
	}
	s.storeVectors(e, s.recording.TTL)
}

// storeVectors stores those vectors of a whole reply that were not stored of its target.
func (s *Slot) storeVectors(reply *Entry, ttl time.Duration) {
	e := s.elements
	if len(reply.events) != 1 {
		return
	}
	all, model, err := e.Vectors(reply.at(0).Data)
	if err != nil || len(all) != len(e.which) || !(&vectors{}).goWith(all, model) {
		return
	}
	had, _ := e.of(reply.Target)
	asked, places := e.missing(had)
	var fresh []*stored
	for n, tokens := range e.shares(asked, tokensOf(reply.Info, e.facts)) {
		one := *reply
		one.buf, one.events = all[places[n]], nil
		one.Info.Model, one.Info.Usage = model, &llm.Usage{Input: tokens}
		fresh = append(fresh, &stored{key: vectorKey(e.keys[asked[n]], reply.Target), entry: &one})
	}
	s.cache.putAll(fresh, ttl)
}

// putAll stores entries as Put does.
func (c *Cache) putAll(all []*stored, ttl time.Duration) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed || ttl <= 0 {
		return
	}
	for _, v := range all {
		if cost := v.entry.Size(); cost <= c.maxItem && !c.purges.covers(v.entry) {
			c.offer(v, cost, ttl)
		}
	}
	c.store.Wait()
}
