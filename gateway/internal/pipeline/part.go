package pipeline

import "github.com/penstock/penstock/gateway/internal/llm"

// takePart finds out what the target is to be asked for. Requests that the gateway makes on the
// side have no slot.
func (a *attempt) takePart() (err error) {
	if a.slot != nil {
		a.part, err = a.slot.Part(a.target)
	}
	return err
}

// request is what the target is asked for: the request, or the part of it that is not stored.
func (a *attempt) request() *llm.Request {
	if a.part != nil {
		return a.part.Request
	}
	return a.req
}

// join makes the whole reply of one to a part of the request. If that does not go with what is
// stored, it is the gateway's own doing: the provider is paid for it, and the caller is not
// charged.
func (a *attempt) join(reply llm.Stream) (llm.Stream, error) {
	if a.part == nil {
		return reply, nil
	}
	used := reply.Info().Billed(a.part.Request.Facts.EstInputTokens, true)
	whole, err := a.part.Join(reply)
	if err != nil {
		a.unlike = true
		a.entry.Usage, a.entry.Cost = used, a.target.Price.Cost(used)
	}
	return whole, err
}

// recordPart notes in the record that part of a reply was stored. What that would have cost
// is saved.
func (x *state) recordPart(a *attempt) {
	if a.part != nil && a.part.Stored > 0 {
		x.record.Cache = llm.CachePartial
		x.record.Saved = a.target.Price.Cost(llm.Usage{Input: a.part.SavedTokens})
	}
}
