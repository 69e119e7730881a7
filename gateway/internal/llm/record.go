package llm

import (
	"slices"
	"time"
)

// Record is what the gateway keeps of one request: the ledger's row, and the answer to "why
// was this routed here?". It holds no prompt or reply text unless the policy asks for a full or
// redacted log.
type Record struct {
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	// Dry marks a record of a request that was only explained, never sent.
	Dry      bool     `json:"dry,omitempty"`
	Endpoint Endpoint `json:"endpoint"`
	// Dialect is the plugin whose wire format the caller speaks; empty for OpenAI's.
	Dialect Dialect `json:"dialect,omitempty"`
	Stream  bool    `json:"stream"`
	// Model is what the client asked for, Route what that resolved to, Target what
	// answered (empty when nothing did) and Served the provider's name for it.
	Model    string `json:"model"`
	Route    string `json:"route,omitempty"`
	Target   string `json:"target,omitempty"`
	Provider string `json:"provider,omitempty"`
	Served   string `json:"served,omitempty"`
	// Chosen are the steps from the model to the route; empty when the model's own targets
	// serve it.
	Chosen []Choice `json:"chosen,omitempty"`

	KeyID   string `json:"key_id,omitempty"`
	KeyName string `json:"key_name,omitempty"`
	Team    string `json:"team,omitempty"`
	User    string `json:"user,omitempty"`
	// Session is what the consecutive requests of an agent share.
	Session string            `json:"session,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`

	// Status is the HTTP status sent, Code the error's when there was one.
	Status int        `json:"status"`
	Code   Code       `json:"code,omitempty"`
	Error  string     `json:"error,omitempty"`
	Finish string     `json:"finish,omitempty"`
	Cache  CacheState `json:"cache"`
	// CacheSource is the id of the request whose reply this one was given; empty without one.
	CacheSource string `json:"cache_source,omitempty"`
	// Similar is what became of the request in the similarity cache; nil when the route has
	// none, or the request was answered by an equal one's reply.
	Similar *SimilarLookup `json:"similar,omitempty"`

	Decision *Decision `json:"decision,omitempty"`
	// FirstDecision is the decision that sent the request on to another model or route,
	// when one did; Decision then combines both.
	FirstDecision *Decision    `json:"first_decision,omitempty"`
	Limits        []LimitState `json:"limits,omitempty"`
	Candidates    []Considered `json:"candidates,omitempty"`
	// Classified is the class of the request, Escalated how its answers are checked, Mirrored its
	// copy; nil where the route has none. MirrorOf is the ID of the request that this one is a
	// copy of.
	Classified *Classified `json:"classified,omitempty"`
	Ranking    *Ranking    `json:"ranking,omitempty"`
	Escalated  *Escalated  `json:"escalated,omitempty"`
	Mirrored   *Mirrored   `json:"mirrored,omitempty"`
	MirrorOf   string      `json:"mirror_of,omitempty"`
	Attempts   []Attempt   `json:"attempts,omitempty"`

	Usage Usage `json:"usage"`
	Price Price `json:"price"`
	// Cost is in nano-USD; it counts only when Price.Known. It includes what the target cost
	// that was asked beside the one that answered. Saved is what a cache
	// hit would have cost.
	Cost  NanoUSD `json:"cost_nano_usd"`
	Saved NanoUSD `json:"saved_nano_usd,omitempty"`
	// PromptSaved is what the provider's prompt cache has saved: what the same usage would have
	// cost without it, less Cost. It is negative where more was written to it than read.
	PromptSaved NanoUSD `json:"prompt_saved_nano_usd,omitempty"`

	// Duration is from arrival to settlement, FirstByte to the first byte sent,
	// Upstream the time spent waiting on providers; all in milliseconds on the wire.
	Duration  Millis `json:"duration_ms"`
	FirstByte Millis `json:"first_byte_ms"`
	Upstream  Millis `json:"upstream_ms"`

	// Priority is the request's class, Queued the part of Duration that it waited for its turn:
	// at the gateway, or for a target.
	Priority Priority `json:"priority,omitempty"`
	Queued   Millis   `json:"queued_ms,omitempty"`

	// Stages says how long the gateway's own steps took, apart from those of an attempt.
	Stages Stages `json:"stages,omitzero"`
	// Trace is the request's place in a distributed trace.
	Trace Trace `json:"-"`
	// Exceeded is the limit that has refused the request; nil when none did.
	Exceeded *Exceeded `json:"-"`

	// Charges are what the record adds to the meters.
	Charges []Charge `json:"charges,omitempty"`

	// RequestText is the body as the caller sent it, ReplyText what the caller got, its
	// events one after the other; both only if the policy's log obligation is "full" or
	// "redacted", and at most MaxText bytes of each. TextCut says that there was more. Redacted
	// texts went through Redact, and of a stream's events there is the text of the answer only.
	RequestText string `json:"request_text,omitempty"`
	ReplyText   string `json:"reply_text,omitempty"`
	TextCut     bool   `json:"text_cut,omitempty"`

	// Feedback is what callers say of the reply. The ledger keeps it beside the record.
	Feedback []Feedback `json:"feedback,omitempty"`
}

// CodeInterrupted marks the record of a request that was not settled, because the gateway's
// process ended before the request did.
const CodeInterrupted Code = "interrupted"

// Interrupt turns the draft of a request that was never settled into its record. The request
// is charged what is known of it: its estimated prompt, which the draft's Usage holds, and
// the tokens of output that had come. What the provider computed beyond that is unknown.
func (r *Record) Interrupt(output int64) {
	r.Usage.Output, r.Usage.Estimated = max(output, 0), true
	r.Cost = r.Price.Cost(r.Usage)
	r.Status, r.Code = 500, CodeInterrupted
	r.Error = "The gateway stopped before this request was complete. It is charged an estimate of what it had used by then."
	r.Charges = chargesOf(r.Limits, r.Used())
}

// BesideID is the name of a request's reservation for an attempt that is made beside a slow
// one.
func BesideID(request string) string { return request + "_hedge" }

// Hedged reports whether the request has had an attempt beside a slow one.
func (r *Record) Hedged() bool {
	return slices.ContainsFunc(r.Attempts, func(a Attempt) bool { return a.Hedge })
}

// Used returns what the record's limits are charged.
func (r *Record) Used() Amounts {
	a := Amounts{InputTokens: r.Usage.Input, OutputTokens: r.Usage.Output, Requests: 1}
	if r.Price.Known {
		a.USD = r.Cost
	}
	return a
}

// chargesOf returns the charges to the windows of the limits for what was used. Two limits
// on one meter are charged once; concurrent requests are not charged, since they end with
// their process.
func chargesOf(states []LimitState, used Amounts) []Charge {
	var charges []Charge
	for _, s := range states {
		c := Charge{Scope: s.Scope, Unit: s.Unit, Window: s.Window, WindowID: s.WindowID, Amount: used.Of(s.Unit)}
		if s.Unit != UnitConcurrent && c.Amount != 0 && !slices.Contains(charges, c) {
			charges = append(charges, c)
		}
	}
	return charges
}

// Choice is a step by which the configuration sends a request on from one model to another.
type Choice struct {
	Model string `json:"model"`
	Use   string `json:"use"`
	// By is the setting of Model that did so, such as when[0], and Line its line in the
	// configuration.
	By   string `json:"by"`
	Line int    `json:"line,omitempty"`
	// Why says what was true of the request.
	Why string `json:"why"`
}

// Considered is a target of the route and what became of it before ranking.
type Considered struct {
	Target string `json:"target"`
	// Refused says why it was not ranked; empty when it was.
	Refused string `json:"refused,omitempty"`
	// For is the cause for which it is considered only then; empty for any.
	For   Fault    `json:"for,omitempty"`
	Score *float64 `json:"score,omitempty"`
	// Terms are the figures that the router computed the score from, if it says so.
	Terms   []Term  `json:"terms,omitempty"`
	EstCost NanoUSD `json:"est_cost_nano_usd,omitempty"`
	// CachedPrefix is how many tokens of the prompt the provider had probably cached.
	CachedPrefix int64 `json:"cached_prefix,omitempty"`
	// Stats are the target's figures at that moment; zero for a target that can't serve the
	// request whatever they are.
	Stats Stats `json:"stats,omitzero"`
	// Unpriced says that the target's price is unknown.
	Unpriced bool `json:"unpriced,omitempty"`
	// Dropped names the members of the request that the target's format has no place for.
	// It is set only for requests that are explained and not sent.
	Dropped []string `json:"dropped,omitempty"`
}

// Stages says when the gateway's own steps of a request began and how long they took; zero for
// those that it did not come to.
type Stages struct {
	// Admit finds the route and asks the policy, Cache looks for a reply that is there already,
	// Rank has the router put the targets in order.
	Admit Stage `json:"admit,omitzero"`
	Cache Stage `json:"cache,omitzero"`
	Rank  Stage `json:"rank,omitzero"`
}

// Stage is one step. Start is since arrival.
type Stage struct {
	Start    Millis `json:"start_ms"`
	Duration Millis `json:"duration_ms"`
}

// Attempt is one upstream call.
type Attempt struct {
	// Span is its span in the request's trace.
	Span SpanID `json:"-"`

	Target string `json:"target"`
	// Credential is the ID of the provider's credential; empty when it has no several ones.
	Credential string `json:"credential,omitempty"`
	// Try counts from 1 on each target.
	Try    int    `json:"try"`
	Status int    `json:"status,omitempty"`
	Fault  Fault  `json:"fault,omitempty"`
	Error  string `json:"error,omitempty"`
	// Start is since arrival; Wait is the pause before this attempt.
	Start Millis `json:"start_ms"`
	Wait  Millis `json:"wait_ms,omitempty"`
	// Transform is how long it then took to make the request what the target gets, and Reserve to
	// reserve what that may cost. Duration is the target's time, which begins after both.
	Transform Millis `json:"transform_ms,omitempty"`
	Reserve   Millis `json:"reserve_ms,omitempty"`
	Duration  Millis `json:"duration_ms"`
	// FirstToken is since Duration began; 0 when none came.
	FirstToken Millis `json:"first_token_ms,omitempty"`
	// Failed is the check that its complete answer has failed.
	Failed Check `json:"failed,omitempty"`
	// Scored is the score that was asked for; nil when none was to be.
	Scored *Scored `json:"scored,omitempty"`
	// Resumes says how this attempt went on with the reply of an earlier one that broke off;
	// empty for any other.
	Resumes string `json:"resumes,omitempty"`
	// Hedge marks an attempt that was made beside a slow one.
	Hedge bool `json:"hedge,omitempty"`
	// Usage and Cost are what the attempt itself used, whether or not the caller is charged
	// for it; zero for one without a reply.
	Usage Usage   `json:"usage,omitzero"`
	Cost  NanoUSD `json:"cost_nano_usd,omitempty"`
	// Transforms is what the route's plugins did to the request and the reply.
	Transforms []Applied `json:"transforms,omitempty"`
	// CacheMarks is how many marks of the provider's prompt cache the gateway has put into the
	// request.
	CacheMarks int `json:"cache_marks,omitempty"`
	// Dropped names the members of the request that the target's format has no place
	// for, or that were changed to fit it.
	Dropped []string `json:"dropped,omitempty"`
}

// How an attempt goes on with a reply that broke off: it answers anew, or continues the text.
const (
	ResumedByRestart = "restart"
	ResumedByPrefill = "prefill"
)

// MaxText bounds each of a record's texts, in bytes.
const MaxText = 64 << 10

// Kept returns what the ledger keeps of the record: all of it, or with the log obligation
// "none" only what bills and budgets need. Users, sessions and tags that callers name
// themselves have been left out of such a record before; the key's own stay.
func (r *Record) Kept() *Record {
	if r.Decision == nil || r.Decision.Obligations.Log != LogNone {
		return r
	}
	k := *r
	k.Served, k.Error, k.Finish = "", "", ""
	k.Decision = &Decision{Allow: r.Decision.Allow, Revision: r.Decision.Revision, Obligations: Obligations{Log: LogNone}}
	k.Chosen, k.FirstDecision, k.Limits, k.Candidates, k.Ranking, k.Attempts = nil, nil, nil, nil, nil, nil
	k.Classified, k.Escalated, k.Mirrored = nil, nil, nil
	k.RequestText, k.ReplyText, k.TextCut = "", "", false
	return &k
}

// ByRank returns where the ranked candidates stand among the record's, the best first; nil when
// none were ranked, or a record of an earlier version does not say.
func (r *Record) ByRank() []int {
	if r.Ranking == nil {
		return nil
	}
	var given []int
	if in := &r.Ranking.Input; in.Ranked != nil {
		given = in.Ranked
	} else if in.Route != "" || len(r.Ranking.Order) == len(r.Candidates) {
		for i := range r.Candidates {
			given = append(given, i)
		}
	}
	var ranked []int
	for _, i := range r.Ranking.Order {
		if i < 0 || i >= len(given) || given[i] < 0 || given[i] >= len(r.Candidates) {
			return nil
		}
		ranked = append(ranked, given[i])
	}
	return ranked
}
