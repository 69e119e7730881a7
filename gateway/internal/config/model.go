package config

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Model is a name that clients ask for, and how it is served.
type Model struct {
	// When sends requests on to other models: the first condition that is true of a request
	// does. Where none is, the canary has its share, and the model's own targets serve the rest.
	When []Condition `yaml:"when"`
	// Canary sends a share of the sessions on to another model.
	Canary *Canary `yaml:"canary"`
	// Router ranks the targets: ordered, weighted, least-busy, cost, quality, latency, balanced,
	// classifier, cascade or a plugin.
	Router string `yaml:"router"`
	// With is the router's settings.
	With Object `yaml:"with"`
	// Targets are what may serve the model, as provider/model.
	Targets []Target `yaml:"targets" jsonschema:"required,minItems=1"`
	// Fallback are targets that are tried only when every other one has failed.
	Fallback []Target `yaml:"fallback"`
	// Regions are where the model's requests may be answered: other targets are refused. Left
	// out, they may be answered anywhere.
	Regions []Region `yaml:"regions"`
	// FallbackOn are targets for requests that fail for one cause. They come before the
	// fallback.
	FallbackOn FallbackOn `yaml:"fallback_on"`
	// Retries bounds how often one target is tried for one request.
	Retries Retries `yaml:"retries"`
	// Timeout bounds how long to wait for targets.
	Timeout Timeout `yaml:"timeout"`
	// Empty is what happens to a complete answer without content: fallback asks another
	// target, and passes the empty answer on only if no target has content; pass accepts it.
	Empty Empty `yaml:"empty"`
	// Hedge asks a second target when the first one is slow to begin, and takes the answer
	// that begins first. The other target is paid, too.
	Hedge Hedge `yaml:"hedge"`
	// Stream says what happens to streams that break off.
	Stream Stream `yaml:"stream"`
	// Escalate asks the next target when an answer fails a check: left out, that is done for
	// the router cascade only. A stream is checked only while it is held back (stream.hold).
	Escalate *Escalate `yaml:"escalate"`
	// Classify labels each request before it is ranked, for routers that read its class.
	Classify *Classify `yaml:"classify"`
	// Mirror sends a copy of requests to another target, whose answer nobody waits for.
	Mirror *Mirror `yaml:"mirror"`
	// Cache says whether replies are kept and for how long.
	Cache RouteCache `yaml:"cache"`
	// PromptCache auto puts marks of the provider's prompt cache into long prompts that have
	// none, for targets in Anthropic's format, which cache only what is marked. A prompt that
	// is sent once then costs up to a quarter more, one that is sent again a tenth. off leaves
	// it to the caller.
	PromptCache PromptCache `yaml:"prompt_cache"`
	// Unpriced overrides the setting of the same name for all models: deny excludes targets
	// without a known price where a hard limit in US dollars applies, allow lets requests
	// through uncounted.
	Unpriced Unpriced `yaml:"unpriced"`
	// OnUnsupported is what happens to a member of a request that a target's wire format
	// does not have, such as seed at Anthropic: drop leaves it out, and the header
	// x-penstock-dropped names it; reject excludes the target, and refuses the request
	// when no other is left.
	OnUnsupported Unsupported `yaml:"on_unsupported"`
	// Transform names plugins that change requests and replies. Requests pass through
	// them in this order, replies in reverse order.
	Transform []string `yaml:"transform"`
}

// FallbackOn are targets for requests that fail for one cause. A target is asked once for a
// request at most, and none that the policy forbids.
type FallbackOn struct {
	// ContextLength is for requests that are too long for a target: models with a larger
	// context window.
	ContextLength []Target `yaml:"context_length"`
	// ContentPolicy is for requests that a target's filter refuses; left out, the refusal is
	// the answer.
	ContentPolicy []Target `yaml:"content_policy"`
	// Budget is for requests that a limit has no room for: cheaper models, for which the same
	// limits hold.
	Budget []Target `yaml:"budget"`
}

// Chains returns the targets by the name of their setting, in a fixed order.
func (m *Model) Chains() []Chain {
	return []Chain{
		{"targets", "", m.Targets}, {"fallback", "", m.Fallback},
		{"fallback_on.context_length", llm.FaultContextLength, m.FallbackOn.ContextLength},
		{"fallback_on.content_policy", llm.FaultContentPolicy, m.FallbackOn.ContentPolicy},
		{"fallback_on.budget", llm.FaultBudget, m.FallbackOn.Budget},
	}
}

// Chain is one of a model's lists of targets. On is the fault that it is for; empty for any.
type Chain struct {
	Setting string
	On      llm.Fault
	Targets []Target
}

// Target is one provider's one model. What is left out comes from the catalogue.
type Target struct {
	// Target is the provider and its model: openai/gpt-5.
	Target string `yaml:"target" jsonschema:"required,minLength=3"`
	// Weight shares load among equals; 1 when left out.
	Weight float64 `yaml:"weight" jsonschema:"minimum=0"`
	// Order sorts targets into tiers, lowest first; 0 when left out.
	Order int `yaml:"order"`
	// Price is what the target charges, in US dollars per million tokens.
	Price *Price `yaml:"price"`
	// Context is the context window in tokens.
	Context int64 `yaml:"context" jsonschema:"minimum=1"`
	// MaxOutput is the longest reply in tokens.
	MaxOutput int64 `yaml:"max_output" jsonschema:"minimum=1"`
	// Timeout bounds how long to wait for this target.
	Timeout TargetTimeout `yaml:"timeout"`
	// MaxInflight is how many requests the target takes at once, those of other models
	// included. While it is full the next target is asked; where no other can answer, the
	// request waits in server.queue. Left out, it takes any number.
	MaxInflight int `yaml:"max_inflight" jsonschema:"minimum=1"`
	// Quality is how good the model is, from 0 to 1.
	Quality *float64 `yaml:"quality" jsonschema:"minimum=0,maximum=1"`
	// Region is where the target runs; left out, it is the provider's.
	Region Region `yaml:"region"`
	// Data are the classes of data that may be sent to the target, such as public and
	// internal; left out, they are the provider's.
	Data []DataClass `yaml:"data"`
	// Capabilities are what the model can do, such as tools and vision; the list
	// replaces what the catalogue says.
	Capabilities *Capabilities `yaml:"capabilities"`
}

// Price is what a target charges, in US dollars per million tokens.
type Price struct {
	// Input is the price of prompt tokens.
	Input *Dollars `yaml:"input" jsonschema:"required"`
	// Output is the price of tokens of the reply, reasoning included.
	Output *Dollars `yaml:"output" jsonschema:"required"`
	// Cached is the price of prompt tokens read from the provider's cache; left out,
	// they cost as much as input.
	Cached *Dollars `yaml:"cached"`
	// CacheWrite is the price of tokens written to the provider's cache; left out, they
	// cost as much as input.
	CacheWrite *Dollars `yaml:"cache_write"`
	// CacheWriteLong is the same for writes that live an hour; left out, they cost as
	// much as other writes.
	CacheWriteLong *Dollars `yaml:"cache_write_1h"`
	// AudioInput is the price of sound in the prompt; left out, it costs as much as input.
	AudioInput *Dollars `yaml:"audio_input"`
	// AudioOutput is the price of speech in the reply; left out, it costs as much as output.
	AudioOutput *Dollars `yaml:"audio_output"`
	// ImageInput is the price of the tokens of pictures in the prompt; left out, they cost as
	// much as input.
	ImageInput *Dollars `yaml:"image_input"`
	// ImageOutput is the price of the tokens of pictures in the reply; left out, they cost as
	// much as output.
	ImageOutput *Dollars `yaml:"image_output"`
	// Image is the price of one picture in the prompt, in US dollars, beside its tokens; 0 when
	// left out.
	Image *Dollars `yaml:"image"`
	// Long are the prices of requests with a long prompt; left out, its length makes no
	// difference.
	Long *LongPrice `yaml:"long"`
	// WebSearch is the price of 1,000 web searches that the provider makes for replies; 10
	// when left out.
	WebSearch *Dollars `yaml:"web_search"`
	// Tiers are the prices of other service tiers than the standard one, which apply when the
	// provider says that it served a request in them.
	Tiers TierPrices `yaml:"tiers"`
}

// TierPrices are what a target charges in service tiers. A tier that is left out costs as much as
// the standard one.
type TierPrices struct {
	// Batch is the tier of requests that are processed together, within hours.
	Batch *TierPrice `yaml:"batch"`
	// Flex is the tier of requests that may wait.
	Flex *TierPrice `yaml:"flex"`
	// Priority is the tier of requests that are served first.
	Priority *TierPrice `yaml:"priority"`
	// Fast is Anthropic's fast mode (speed: fast).
	Fast *TierPrice `yaml:"fast"`
}

// TierPrice is what a target charges in one service tier: a multiple of its standard prices, or
// prices in US dollars per million tokens.
type TierPrice struct {
	// Times is the multiple of the standard prices, such as 0.5; it takes the place of all other
	// settings.
	Times *float64 `yaml:"times" jsonschema:"exclusiveMinimum=0,maximum=100"`
	// Input is the price of prompt tokens.
	Input *Dollars `yaml:"input"`
	// Output is the price of tokens of the reply, reasoning included.
	Output *Dollars `yaml:"output"`
	// Cached is the price of prompt tokens read from the provider's cache; left out,
	// they cost as much as input.
	Cached *Dollars `yaml:"cached"`
	// CacheWrite is the price of tokens written to the provider's cache; left out, they
	// cost as much as input.
	CacheWrite *Dollars `yaml:"cache_write"`
	// CacheWriteLong is the same for writes that live an hour; left out, they cost as
	// much as other writes.
	CacheWriteLong *Dollars `yaml:"cache_write_1h"`
}

// LongPrice is what a target charges for the whole of a request with a long prompt, in US dollars
// per million tokens.
type LongPrice struct {
	// Above is the length of prompt, in tokens, beyond which these prices apply.
	Above int64 `yaml:"above" jsonschema:"required,minimum=1"`
	// Input is the price of prompt tokens.
	Input *Dollars `yaml:"input" jsonschema:"required"`
	// Output is the price of tokens of the reply, reasoning included.
	Output *Dollars `yaml:"output" jsonschema:"required"`
	// Cached is the price of prompt tokens read from the provider's cache; left out,
	// they cost as much as input.
	Cached *Dollars `yaml:"cached"`
	// CacheWrite is the price of tokens written to the provider's cache; left out, they
	// cost as much as input.
	CacheWrite *Dollars `yaml:"cache_write"`
	// CacheWriteLong is the same for writes that live an hour; left out, they cost as
	// much as other writes.
	CacheWriteLong *Dollars `yaml:"cache_write_1h"`
}

// Retries bounds how often a request is tried.
type Retries struct {
	// Attempts is the number of tries on one target, the first included: 1 to 6.
	Attempts int `yaml:"attempts" jsonschema:"minimum=1,maximum=6"`
	// Total is how many retries and fallbacks one request may take in all, on all targets:
	// 0 to 100.
	Total int `yaml:"total" jsonschema:"minimum=0,maximum=100"`
	// Backoff bounds the pause between tries, as first..longest: a pause is a random part
	// of a time that begins with the first and doubles up to the longest, but never less
	// than the provider asks for.
	Backoff Span `yaml:"backoff"`
}

// Timeout bounds how long to wait for targets.
type Timeout struct {
	// Connect is how long it may take to get a connection with a target; left out, the
	// provider's limit of 10s applies.
	Connect time.Duration `yaml:"connect"`
	// FirstByte is how long a target may take to send the headers of its answer; left out,
	// only first_token applies.
	FirstByte time.Duration `yaml:"first_byte"`
	// FirstToken is how long a target may take to begin its answer while another one
	// could take over; a plain reply, which arrives all at once, gets four times as long.
	// The last target that could answer has the total time.
	FirstToken time.Duration `yaml:"first_token"`
	// Idle is how long an answer that has begun may go without a byte.
	Idle time.Duration `yaml:"idle"`
	// PingIdle is how long it may go without output while pings, comments or empty
	// events keep coming.
	PingIdle time.Duration `yaml:"ping_idle"`
	// KeepAlive is how long the caller of a stream waits without a byte before it is sent
	// a comment. That begins the reply with status 200, so later errors come inside the
	// stream. 0 sends none.
	KeepAlive time.Duration `yaml:"keep_alive"`
	// Total is for the whole request, retries and fallbacks included.
	Total time.Duration `yaml:"total"`
}

// TargetTimeout bounds how long to wait for one target; the model's timeout applies to
// what is left out.
type TargetTimeout struct {
	// Connect is how long it may take to get a connection with the target.
	Connect time.Duration `yaml:"connect"`
	// FirstByte is how long the target may take to send the headers of its answer.
	FirstByte time.Duration `yaml:"first_byte"`
	// FirstToken is how long the target may take to begin its answer while another one
	// could take over.
	FirstToken time.Duration `yaml:"first_token"`
	// Idle is how long an answer that has begun may go without a byte.
	Idle time.Duration `yaml:"idle"`
	// PingIdle is how long it may go without output while pings, comments or empty
	// events keep coming.
	PingIdle time.Duration `yaml:"ping_idle"`
}

// Hedge says when a second target is asked beside the first.
type Hedge struct {
	// After is how long the first target may go without content; left out, none is asked
	// beside it, unless there is a percentile.
	After time.Duration `yaml:"after"`
	// Percentile waits as long as that share of the target's recent answers took to begin, 50
	// or 95, and at least as long as after says, which is one second when left out.
	Percentile int `yaml:"percentile" jsonschema:"enum=50,enum=95"`
}

// Stream says what happens to streams that break off.
type Stream struct {
	// Resume lets another target go on with a stream that broke off: auto lets it answer anew,
	// and leaves out what was sent already if its answer begins with that, or has it continue
	// the text if it can; off ends the stream with an error.
	Resume Resume `yaml:"resume"`
	// Hold is how many tokens of a stream are held back at its start, or all of it. What breaks
	// off within that is answered by another target as if it had not begun.
	Hold Hold `yaml:"hold"`
	// Abandoned is what happens to a stream whose caller hangs up: cancel ends it at the
	// provider, and charges what has come; drain reads it to its end, for a minute at most, to
	// learn from the provider what it costs.
	Abandoned Abandoned `yaml:"abandoned"`
}

// Escalate says which answers are not good enough.
type Escalate struct {
	// On are the checks: empty, an answer without content; refusal, one that declines; json, one
	// that is not the JSON that the request asks for; length, one that its bound on output
	// tokens has cut off; filter, one that a content filter has held back; self_score, one that a
	// model gives too low a score.
	On []Check `yaml:"on" jsonschema:"minItems=1,uniqueItems=true"`
	// Max is how many answers of one request may be turned down, 1 to 10.
	Max int `yaml:"max" jsonschema:"minimum=1,maximum=10"`
	// SelfScore says which model is asked how good an answer is, for the check self_score.
	SelfScore *SelfScore `yaml:"self_score"`
}

// SelfScore has a model score answers that pass all other checks, plain ones and streams that
// are held back as a whole. An answer whose score does not come in time passes.
type SelfScore struct {
	// Target is the model that is asked, as provider/model; left out, the one that has answered.
	// What it costs is in the record of the request, and counts for none of its limits.
	Target *Target `yaml:"target"`
	// Below is the score under which the next target is asked, more than 0 and at most 1.
	Below float64 `yaml:"below" jsonschema:"exclusiveMinimum=0,maximum=1"`
	// Timeout is how long to wait for a score, at most 30s.
	Timeout time.Duration `yaml:"timeout"`
}

// Classify says what labels requests: a target, or an HTTP API. While it fails, requests have no
// class.
type Classify struct {
	// Target is a model that is asked for one of the labels, as provider/model. What it costs is
	// in the record of the request, and counts for none of its limits.
	Target *Target `yaml:"target"`
	// URL is an API that answers POST {"text", "model", "tags"} by {"label"}.
	URL string `yaml:"url"`
	// APIKey is sent to the API as a bearer token.
	APIKey Secret `yaml:"api_key"`
	// Labels are the classes. A target needs them; an API may leave them out.
	Labels []string `yaml:"labels" jsonschema:"uniqueItems=true"`
	// Timeout is how long to wait for a label, at most 10s.
	Timeout time.Duration `yaml:"timeout"`
}

// Mirror says which requests are copied, and where to. Copies are billed to nobody: their
// records have no key, team or user, and the tag penstock:mirror.
type Mirror struct {
	// Target gets the copies, as provider/model.
	Target *Target `yaml:"target"`
	// Use is a model of this configuration, whose best target gets the copies.
	Use string `yaml:"use"`
	// Share is the share of requests that are copied, such as 10%.
	Share Share `yaml:"share"`
	// MaxInflight is how many copies may be under way; further ones are left out.
	MaxInflight int `yaml:"max_inflight" jsonschema:"minimum=1,maximum=1000"`
	// Timeout is how long a copy may take.
	Timeout time.Duration `yaml:"timeout"`
}

// Similar are the settings of the similarity cache.
type Similar struct {
	// Mode is off, shadow or on. Shadow answers no request: it counts similar replies, and
	// compares each with the target's.
	Mode SimilarMode `yaml:"mode" jsonschema:"required"`
	// Threshold is the least cosine of two texts.
	Threshold float64 `yaml:"threshold" jsonschema:"minimum=0.85,maximum=1"`
	// Embedder is what computes the texts' vectors: lexical is built in and finds light
	// rewordings only; else the name of a model that requests for embeddings may use.
	Embedder string `yaml:"embedder" jsonschema:"minLength=1"`
	// MaxChars is the longest text that is looked up, in characters.
	MaxChars int `yaml:"max_chars" jsonschema:"minimum=1,maximum=10000"`
	// Sample is the share of similar hits, from 0 to 1, that are answered by a target anyway, to
	// compare the replies.
	Sample float64 `yaml:"sample" jsonschema:"minimum=0,maximum=1"`
}

// RouteCache says whether replies are kept and for how long.
type RouteCache struct {
	// TTL is how long replies are kept; left out, none are.
	TTL time.Duration `yaml:"ttl"`
	// Similar lets a reply answer a request that says the same in other words: off, shadow, on,
	// or a mapping with the mode.
	Similar Similar `yaml:"similar"`
	// Shared lets teams read replies that other teams paid for.
	Shared bool `yaml:"shared"`
	// Coalesce lets equal requests in flight share one reply: on or off.
	Coalesce Coalesce `yaml:"coalesce"`
	// ToolCalls keeps replies that end with tool calls, too. A tool may act on the world, so
	// the same call is not always wanted again.
	ToolCalls bool `yaml:"tool_calls"`
	// Varied keeps replies to requests with a temperature above 0, too: they ask for answers
	// that vary.
	Varied bool `yaml:"varied"`
	// Pace is how many pieces of a stored stream are sent in a second, such as 50/s, for clients
	// that show text as it comes; left out, all of it is sent at once.
	Pace Pace `yaml:"pace"`
}
