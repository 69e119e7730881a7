package wire

import (
	"context"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// ClientModule translates between a wire format of clients and the canonical form, for one
// exchange. Its errors are *llm.Error.
type ClientModule interface {
	// Accept makes a canonical request of what the client sent.
	Accept(ctx context.Context, in llm.Incoming) (Accepted, error)
	// Render puts a whole reply, or an error, into the format.
	Render(ctx context.Context, out Outgoing) (llm.Rendered, error)
	// Stream opens a streamed reply.
	Stream(ctx context.Context, out Outgoing) (Frames, error)
	// Close releases the module once the exchange is over.
	Close()
}

// Accepted is what a module makes of a client's request.
type Accepted struct {
	// Body is the canonical request.
	Body []byte
	// Context is a JSON object that the module gets again with the reply, or nil.
	Context []byte
}

// Frames puts a stream of canonical chunks into a client's format. What it returns is
// valid until the next call.
type Frames interface {
	// Next renders a chunk, or {"error":{…}}.
	Next(ctx context.Context, chunk []byte) ([]byte, error)
	// End gives what is left to say once the stream is complete.
	End(ctx context.Context) ([]byte, error)
	Close()
}

// Outgoing is a reply in the canonical form: a completion or {"error":{…}}, or the
// beginning of a stream, which has no body.
type Outgoing struct {
	RequestID string
	Created   time.Time
	Status    int
	Body      []byte
	// Context is that of the request, nil without one.
	Context []byte
}
