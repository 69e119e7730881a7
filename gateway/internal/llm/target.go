package llm

import (
	"encoding/json"
	"slices"
	"time"
)

// Target is one model at one provider, with the facts that routing and pricing need.
type Target struct {
	// ID is "provider/model".
	ID       string
	Provider string
	// Model is the provider's own name for it.
	Model   string
	Dialect Dialect
	// Catalog is the well-known provider whose facts and deviations apply; empty for none.
	Catalog string
	// APIVersion is the version of Azure's older paths, on which Model names a deployment;
	// empty for all others.
	APIVersion string
	// Also are further dialects in which requests pass through to the provider.
	Also  []Dialect
	Price Price
	// Context and MaxOutput are in tokens; 0 means unknown.
	Context   int64
	MaxOutput int64
	// Features says what the model can do. It is trusted only when FeaturesKnown:
	// a model that the catalogue lacks is taken to be capable of everything.
	Features      Features
	FeaturesKnown bool
	// Quality is between 0 and 1; negative means unknown.
	Quality float64
	// QualitySource says what Quality measures; it counts only with one.
	QualitySource string
	// Deprecated marks a model that its provider will turn off. ChatOnly and EmbedsOnly mark one
	// that is known to make no embeddings, or nothing else.
	Deprecated, ChatOnly, EmbedsOnly bool
	// Weight shares load among equals; Order sorts into tiers, lowest first.
	Weight float64
	Order  int
	// Region is where it runs, Data the classes of data that may be sent there; both are empty
	// where that is not known.
	Region string
	Data   []string
	// Fallback marks a target that is tried only after every ordinary one.
	Fallback bool
	// OutputNames says how the bound on output tokens is called there, StreamUsage whether
	// usage is asked for in streams; empty means auto.
	OutputNames OutputNames
	StreamUsage StreamUsage
	// Timeout replaces the route's where it is not zero.
	Timeout Timeouts
	// MaxInflight is how many requests it takes at once, ProviderMaxInflight how many all of
	// its provider's targets take together; 0 means any number.
	MaxInflight, ProviderMaxInflight int
}

// Speaks reports whether requests of a dialect pass through to the target's provider.
func (t *Target) Speaks(d Dialect) bool { return d == t.Dialect || slices.Contains(t.Also, d) }

// EmbeddingsDialect returns the dialect in which the target is asked for embeddings: the first
// of its own that has them, empty if none has.
func (t *Target) EmbeddingsDialect() Dialect {
	for _, d := range append([]Dialect{t.Dialect}, t.Also...) {
		switch d {
		case OpenAI, Responses:
			return OpenAI
		case Gemini, Cohere, Ollama:
			return d
		}
	}
	return ""
}

// Stats are a target's live figures. A zero TTFT, TTFTP50, TTFTP95 or TPS means "not
// measured yet".
type Stats struct {
	Inflight int64 `json:"inflight,omitempty"`
	// TTFT is the decayed mean time to the first token. Of plain replies, which do not show it, it
	// is worked out from their times and lengths, as TPS is.
	TTFT Millis `json:"ttft_ms,omitempty"`
	// TTFTP50 and TTFTP95 are the decayed median and 95th percentile of those times that streams
	// have shown.
	TTFTP50 Millis `json:"ttft_p50_ms,omitempty"`
	TTFTP95 Millis `json:"ttft_p95_ms,omitempty"`
	// TPS is the decayed mean of output tokens per second.
	TPS float64 `json:"tps,omitempty"`
	// ErrorRate is the decayed share of failed attempts, 0 to 1.
	ErrorRate float64 `json:"error_rate,omitempty"`
	// FailingBy is the kind of failure that most of these have in common; empty without any.
	FailingBy Fault `json:"failing_by,omitempty"`
	// Samples is the decayed number of attempts that ErrorRate is a share of.
	Samples float64 `json:"samples,omitempty"`
	// CoolingUntil is in the future while the target is cooling down, CoolingFor says why.
	CoolingUntil time.Time `json:"cooling_until,omitzero"`
	CoolingFor   string    `json:"cooling_for,omitempty"`
	// RemainingRequests and RemainingTokens are what the provider says is left in
	// its window; negative means unknown.
	RemainingRequests int64 `json:"remaining_requests,omitempty"`
	RemainingTokens   int64 `json:"remaining_tokens,omitempty"`
	// RequestsLeft and TokensLeft are the same as shares of the provider's limits, 0 to 1;
	// negative means unknown.
	RequestsLeft float64 `json:"requests_left,omitempty"`
	TokensLeft   float64 `json:"tokens_left,omitempty"`
	// ExpectedOutput is the decayed mean of the output tokens of the route's replies there; 0
	// means unknown.
	ExpectedOutput int64 `json:"expected_output,omitempty"`
}

// CoolingForOperator is the CoolingFor of a target that an operator has opened.
const CoolingForOperator = "operator"

// Candidate is a target that may serve a request, with its figures at this moment.
type Candidate struct {
	Target *Target
	Stats  Stats
	// EstCost is an upper bound of what the request costs there; meaningless when
	// the price is unknown.
	EstCost NanoUSD
	// CachedPrefix is how many tokens of the prompt the provider has probably cached; 0
	// means unknown.
	CachedPrefix int64
	// Sticky is the StickyHash of the request's session here; 0 without a session.
	Sticky uint64
}

// Ranking is the order in which candidates are tried, best first.
type Ranking struct {
	// Order holds indices into the candidates, each at most once.
	Order []int `json:"order"`
	// Scores belong to Order, one each; higher is better.
	Scores []float64 `json:"scores,omitempty"`
	// Terms explain the scores, by candidate. They are not written with the ranking: each
	// candidate of the record has its own.
	Terms  [][]Term `json:"-"`
	Reason string   `json:"reason,omitempty"`
	// Router is the strategy or plugin that ranked; Fault says why its ranking was not used,
	// and then Order is the configured order.
	Router string `json:"router"`
	Fault  string `json:"fault,omitempty"`
	// Seed seeds the router's random numbers for this request. Its JSON is a string: it may
	// exceed 2^53.
	Seed uint64 `json:"seed,omitempty,string"`
	// Fuel is what the call cost in instructions.
	Fuel int64 `json:"fuel,omitempty"`
	// Input is what the router was given beyond the rest of the record; zero in records of
	// earlier versions. Facts are what its Route stands for, for the ledger.
	Input RouterInput `json:"input,omitzero"`
	Facts *RouteFacts `json:"-"`
	// Strict says that after a Fault the request must not go on.
	Strict bool `json:"-"`
}

// Term is one figure that a candidate's score was computed from.
type Term struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// Route is how one model alias is served.
type Route struct {
	// Name is the alias, or the pattern that matched it.
	Name string
	// Targets are the candidates in configured order, fallbacks last.
	Targets []*Target
	// FallbackOn are further targets for requests that fail for one of these faults:
	// FaultContextLength, FaultContentPolicy and FaultBudget.
	FallbackOn map[Fault][]*Target
	// Regions are where the route's requests may be answered; nil means anywhere.
	Regions []string
	// Router names a built-in strategy or a plugin; With is its settings, a JSON
	// object or nil.
	Router string
	With   json.RawMessage
	// Transforms name the plugins that requests pass through in this order, and
	// replies in the reverse one; Revision changes when one of them does.
	Transforms []string
	Revision   string
	Retries    Retries
	Timeout    Timeouts
	// EmptyPass gives the caller a reply without content instead of asking another target.
	EmptyPass bool
	// RejectUnsupported refuses a target whose format has no place for a part of the
	// request, instead of leaving that part out.
	RejectUnsupported bool
	// Resume lets another target go on with a stream that broke off. Hold is how many tokens
	// of a stream are held back at its start, within which any other target can take over;
	// HoldAll holds all of it.
	Resume bool
	Hold   int64
	// Drain reads a stream to its end when its caller hangs up, to learn its usage.
	Drain bool
	// Hedge asks a second target when the first one is slow to begin.
	Hedge Hedge
	// Escalate asks the next target when an answer fails a check.
	Escalate Escalation
	// Classify labels requests before they are ranked, Mirror copies a share of them; nil does
	// neither.
	Classify *Classify
	Mirror   *Mirror
	// CacheTTL is how long answers are kept; 0 turns the cache off for the route.
	CacheTTL time.Duration
	// CacheShared lets every tenant read what another one paid for.
	CacheShared bool
	// CacheCoalesce lets equal requests in flight share one reply.
	CacheCoalesce bool
	// CacheToolCalls keeps replies that end with tool calls, too, CacheVaried those to requests
	// with a temperature above 0.
	CacheToolCalls, CacheVaried bool
	// CachePace is how many pieces of a stored stream are sent in a second; 0 means at once.
	CachePace int64
	// Similar is what is done with replies to requests in other words.
	Similar Similarity
	// PromptCache puts marks of the provider's prompt cache into requests that have none, at
	// targets that cache only what is marked.
	PromptCache bool
	// AllowUnpriced lets requests under a hard limit on money go to targets without a known
	// price, which the limit does not count.
	AllowUnpriced bool
}

// All returns all targets that may serve the route's requests, in a fixed order.
func (r *Route) All() []*Target {
	all := r.Targets
	for _, f := range [...]Fault{FaultContextLength, FaultContentPolicy, FaultBudget} {
		if chain := r.FallbackOn[f]; len(chain) > 0 {
			all = append(all[:len(all):len(all)], chain...)
		}
	}
	return all
}

// HoldAll as a Route's Hold keeps a stream back until it is complete.
const HoldAll = -1

// Hedge says after what time without content a second target is asked beside the first. The
// zero value asks none.
type Hedge struct {
	// After is that time. With a Percentile it is the least, and what applies as long as the
	// target's times are not known.
	After time.Duration
	// Percentile of the target's times to the first token, 50 or 95; 0 for none.
	Percentile int
}

// Delay returns the time to wait for a target with these figures; 0 when no second one is to
// be asked.
func (h Hedge) Delay(s Stats) time.Duration {
	switch h.Percentile {
	case 50:
		return max(h.After, time.Duration(s.TTFTP50))
	case 95:
		return max(h.After, time.Duration(s.TTFTP95))
	}
	return h.After
}

// Retries bounds how often a request is tried.
type Retries struct {
	// Attempts is the number of tries on one target, the first included; at least 1.
	Attempts int
	// Total is the number of retries and fallbacks that one request may take in all.
	Total int
	// Min and Max bound the jittered pause between tries.
	Min, Max time.Duration
}

// Timeouts bound the waiting on upstreams. Zero values mean the defaults of config, and
// in a Target those of its route.
type Timeouts struct {
	// Connect is from sending to a connection with the target, FirstByte to the headers of
	// its answer; 0 leaves either to the limits that follow.
	Connect, FirstByte time.Duration
	// FirstToken is from sending to the first piece of content while another target
	// could take over; a plain reply gets four times as long.
	FirstToken time.Duration
	// Idle is how long a reply that has begun may go without a byte.
	Idle time.Duration
	// PingIdle is how long it may go without progress while pings, comments or empty
	// events come.
	PingIdle time.Duration
	// KeepAlive is how long the caller of a stream is sent nothing before it is sent a
	// comment; 0 means never. It is the route's only.
	KeepAlive time.Duration
	// Total is for the whole request, retries and fallbacks included. It is the route's
	// only.
	Total time.Duration
}
