package httpapi

import (
	"context"
	"net/http"
	"time"

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
	Serve(ctx context.Context, req *llm.Request, w Writer) error
	// KeyMode says whether callers need a virtual key.
	KeyMode() KeyMode
	// Authenticate returns the holder of a key. The token is not empty.
	Authenticate(ctx context.Context, token string) (llm.Principal, error)
	// Models lists the models that a caller may use, in the order of the reply.
	Models(ctx context.Context, who llm.Principal) ([]Model, error)
	// Model finds one model that a caller may use, whether Models lists it or not.
	Model(ctx context.Context, who llm.Principal, id string) (Model, bool)
	// AllowedOrigins returns the origins whose pages may read replies of the data
	// handler: exact ones, or "*" for any.
	AllowedOrigins() []string
	// Ready reports whether requests can be served, with detail for operators that is
	// encoded as JSON.
	Ready(ctx context.Context) (ready bool, detail any)
}

// Formats is what the gateway knows of the wire formats that callers speak.
type Formats interface {
	// Scan reads the facts and cache instructions from a chat-completions body.
	Scan(body []byte) (llm.Facts, llm.CacheControl, error)
	// Endpoint returns the endpoint that the configuration defines for a path. It is asked
	// on every request to a path that has no route.
	Endpoint(path string) (Endpoint, bool)
}

// Admin is the gateway as operators use it.
type Admin interface {
	admin.Operations
	// Metrics serves GET /metrics.
	Metrics() http.Handler
	// CountRefused counts a caller without a valid key, by reason: RefusedMissing or
	// RefusedInvalid. It must not block.
	CountRefused(reason string)
}

// The reasons for which callers are refused.
const (
	// RefusedMissing is for requests without a key where one is needed.
	RefusedMissing = "missing"
	// RefusedInvalid is for keys that are unknown, revoked, expired or malformed.
	RefusedInvalid = "bad"
)

// Writer writes one reply. It is used by one goroutine at a time.
type Writer interface {
	// Start sets status and headers. It is called once, before the first event.
	Start(llm.Head) error
	// Event writes a frame, and flushes it when the reply is a stream. An error means
	// that the client is gone or has stopped reading.
	Event(llm.Event) error
	// KeepAlive writes a comment into an event stream. If nothing was sent before, the
	// stream begins with the given status and headers. Other replies have nothing that a
	// client would skip: then nothing is sent.
	KeepAlive(llm.Head) (sent bool, err error)
}

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

// Model is one entry of GET /v1/models.
type Model struct {
	ID      string
	OwnedBy string
	Created time.Time
}
