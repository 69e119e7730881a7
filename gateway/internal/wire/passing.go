package wire

import (
	"context"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// passing reads answers that are in the client's own format and pass on as they are.
type passing struct {
	// events reads the events of a stream; nil for an endpoint without streams.
	events func(d *Dialects, x *llm.Exchange, a *llm.Answer) eventReader
	// failure is the error that a body is.
	failure func(d *Dialects, a *llm.Answer, body []byte) *llm.Error
	// whole checks that a body is a whole reply and makes a stream of it.
	whole func(d *Dialects, x *llm.Exchange, a *llm.Answer, body []byte) (llm.Stream, error)
}

// read is a Format's.
func (p passing) read(d *Dialects, _ context.Context, x *llm.Exchange, a *llm.Answer) (llm.Stream, error) {
	if p.events != nil && succeeded(a) && comesAsEvents(a) {
		if !x.Sent.Facts.Stream {
			a.Body.Close()
			return nil, malformed("a stream in answer to a request for a plain reply", nil)
		}
		return newFrames(d, a, p.events(d, x, a)), nil
	}
	defer a.Body.Close()
	body, err := d.body(x, a)
	switch {
	case err != nil:
		return nil, err
	case !succeeded(a):
		return nil, p.failure(d, a, body)
	}
	return p.whole(d, x, a, body)
}
