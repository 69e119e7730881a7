package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Service is the gateway as applications use it. The methods are called concurrently,
// those without an error on every request, so that a reload can change what they return.
// A *llm.Error among the errors is sent to the caller.
type Service interface {
	// Serve carries one request to its last byte. An error before Start becomes an
	// error reply; after Start it ends a stream with an in-band error and aborts a
	// plain reply.
	Serve(ctx context.Context, req *llm.Request, w llm.Writer) error
	// KeyMode says whether callers need a virtual key.
	KeyMode() KeyMode
	// Authenticate returns the holder of a key. The token is not empty.
	Authenticate(ctx context.Context, token string) (llm.Principal, error)
	// Recognizes reports whether a token may be one that Authenticate has accepted lately. It
	// must cost little: it is asked about the tokens of addresses that send many wrong ones.
	Recognizes(token string) bool
	// Models lists the models that a caller may use, in the order of the reply.
	Models(ctx context.Context, who llm.Principal) ([]Model, error)
	// Model finds one model that a caller may use, whether Models lists it or not.
	Model(ctx context.Context, who llm.Principal, id string) (Model, bool)
	// Targets lists what may serve a model of Models, in its configured order.
	Targets(ctx context.Context, model string) []*llm.Target
	// Feedback stores what a caller says of the reply to one of its requests, and sets who said
	// it and when.
	Feedback(ctx context.Context, who llm.Principal, f *llm.Feedback) error
	// AllowedOrigins returns the origins whose pages may read replies of the data
	// handler: exact ones, or "*" for any.
	AllowedOrigins() []string
	// Ready reports whether requests can be served, with detail for operators that is
	// encoded as JSON.
	Ready(ctx context.Context) (ready bool, detail any)
}

// Formats are the wire formats that clients speak.
type Formats interface {
	// Paths lists the paths whose format is always there.
	Paths() []Path
	// Open returns how the client of one exchange speaks at a path. It is asked for every
	// request, and returns false for a path that is no format's: then the request's headers
	// say in which form errors are rendered, if not in that of chat completions.
	Open(path string, h http.Header, requestID string) (Format, bool)
	// Guess returns a path at which clients send bodies such as this one.
	Guess(body []byte) (path string, err error)
}

// Path is where clients reach a format, with a line for the index page.
type Path struct{ Path, Title string }

// Format is how the client of one exchange speaks. It is used by one goroutine at a time.
type Format interface {
	// Speaks returns the client's dialect.
	Speaks() llm.Dialect
	// Request reads a request. It sets what the format knows of it; who asks and how is
	// added by the caller. The error is a *llm.Error.
	Request(ctx context.Context, in llm.Incoming) (*llm.Request, error)
	// Writer returns where the events of a reply go on their way to w.
	Writer(ctx context.Context, w llm.Writer) llm.Writer
	// Error renders an error reply.
	Error(ctx context.Context, e *llm.Error) llm.Rendered
	// Break renders the event that ends a stream with an error.
	Break(ctx context.Context, e *llm.Error) []byte
	// StreamType is the Content-Type of streamed replies.
	StreamType() string
	// Close releases the format once the exchange is over.
	Close()
}

// Admin is the gateway as operators use it.
type Admin interface {
	admin.Operations
	// Metrics serves GET /metrics.
	Metrics() http.Handler
	// Audit stores who changed what, and logs when it can't.
	Audit(ctx context.Context, e audit.Entry)
	// CountRefused counts a caller without a valid key, by reason: RefusedMissing,
	// RefusedInvalid or RefusedThrottled. It must not block.
	CountRefused(reason string)
	// CountOverload counts a request that was refused for lack of capacity, by one of few
	// reasons. It must not block.
	CountOverload(reason string, p llm.Priority)
}

// The reasons for which callers are refused.
const (
	// RefusedMissing is for requests without a key where one is needed.
	RefusedMissing = "missing"
	// RefusedInvalid is for keys that are unknown, revoked, expired or malformed.
	RefusedInvalid = "bad"
	// RefusedThrottled is for keys that were not looked at, because very many invalid ones
	// came from their address.
	RefusedThrottled = "throttled"
)

// KeyMode says whether callers need a virtual key.
type KeyMode string

// The modes of keys.
const (
	// KeysOff reads no key: every caller is anonymous.
	KeysOff KeyMode = "off"
	// KeysOptional serves requests without a key as anonymous; a key that is sent must
	// be valid.
	KeysOptional KeyMode = "optional"
	// KeysRequired refuses requests without a valid key.
	KeysRequired KeyMode = "required"
)

// Model is one entry of a list of models.
type Model struct {
	ID      string
	OwnedBy string
	// Created is zero when unknown.
	Created time.Time
	// Context and MaxOutput are in tokens; 0 is unknown.
	Context, MaxOutput int64
	// Chat and Embeds say that it may answer conversations, and that it may make embeddings.
	Chat, Embeds bool
}
