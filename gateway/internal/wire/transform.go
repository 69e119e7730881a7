package wire

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// Transform is a plugin that changes requests and replies in the canonical form. Its
// errors are *llm.Error: a refusal is the caller's to read, a module that misbehaves
// is FaultTransform. It must be safe for concurrent use.
type Transform interface {
	// Request gives the changed body, or nil to leave it as it is.
	Request(ctx context.Context, x *llm.Exchange, body []byte) ([]byte, error)
	// Response gives the changed completion, or nil to leave it as it is.
	Response(ctx context.Context, x *llm.Exchange, status int, body []byte) ([]byte, error)
	// Events opens the way of one stream through the plugin; nil when it does not look
	// at streams.
	Events(ctx context.Context, x *llm.Exchange) (Filter, error)
}

// Filter is one stream on its way through a transform. It is used by one goroutine at
// a time.
type Filter interface {
	// Next gives the chunks that stand for this one, none or several, or says that it
	// is to be left as it is. They are valid JSON, and valid until the next call.
	Next(ctx context.Context, chunk []byte) (lines [][]byte, changed bool, err error)
	// End gives what is left to say before a complete stream ends.
	End(ctx context.Context) ([][]byte, error)
	// Close lets the plugin go. It may be called twice.
	Close()
}

// transformRequest passes a canonical request, x.Sent, through its route's transforms.
// The result is the request itself when nothing has changed, else a copy with the new body and facts,
// and the bound on output tokens that holds for it.
func (d *Dialects) transformRequest(ctx context.Context, x *llm.Exchange) (*llm.Request, int64, error) {
	body, last := x.Sent.Body, ""
	for _, name := range x.Route.Transforms {
		out, err := d.Transforms[name].Request(ctx, x, body)
		if err != nil {
			return nil, 0, err
		}
		if out != nil {
			body, last = out, name
		}
	}
	if last == "" {
		return x.Sent, x.MaxOutput, nil
	}
	return readmit(x, body, last)
}

// readmit reads a request that plugins have changed as strictly as a client's, and takes
// back what is not theirs to change.
func readmit(x *llm.Exchange, body []byte, plugin string) (*llm.Request, int64, error) {
	facts, err := scanAgain(body)
	if err == nil && facts.Stream != x.Request.Facts.Stream {
		body = setStream(body, &facts, x.Request.Facts.Stream)
		facts, err = scanAgain(body)
	}
	if err != nil {
		return nil, 0, &llm.Error{Code: llm.CodeInternal, Status: http.StatusBadGateway, Fault: llm.FaultTransform,
			Message: "The plugin " + plugin + " made a request that can't be sent.", Err: fmt.Errorf("read what plugin %s made: %w", plugin, err)}
	}
	req := *x.Sent
	req.Body, req.Facts = body, facts
	return &req, lowest(x, facts.MaxTokens), nil
}

// scanAgain reads the facts of a canonical request that a plugin has made.
func scanAgain(body []byte) (llm.Facts, error) {
	facts, _, err := intake.Scan(body, intake.Options{})
	return facts, err
}

// setStream makes the body ask for a stream, or not to.
func setStream(body []byte, f *llm.Facts, stream bool) []byte {
	value := strconv.AppendBool(nil, stream)
	if f.StreamAt.IsZero() {
		return apply(body, []edit{insert(f, append([]byte(`,"stream":`), value...))})
	}
	return apply(body, []edit{{f.StreamAt, value}})
}

// lowest is the bound on output tokens to set upstream, 0 for the body's own: what a
// plugin asks for counts where it is less than what was reserved.
func lowest(x *llm.Exchange, asked int64) int64 {
	bound := x.MaxOutput
	if bound == 0 {
		bound = x.Sent.Facts.MaxTokens
	}
	switch {
	case bound == 0 || asked == bound:
		return 0
	case asked > 0 && asked < bound:
		return 0
	}
	return bound
}

// transformResponse passes a completion through the route's transforms, the last one
// first.
func (d *Dialects) transformResponse(ctx context.Context, x *llm.Exchange, status int, body []byte) ([]byte, error) {
	for _, name := range slices.Backward(x.Route.Transforms) {
		out, err := d.Transforms[name].Response(ctx, x, status, body)
		if err != nil {
			return nil, err
		}
		if out == nil {
			continue
		}
		if c, ok := readChunk(out); !ok || !c.choices {
			return nil, notCompletion(name)
		}
		body = out
	}
	return body, nil
}

func notCompletion(plugin string) error {
	return &llm.Error{Code: llm.CodeInternal, Status: http.StatusBadGateway, Fault: llm.FaultTransform,
		Message: "The plugin " + plugin + " made something of the reply that is not a chat completion."}
}
