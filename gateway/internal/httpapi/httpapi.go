// Package httpapi is the gateway's face: two HTTP handlers on an Echo router, one
// for applications and one for operators. It reads requests within bounds, finds
// out who asks, hands a llm.Request to the pipeline, writes the reply as it comes,
// and renders every error once, in the client's dialect.
//
// It decides nothing about models, policy or money, and it does not look inside
// request bodies: it is handed functions for all of that. It is the only importer
// of Echo, which serves as router alone; the http.Server is this package's own.
package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Writer takes one reply. It is used by one goroutine at a time.
type Writer interface {
	// Start gives status and headers. It is called once, before the first event.
	Start(llm.Head) error
	// Event writes a frame, and flushes it when the reply is a stream. An error means
	// that the client is gone or has stopped reading.
	Event(llm.Event) error
	// KeepAlive writes a comment into an event stream, which begins with the given status
	// and headers if nothing was sent before. Other replies have nothing that a client
	// would skip: then nothing is sent.
	KeepAlive(llm.Head) (sent bool, err error)
}

// Keys says whether callers must show a virtual key.
type Keys string

// The modes of Keys.
const (
	// KeysOff reads no key: every caller is anonymous.
	KeysOff Keys = "off"
	// KeysOptional takes callers without a key as anonymous; a key that is shown must
	// be good.
	KeysOptional Keys = "optional"
	// KeysRequired refuses callers without a good key.
	KeysRequired Keys = "required"
)

// AdminAuth says who may use the admin listener.
type AdminAuth string

// The modes of AdminAuth.
const (
	// AdminLoopback lets in whoever sits at this machine: loopback address, loopback
	// Host header, same Origin.
	AdminLoopback AdminAuth = "loopback"
	// AdminKey asks for a virtual key with the role admin.
	AdminKey AdminAuth = "key"
)

// RoleAdmin is the role that opens the admin API.
const RoleAdmin = "admin"

// Model is one entry of GET /v1/models.
type Model struct {
	ID      string
	OwnedBy string
	Created time.Time
}

// Options are the functions behind the endpoints. Serve, Scan and Authenticate are
// required; an endpoint whose function is nil answers 404. All of them are called
// concurrently, and a *llm.Error among their errors is shown to the caller.
type Options struct {
	// Serve carries one request to its last byte. An error before Start becomes an
	// error reply; after Start it ends a stream with an in-band error and aborts a
	// plain reply.
	Serve func(ctx context.Context, req *llm.Request, w Writer) error
	// Scan reads the facts and cache instructions from a body.
	Scan func(body []byte) (llm.Facts, llm.CacheControl, error)
	// Authenticate finds who holds a key. The token is not empty.
	Authenticate func(ctx context.Context, token string) (llm.Principal, error)
	// Keys is asked on every request, so that a reload can change it; nil means off.
	Keys func() Keys
	// Endpoint finds the further endpoint that serves a path; nil means that there are
	// none. It is asked on every request to a path that has no route.
	Endpoint func(path string) (Endpoint, bool)
	// Models lists what this caller may ask for, in the order to show.
	Models func(ctx context.Context, who llm.Principal) ([]Model, error)
	// Model finds one model that this caller may ask for, listed or not. It is needed
	// where there are Models.
	Model func(ctx context.Context, who llm.Principal, id string) (Model, bool)
	// Origins are the origins whose pages may read replies of the data handler: exact
	// ones, or "*" for any. It is asked on every request; nil means none.
	Origins func() []string
	// Refused is told of every caller without a good key, and why: RefusedMissing or
	// RefusedBad. It must not block; nil means that nobody counts.
	Refused func(reason string)

	// Ready reports whether requests can be served, with detail for operators that is
	// rendered as JSON; nil means always.
	Ready func(ctx context.Context) (ready bool, detail any)
	// Metrics serves GET /metrics.
	Metrics http.Handler
	// Record finds the record of one request.
	Record func(ctx context.Context, id string) (any, error)
	// Budgets lists what is used and reserved of every limit, and Correct sets what one of
	// them has used. Nil leaves them out.
	Budgets func(context.Context) (any, error)
	Correct func(context.Context, Correction) (any, error)
	// Spend sums up what was used since and until, grouped by the given dimensions.
	// The answer marshals to {"rows": […], "total": {…}}; rows are also offered as CSV.
	Spend func(ctx context.Context, by []string, since, until time.Time) (any, error)
	// Explain says what would happen to a request of that caller, without doing it.
	Explain func(ctx context.Context, req *llm.Request, as Asker) (any, error)
	// Purge forgets cached replies.
	Purge func(ctx context.Context, what Purge) error
	// Reload loads configuration, policies and modules again.
	Reload func(ctx context.Context) (any, error)
	// AdminAuth guards the admin handler; empty means AdminLoopback.
	AdminAuth AdminAuth

	// Limits bounds bodies, waits and load.
	Limits Limits
	// Log receives faults of the gateway's own; nil discards them.
	Log *slog.Logger
}

// Purge says which cached replies to forget: all, or those of a model, a target or a
// namespace. Exactly one member is set.
type Purge struct {
	All              bool
	Model, Namespace string
}

// Limits bounds one server. Zero values mean the defaults given.
type Limits struct {
	// Body is the most bytes a request body may have, inflated; 32 MiB.
	Body int64
	// Header is how long a client may take to send its headers; 5 s.
	Header time.Duration
	// Bodies is the most bytes that requests in hand may hold together: their bodies,
	// inflated, and plain replies. 512 MiB. Beyond it callers are told to come back.
	Bodies int64
	// BodiesPerCaller is the same for one key, or for one address where there is no key;
	// half of Bodies, but no less than Body.
	BodiesPerCaller int64
	// BodyTime is how long a body may take to arrive; 2 min.
	BodyTime time.Duration
	// BodyStall is how long a body may pause, and the grace before a body slower than
	// 8 KiB/s is cut; 10 s.
	BodyStall time.Duration
	// Write is how long a client may go without taking a byte of its reply; 30 s. It
	// holds on a Listener.
	Write time.Duration
	// Idle is how long an unused connection is kept; 2 min.
	Idle time.Duration
	// Requests is how many requests to the data handler may be in hand at once; 16,384.
	// Beyond it callers are told to come back.
	Requests int64
}

func (l Limits) withDefaults() Limits {
	orElse(&l.Body, 32<<20)
	orElse(&l.Header, 5*time.Second)
	orElse(&l.Bodies, 512<<20)
	orElse(&l.BodiesPerCaller, max(l.Bodies/2, l.Body))
	orElse(&l.BodyTime, 2*time.Minute)
	orElse(&l.BodyStall, 10*time.Second)
	orElse(&l.Write, 30*time.Second)
	orElse(&l.Idle, 2*time.Minute)
	orElse(&l.Requests, 16_384)
	return l
}

func orElse[T int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// API holds the two handlers. It starts no goroutines and needs no closing.
type API struct {
	o        Options
	limits   Limits
	log      *slog.Logger
	inflight atomic.Int64
	memory   *memory
	refusals *refusals
	data     []route
	admin    []route

	// Data serves applications, Admin operators.
	Data, Admin http.Handler
}

// New builds the handlers.
func New(o Options) (*API, error) {
	if o.Serve == nil || o.Scan == nil || o.Authenticate == nil {
		return nil, errors.New("httpapi needs Serve, Scan and Authenticate")
	}
	if o.Models != nil && o.Model == nil {
		return nil, errors.New("httpapi needs Model where there are Models")
	}
	if o.Keys == nil {
		o.Keys = func() Keys { return KeysOff }
	}
	if o.Origins == nil {
		o.Origins = func() []string { return nil }
	}
	if o.Refused == nil {
		o.Refused = func(string) {}
	}
	if o.AdminAuth == "" {
		o.AdminAuth = AdminLoopback
	}
	if o.Ready == nil {
		o.Ready = func(context.Context) (bool, any) { return true, nil }
	}
	a := &API{o: o, limits: o.Limits.withDefaults(), log: o.Log}
	a.memory, a.refusals = newMemory(a.limits.Bodies, a.limits.BodiesPerCaller), newRefusals()
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.data, a.admin = a.dataRoutes(), a.adminRoutes()
	a.Data = a.crossOrigin(a.handler(a.data, a.further))
	a.Admin = a.handler(a.admin, nil)
	return a, nil
}

// Inflight is how many requests to the data handler are in hand.
func (a *API) Inflight() int64 { return a.inflight.Load() }

// Held is how many bytes of bodies and plain replies the requests in hand hold.
func (a *API) Held() int64 { return a.memory.held() }
