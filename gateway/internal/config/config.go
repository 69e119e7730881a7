// Package config turns one YAML file into a Config: strictly, with every default in
// one place and every fault reported at once, as a picture of the line it stands on.
// Without a file it finds providers in the environment. It also watches files for
// changes and describes the file as a JSON Schema.
//
// It does not act on what it reads: opening the ledger, compiling policies, loading
// modules and building routes is for main, which can report what goes wrong there in
// the same form through Config.Fault.
package config

import (
	"encoding/json"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Config is the whole configuration of a gateway, complete with defaults. Nothing here
// changes it after Load, so it may be shared.
type Config struct {
	// Listen is the address of the API, as host:port.
	Listen string `yaml:"listen"`
	// Admin is the listener of the admin API.
	Admin Admin `yaml:"admin"`
	// Keys says whether callers need a virtual key: required, optional (a key that is
	// sent must be good, none is needed) or off. With a configuration file the default
	// is required; without one it is off.
	Keys KeyMode `yaml:"keys"`
	// Server bounds what callers may send and how long they may take.
	Server Server `yaml:"server"`
	// CORS lets web pages of other origins use the API; left out, none may.
	CORS CORS `yaml:"cors"`
	// Providers are accounts at upstream APIs, by the name that targets use.
	Providers map[string]Provider `yaml:"providers"`
	// Models are the names that clients ask for. A name may hold one "*", which then
	// stands for the same text in its targets.
	Models map[string]Model `yaml:"models"`
	// Unpriced says what becomes of requests under a hard limit in US dollars at targets
	// without a known price: deny, or allow them uncounted. A model may say otherwise.
	Unpriced Unpriced `yaml:"unpriced"`
	// Plugins are your own Wasm modules, by the name that routes use, and the rules for
	// all of them.
	Plugins Plugins `yaml:"plugins"`
	// Endpoints are further paths of the API, for callers whose wire format a plugin
	// knows: /acme/generate, or /acme/* for all that begin so.
	Endpoints map[string]Endpoint `yaml:"endpoints"`
	// Policies is the folder of Rego files that decide on admission; left out, the
	// built-in policy decides. Like every path here it is relative to this file.
	Policies string `yaml:"policies"`
	// DecisionLog is where every admission decision is written, and what came of it, as
	// lines of JSON in the form of OPA's decision log: a file, or stderr. Left out, none
	// are. The address and the metadata of requests are not written.
	DecisionLog string `yaml:"decision_log"`
	// TimeZone is the zone of the clock that policies read and in which the days, weeks
	// and months of limits begin: a name such as Europe/Berlin. UTC when left out. A
	// change needs a restart, since amounts are counted by window.
	TimeZone TimeZone `yaml:"time_zone"`
	// Cache is the store of replies that all routes with a cache share.
	Cache Cache `yaml:"cache"`
	// Ledger is where usage records and keys are kept: sqlite://FILE.
	Ledger LedgerURL `yaml:"ledger"`
	// Retention is how long usage records are kept, such as 90d; 0s keeps them for ever.
	// Budgets do not depend on them.
	Retention time.Duration `yaml:"retention"`
	// OnLedgerFailure says what becomes of requests while usage can't be recorded, because
	// the disk is full or the ledger's file was deleted: refuse answers 503, serve goes on
	// with those that no hard limit on money or tokens applies to.
	OnLedgerFailure LedgerFailure `yaml:"on_ledger_failure"`
	// State is where counters are kept between requests: memory.
	State State `yaml:"state"`

	// Found names what Discover found, for people: "openai (env)".
	Found []string `yaml:"-"`

	source source
	// patterns are the models with a "*", longest first.
	patterns []string
}

// Admin is the listener of the admin API.
type Admin struct {
	// Listen is the address of the admin API, as host:port.
	Listen string `yaml:"listen"`
	// Auth is loopback (who can reach the loopback interface may do everything) or key
	// (a virtual key with the role admin is needed). Any other address than loopback
	// needs key.
	Auth AdminAuth `yaml:"auth"`
}

// Server bounds what callers may send and how long they may take.
type Server struct {
	// MaxBody is the largest request body, such as 32MiB.
	MaxBody Bytes `yaml:"max_body"`
	// MaxBodies is how much all requests in flight may hold together: their bodies, after
	// inflating, and plain replies. One key, or one address where there is no key, may hold
	// half of it. Beyond it callers are told to come back. Left out, it is 512MiB, or a
	// quarter of the memory that the process may use if that is less.
	MaxBodies Bytes `yaml:"max_bodies"`
	// MaxReply is the largest answer of a provider that is not streamed, and the largest
	// event of one that is, such as 32MiB.
	MaxReply Bytes `yaml:"max_reply"`
	// MaxRequests is how many requests may be in flight; more are told to come back.
	MaxRequests int `yaml:"max_requests"`
	// HeaderTimeout is how long a caller may take to send its headers.
	HeaderTimeout time.Duration `yaml:"header_timeout"`
	// BodyTimeout is how long a caller may take to send its body. A body that pauses for
	// 10s, or is slower than 8 KiB/s, is cut sooner.
	BodyTimeout time.Duration `yaml:"body_timeout"`
	// WriteTimeout is how long a caller may go without taking a byte of its reply.
	WriteTimeout time.Duration `yaml:"write_timeout"`
	// DrainDelay is how long the gateway goes on serving after SIGTERM while /readyz says
	// that it is not ready, so that load balancers send no more; 0 stops at once.
	DrainDelay time.Duration `yaml:"drain_delay"`
	// Grace is how long running requests may take to finish after that.
	Grace time.Duration `yaml:"grace"`
}

// CORS lets web pages of other origins use the API.
type CORS struct {
	// Origins are the pages' origins, such as https://app.example.com, or "*" for any.
	// What pages send needs a key like everything else; cookies are never involved.
	Origins []Origin `yaml:"origins"`
}

// AllowedOrigins are the origins as browsers send them.
func (c CORS) AllowedOrigins() []string {
	out := make([]string, len(c.Origins))
	for i, o := range c.Origins {
		out[i] = string(o)
	}
	return out
}

// Provider is an account at an upstream API. What a well-known provider leaves out
// is filled in from KnownProviders.
type Provider struct {
	// Dialect is the wire format: openai or anthropic. Well-known providers know it.
	Dialect llm.Dialect `yaml:"dialect"`
	// BaseURL is the address up to and including the version, such as
	// https://api.openai.com/v1. Well-known providers know it.
	BaseURL string `yaml:"base_url"`
	// APIKey refers to the credential: env:NAME or file:PATH.
	APIKey Secret `yaml:"api_key"`
	// AllowPrivate permits an address on loopback or a private network.
	AllowPrivate bool `yaml:"allow_private"`
	// Headers are added to every request to the provider. Values may be env:NAME or
	// file:PATH, and must be for headers that carry credentials.
	Headers map[string]Secret `yaml:"headers"`
	// Proxy is the proxy on the way to the provider, as http://HOST:PORT, https or socks5;
	// one with credentials as env:NAME or file:PATH. Write none to go without. Left out,
	// HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment apply.
	Proxy Secret `yaml:"proxy"`
	// StreamUsage says whether usage is asked for in streams (stream_options): auto asks
	// until the provider refuses to be asked, on always, off never.
	StreamUsage StreamUsage `yaml:"stream_usage"`
	// OutputLimit is the name of the bound on output tokens that the provider heeds: auto,
	// max_tokens or max_completion_tokens. auto knows well-known providers, takes others to
	// know max_tokens, and takes the other name for a target that refuses one.
	OutputLimit OutputLimit `yaml:"output_limit"`
	// Catalog names the provider whose prices and limits apply; left out it follows
	// from the name or the address.
	Catalog string `yaml:"catalog"`
	// Region is where the provider runs, for policies.
	Region string `yaml:"region"`
}

// Model is a name that clients ask for, and how it is served.
type Model struct {
	// Router ranks the targets: ordered, weighted, cost, balanced or a plugin.
	Router string `yaml:"router"`
	// With is the router's settings.
	With Object `yaml:"with"`
	// Targets are what may serve the model, as provider/model.
	Targets []Target `yaml:"targets" jsonschema:"required,minItems=1"`
	// Fallback are targets that are tried only when every other one has failed.
	Fallback []Target `yaml:"fallback"`
	// Retries bounds how often one target is tried for one request.
	Retries Retries `yaml:"retries"`
	// Timeout bounds the waiting for targets.
	Timeout Timeout `yaml:"timeout"`
	// Empty says what becomes of an answer that ends by itself and says nothing: fallback
	// asks another target and passes the empty answer on only if none says more; pass
	// takes it for an answer.
	Empty Empty `yaml:"empty"`
	// Cache says whether replies are kept and for how long.
	Cache RouteCache `yaml:"cache"`
	// Unpriced overrides the setting of the same name for all models: deny refuses targets
	// without a known price where a hard limit in US dollars applies, allow lets requests
	// through uncounted.
	Unpriced Unpriced `yaml:"unpriced"`
	// OnUnsupported says what becomes of a member of a request that a target's wire format
	// has no place for, such as seed at Anthropic: drop leaves it out, and the header
	// x-penstock-dropped names it; reject leaves the target out, and refuses the request
	// when no other is left.
	OnUnsupported Unsupported `yaml:"on_unsupported"`
	// Transform names plugins that change requests and replies. Requests pass through
	// them in this order, replies in the reverse one.
	Transform []string `yaml:"transform"`
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
	// Timeout bounds the waiting for this target.
	Timeout TargetTimeout `yaml:"timeout"`
	// Quality is how good the model is, from 0 to 1.
	Quality *float64 `yaml:"quality" jsonschema:"minimum=0,maximum=1"`
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
	// WebSearch is the price of 1,000 web searches that the provider makes for replies; 10
	// when left out.
	WebSearch *Dollars `yaml:"web_search"`
}

// Retries bounds how often one target is tried for one request.
type Retries struct {
	// Attempts is the number of tries on one target, the first included: 1 to 6.
	Attempts int `yaml:"attempts" jsonschema:"minimum=1,maximum=6"`
	// Backoff bounds the pause between tries, as shortest..longest.
	Backoff Span `yaml:"backoff"`
}

// Timeout bounds the waiting for targets.
type Timeout struct {
	// FirstToken is how long a target may take to begin its answer while another one
	// could take over; a plain reply, which shows nothing before it is whole, gets four
	// times as long. The last target that could answer has the total time.
	FirstToken time.Duration `yaml:"first_token"`
	// Idle is how long an answer that has begun may go without a byte.
	Idle time.Duration `yaml:"idle"`
	// PingIdle is how long it may go without output while pings, comments or empty
	// events keep coming.
	PingIdle time.Duration `yaml:"ping_idle"`
	// KeepAlive is how long the caller of a stream hears nothing before it is sent a
	// comment, which begins the reply with status 200: later errors come inside the
	// stream. 0 sends none.
	KeepAlive time.Duration `yaml:"keep_alive"`
	// Total is for the whole request, retries and fallbacks included.
	Total time.Duration `yaml:"total"`
}

// TargetTimeout bounds the waiting for one target; what is left out is as the model's
// timeout says.
type TargetTimeout struct {
	// FirstToken is how long the target may take to begin its answer while another one
	// could take over.
	FirstToken time.Duration `yaml:"first_token"`
	// Idle is how long an answer that has begun may go without a byte.
	Idle time.Duration `yaml:"idle"`
	// PingIdle is how long it may go without output while pings, comments or empty
	// events keep coming.
	PingIdle time.Duration `yaml:"ping_idle"`
}

// Empty says what becomes of a whole answer that says nothing.
type Empty string

// The treatments of empty answers.
const (
	EmptyFallback Empty = "fallback"
	EmptyPass     Empty = "pass"
)

// RouteCache says whether replies are kept and for how long.
type RouteCache struct {
	// TTL is how long replies are kept; left out, none are.
	TTL time.Duration `yaml:"ttl"`
	// Similar lets a reply answer a request that is only alike. This version knows off.
	Similar Similar `yaml:"similar"`
	// Shared lets every team read what another one paid for.
	Shared bool `yaml:"shared"`
}

// Plugins are your own Wasm modules and the rules for all of them.
type Plugins struct {
	// Pinned refuses plugins that are not pinned by sha256.
	Pinned bool `yaml:"pinned"`
	// Trusted are public keys as penstock plugin keygen prints them. With any given,
	// every plugin needs a signature by one of them, in the file FILE.sig.
	Trusted []PublicKey `yaml:"trusted"`
	// Own are the modules by name: every other member of the section.
	Own map[string]Plugin `yaml:"*"`
}

// Plugin is a Wasm module of your own.
type Plugin struct {
	// File is the .wasm file, relative to this configuration.
	File string `yaml:"file" jsonschema:"required,minLength=1"`
	// SHA256 pins the file's content: 64 hexadecimal digits.
	SHA256 string `yaml:"sha256" jsonschema:"pattern=^[0-9a-fA-F]{64}$"`
	// Grants are what the plugin may do, such as log and read:messages.
	Grants []Grant `yaml:"grants"`
	// With is the plugin's own settings.
	With Object `yaml:"with"`
	// MaxMemory is the most memory one instance may hold, such as 64MiB; left out, the
	// gateway decides.
	MaxMemory Bytes `yaml:"max_memory"`
	// Fuel is how many instructions one call may take; left out, the gateway decides.
	Fuel int64 `yaml:"fuel" jsonschema:"minimum=1"`
	// OnError says what becomes of a request when the plugin fails: skip or fail. Left
	// out, a router is skipped and everything else fails.
	OnError OnError `yaml:"on_error"`
	// Isolate is call for a plugin that gets fresh memory for every call, so that nothing of
	// one caller's can reach another; left out, calls share instances.
	Isolate Isolation `yaml:"isolate"`
	// Record keeps every call, prompts included, beside the ledger, so that penstock
	// plugin replay can repeat it.
	Record bool `yaml:"record"`
}

// OnError says what becomes of a request when a plugin fails in one of its hooks. The
// zero value of each means that the hook's own default holds.
type OnError struct {
	// Route is for rankings: skip uses the configured order.
	Route ErrorMode `yaml:"route"`
	// Request is for the request on its way to the provider: skip sends it unchanged.
	Request ErrorMode `yaml:"request"`
	// Response is for plain replies: skip passes them on unchanged.
	Response ErrorMode `yaml:"response"`
	// Event is for streams: skip passes a chunk on unchanged.
	Event ErrorMode `yaml:"event"`
}

// Endpoint is a path of the API at which callers speak a plugin's wire format.
type Endpoint struct {
	// Dialect is the plugin that puts requests into the canonical form, and replies into
	// the callers' own.
	Dialect string `yaml:"dialect" jsonschema:"required,minLength=1"`
	// StreamType is the Content-Type of streamed replies; text/event-stream when left out.
	StreamType string `yaml:"stream_type"`
}

// Cache is the store of replies that all routes with a cache share.
type Cache struct {
	// Size is the most memory that cached replies may take, such as 256MiB.
	Size Bytes `yaml:"size"`
}

// Object is a JSON object, or nil. It holds settings that a router or plugin knows
// the meaning of.
type Object json.RawMessage
