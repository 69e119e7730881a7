package pipeline

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Stages are what the steps of a request hand over to. All but Sinks are required, and all
// must be safe for concurrent use.
type Stages struct {
	Routes Routes
	Policy Policy
	Cache  Cache
	// Classifier is asked where a route has an endpoint that labels requests.
	Classifier Classifier
	Router     Router
	Dialects   Dialects
	Upstream   Upstream
	Health     Health
	Capacity   Capacity
	Prompts    Prompts
	Outputs    Outputs
	Meter      Meter
	Tokens     Tokens
	Ledger     Ledger
	// Sinks are called once with the record of every request, one after the other, after
	// it was written. They must not change it.
	Sinks []func(*llm.Record)
	// Log receives faults that are no longer the caller's, such as a ledger that can't be
	// written.
	Log *slog.Logger
	// Now is the clock.
	Now func() time.Time
}

// Routes finds the route of a request, and says by which steps from the model that it names.
// Its error is the caller's: it says which names are near.
type Routes interface {
	Find(req *llm.Request) (*llm.Route, []llm.Choice, error)
}

// Policy decides on admission. An error denies.
type Policy interface {
	Decide(ctx context.Context, req *llm.Request, route *llm.Route) (llm.Decision, error)
}

// Cache keeps complete replies, and lets equal requests in flight share one.
type Cache interface {
	// Find looks a request up, once. Its error is the caller's.
	Find(ctx context.Context, req *llm.Request, route *llm.Route, d *llm.Decision) (Slot, error)
	// ExplainSimilar returns what Find would make of a request by the reply to one in other
	// words; nil for nothing.
	ExplainSimilar(ctx context.Context, req *llm.Request, route *llm.Route, d *llm.Decision) *llm.SimilarLookup
}

// Slot is one request's place in the cache: a hit, a miss to be filled, a follower of another
// request that is under way, or off.
type Slot interface {
	// State is a miss once a reply that was found could not be used.
	State() llm.CacheState
	// Reply returns a stored reply, or the one of the request that is followed: then it waits
	// until that has begun. It is nil when the request is to be sent, which a follower's is, too,
	// when the request that it follows fails. The error is the one that the requests have had
	// that it has followed.
	Reply(ctx context.Context) (*llm.StoredReply, error)
	// Discard gives up a reply that could not be used. Reply may have another one then.
	Discard()
	// Context returns the context for a request that is sent: it goes on when the caller hangs
	// up as long as others follow.
	Context(ctx context.Context) context.Context
	// Part returns what a target is to be asked for while the rest of the reply is stored; nil
	// for the whole request. Attempts may call it at the same time.
	Part(t *llm.Target) (*llm.Part, error)
	// Fill passes the reply of a target through to those who follow, and stores it once it is
	// complete if it may be stored. Closing the returned stream closes reply.
	Fill(reply llm.Stream, t *llm.Target) llm.Stream
	// Similar is what became of the request in the similarity cache; nil when the route has
	// none. It is complete once the reply is.
	Similar() *llm.SimilarLookup
	// Followed reports whether others follow the request.
	Followed() bool
	// Wanted reports the same when nobody else needs the reply. Once it has reported false, nobody
	// can.
	Wanted() bool
	// Close must be called at the end of the request, with its error. It may be called twice.
	Close(err error)
}

// Router ranks candidates, best first. It never fails: on a fault it gives the
// configured order and says so.
type Router interface {
	Rank(ctx context.Context, req *llm.Request, route *llm.Route, c []llm.Candidate) llm.Ranking
}

// Classifier has endpoints label requests.
type Classifier interface {
	// Label returns the label of what is asked by the endpoint c, or why there is none. Ask has
	// c's target answer; it is not called for an API, nor where the answer is known or c has
	// failed of late. ctx ends when the time for it is over.
	Label(ctx context.Context, c *llm.Classify, q llm.Question, ask func() (string, error)) llm.Classified
}

// Dialects translates between the client's wire format and a target's.
type Dialects interface {
	// Prepare passes the request through the route's transforms. It sets x.Sent, and
	// x.MaxOutput where the bound on output must differ from the one that x.Sent has.
	Prepare(ctx context.Context, x *llm.Exchange) error
	// Inline puts the data of media that x.Sent names by URL into it, where the target takes no
	// URLs and the gateway may fetch them. It is called after Prepare.
	Inline(ctx context.Context, x *llm.Exchange) error
	// Inlines reports whether Inline will do that for what is of unknown size in a request.
	Inlines(req *llm.Request, t *llm.Target) bool
	// Call puts x.Sent into the target's format.
	Call(ctx context.Context, x *llm.Exchange) (llm.Call, error)
	// Read turns a provider's answer into events in the client's format and passes
	// them through the route's transforms. An answer that is an error, or not a reply
	// at all, comes back as *llm.Error with its Fault. Read owns the answer's body from
	// here on.
	Read(ctx context.Context, x *llm.Exchange, a *llm.Answer) (llm.Stream, error)
	// Replay turns a stored reply into events for the caller of req, in its format and as it
	// asks for them. It closes the stored reply, on an error at once.
	Replay(ctx context.Context, req *llm.Request, t *llm.Target, stored *llm.StoredReply) (llm.Stream, error)
	// Transcript begins to note what a client is sent of a streamed reply.
	Transcript() Transcript
	// Prefills reports whether a target is known to continue an assistant's message at the
	// end of a request.
	Prefills(t *llm.Target) bool
	// AnswerText returns what an answer says, from the events of a stream so far, or from the
	// one of a plain reply.
	AnswerText(events []llm.Event) llm.AnswerText
	// LastUserText returns the text of the last message of the user that has any, or its
	// beginning; empty without one.
	LastUserText(ctx context.Context, req *llm.Request) string
	// Question returns a request in the canonical form that asks about a text, to be answered
	// within so many tokens.
	Question(instructions, text string, tokens int64) (*llm.Request, error)
	// WhyNotJSON says why an answer's text is not the JSON that its request asks for; empty when
	// it is, or when the request asks for none.
	WhyNotJSON(ctx context.Context, req *llm.Request, text string) string
	// WorkAround returns the quirks to allow for in another try, when the target refused
	// something that the gateway itself put into the request; 0 when nothing helps.
	WorkAround(x *llm.Exchange, e *llm.Error) llm.Quirks
}

// Transcript is what a client has been sent of a streamed reply, as far as another target
// must know it to go on.
type Transcript interface {
	// Note notes an event that is sent.
	Note(e *llm.Event)
	// Unresumable says why no other target can go on; empty when one can.
	Unresumable() string
	// Text returns the text that was sent.
	Text() string
	// Rest makes of another target's reply what the client lacks, in its own events. Prefilled
	// says that it begins where the text ends. Next fails with FaultDiverged when the reply
	// says something else than was sent.
	Rest(s llm.Stream, prefilled bool) llm.Stream
}

// Upstream sends calls to providers. Its errors are *llm.Error with their Fault.
type Upstream interface {
	Do(ctx context.Context, t *llm.Target, call llm.Call) (*llm.Answer, error)
	// Redact returns an error without the secrets of the target's provider. It is a new
	// one, whether or not it held any.
	Redact(t *llm.Target, e *llm.Error) *llm.Error
	// CountRequest adds one request's share to the gateway-wide retry budget.
	CountRequest()
	// MayRetry takes one retry or fallback from the gateway-wide budget. It reports
	// whether there was one left.
	MayRetry() bool
	// Backoff is the pause before the given try (2 is the first retry).
	Backoff(try int, r llm.Retries) time.Duration
}

// Health knows how targets are doing.
type Health interface {
	Stats(target string) llm.Stats
	// Cooling says why a target must not be asked now, and until when; why is empty
	// when it may be.
	Cooling(target string) (why string, until time.Time)
	// Begin counts an attempt in, and chooses the credential that it is made with. It is
	// false when the target is cooling down and must not be asked.
	Begin(target string, a Asking) (Flight, bool)
	// Spare reports whether the target can be asked again at once with a credential that is
	// free.
	Spare(target string, a Asking) bool
}

// Asking is a request that asks a target, as Health sees it.
type Asking struct {
	// Request is its id. Session is what the requests of one conversation share; they keep
	// to one credential if they can. Empty means none.
	Request, Session string
	// Tokens is how many it will probably use, by which the target's limits are estimated.
	Tokens int64
	// Not are the credentials that it has been refused with.
	Not []string
	// LastResort says that no other target can serve it.
	LastResort bool
}

// Capacity bounds how many attempts are in flight at targets and their providers.
type Capacity interface {
	// Full reports whether a target takes no more requests of a class now.
	Full(t *llm.Target, p llm.Priority) bool
	// Enter counts an attempt in; false when the target is full. Leave ends one.
	Enter(t *llm.Target, p llm.Priority) bool
	Leave(t *llm.Target)
	// Wait waits for a place at any of these targets, counts an attempt in there, and returns
	// its index. The time is bounded, and what the request has waited before counts. The error
	// is the caller's.
	Wait(ctx context.Context, req *llm.Request, waited time.Duration, targets []*llm.Target) (int, error)
}

// Prompts remembers what providers have cached of sessions' prompts.
type Prompts interface {
	// Sent notes that a target has answered a prompt of a key's session, and how many
	// tokens of it the provider may have cached.
	Sent(key, session, target string, tokens int64)
	// Cached returns how many tokens of the session's next prompt the provider has probably
	// cached; 0 when that is unknown.
	Cached(key, session, target string) int64
}

// Outputs remembers how long the replies of routes are.
type Outputs interface {
	// Note notes the output tokens of a whole reply.
	Note(route, target string, tokens int64)
	// Expected returns how many output tokens a route's next reply at a target probably has; 0
	// when that is unknown.
	Expected(route, target string) int64
}

// Flight is one attempt under way, as Health counts it.
type Flight interface {
	// Credential is the ID of the credential that the attempt is made with; empty when the
	// provider has no several ones.
	Credential() string
	// FirstToken notes that the target has begun to answer so long after its start, and the
	// headers of its reply.
	FirstToken(after time.Duration, h http.Header)
	// Done notes how the attempt ended, once.
	Done(o Outcome)
}

// Outcome is how an attempt ended.
type Outcome struct {
	Fault llm.Fault
	// Status and Header are the provider's; zero when it did not answer.
	Status int
	// Credential says that the fault is about the provider's key or account.
	Credential bool
	RetryAfter time.Duration
	Header     http.Header
	// FirstToken is zero when none came; Duration covers the whole attempt, Held the part of it in
	// which the reply was not read because the caller was written to. Noted says that
	// Flight.FirstToken was called.
	FirstToken, Duration, Held time.Duration
	Noted                      bool
	// Probe marks a call that no caller has asked for.
	Probe bool
	// Silent is how long a stream that was given up had brought nothing; 0 for any other.
	Silent       time.Duration
	OutputTokens int64
}

// Meter counts what limits bound.
type Meter interface {
	// Reserve takes what is asked for from every limit or from none, says how many
	// output tokens it was taken for, and makes that durable before it returns where
	// money or tokens are bounded. The draft is the request's record as far as it is
	// known: its ID names the reservation, and it is what is recorded if the process ends
	// before the reservation is settled. Reserve owns the draft from here on. The error is
	// the caller's.
	//
	// The reservation lives as long as ctx does, and a little longer to be settled.
	Reserve(ctx context.Context, draft *llm.Record, limits []llm.Limit, ask llm.Ask) (h Hold, output int64, err error)
	// Affordable returns what Reserve would return at that time, and takes nothing.
	Affordable(limits []llm.Limit, ask llm.Ask, at time.Time) (output int64, err error)
	// LimitStates returns the limits with their counters at that time. It takes nothing.
	LimitStates(limits []llm.Limit, at time.Time) []llm.LimitState
	// Freed is closed when the next reservation ends. A refusal with FaultHeld may be
	// over then.
	Freed() <-chan struct{}
}

// Hold is a reservation, from before the upstream call until it is settled.
type Hold interface {
	// States are the limits with their counters, in the order of the limits.
	States() []llm.LimitState
	// Seen notes how many tokens of output have come so far. It may be called for
	// every event.
	Seen(output int64)
	// Replace is Meter.Reserve in place of this hold. When it is refused, this hold stays as it
	// is; no other request can have what it holds meanwhile.
	Replace(ctx context.Context, draft *llm.Record, limits []llm.Limit, ask llm.Ask) (h Hold, output int64, err error)
	// Grow raises the reservation to what was used, ask.Least, and as far beyond as limits have
	// room for. It returns the output that is reserved then. The error, with FaultOverrun,
	// names the limit that cuts the reply off.
	Grow(ask llm.Ask) (output int64, err error)
	// Settle replaces the reservation by what was really used and returns the charges for
	// the record. A hold that has been settled already is an error.
	Settle(ctx context.Context, used llm.Amounts) ([]llm.Charge, error)
}

// Tokens counts the text of prompts, an upper bound in tokens. It is false where only the
// number of bytes is known.
type Tokens interface {
	Prompt(model string, sent *llm.Request) (int64, bool)
}

// Ledger keeps the records.
type Ledger interface {
	// Write stores a record; it returns once a killed process would not lose it. An error
	// with CodeUnavailable is one that the ledger reports itself.
	Write(ctx context.Context, r *llm.Record) error
}

// sink is the part of an llm.Writer that a reply is written to. Hidden events are written
// too, since one may be the last that is there for now; their frames are not sent.
type sink interface {
	Start(h llm.Head) error
	Event(e llm.Event) error
}
