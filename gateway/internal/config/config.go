// Package config reads one YAML file into a Config. Unknown settings are faults, defaults
// are set in one place, and all faults are reported at once, each with its line of the
// file. Without a file it finds providers in the environment. It also watches files for
// changes and describes the file as a JSON Schema.
//
// It does not act on what it reads: opening the ledger, compiling policies, loading
// modules and building routes is the caller's work, which can report faults found there
// in the same form with Config.Fault.
package config

import (
	"encoding/json"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Config is the whole configuration of a gateway, defaults included. It does not change
// after Load, so it is safe to share.
type Config struct {
	// Listen is the address of the API, as host:port.
	Listen string `yaml:"listen"`
	// TLS has the API's listener serve HTTPS.
	TLS TLS `yaml:"tls"`
	// Admin is the listener of the admin API.
	Admin Admin `yaml:"admin"`
	// Keys says whether callers need a virtual key: required, optional (a key that is
	// sent must be good, none is needed) or off. With a configuration file the default
	// is required; without one it is off.
	Keys KeyMode `yaml:"keys"`
	// Identity is whose tokens callers may send in place of a virtual key; left out, none are accepted.
	Identity Identity `yaml:"identity"`
	// Server bounds what callers may send and how long they may take.
	Server Server `yaml:"server"`
	// CORS lets web pages of other origins use the API; left out, none may.
	CORS CORS `yaml:"cors"`
	// Media says whether the gateway fetches images, documents and sounds that requests name
	// by URL, for targets that take only their data.
	Media Media `yaml:"media"`
	// Providers are accounts at upstream APIs, by the name that targets use.
	Providers map[string]Provider `yaml:"providers"`
	// Models are the names that clients ask for. A name may hold one "*", which then
	// stands for the same text in its targets.
	Models map[string]Model `yaml:"models"`
	// Unpriced is what happens to requests under a hard limit in US dollars at targets
	// without a known price: deny, or allow them uncounted. A model may override it.
	Unpriced Unpriced `yaml:"unpriced"`
	// Plugins are your own Wasm modules, by the name that routes use, and the rules for
	// all of them.
	Plugins Plugins `yaml:"plugins"`
	// Endpoints are further paths of the API, for callers whose wire format a plugin
	// knows: /acme/generate, or /acme/* for all that begin so.
	Endpoints map[string]Endpoint `yaml:"endpoints"`
	// Policies are the files that decide on admission: a folder with teams.yaml, limits.yaml,
	// models.yaml and rules in Rego, or a mapping with a bundle. Left out, the built-in policy
	// decides.
	Policies Policies `yaml:"policies"`
	// Catalog is a file of models with their prices and capabilities, which replace those that the
	// gateway knows by itself; penstock catalog update writes it. Left out, there is none.
	Catalog string `yaml:"catalog"`
	// Classifier is about the router classifier, in all models that use it.
	Classifier Classifier `yaml:"classifier"`
	// DecisionLog is where every admission decision and the request's outcome are written,
	// as lines of JSON in the form of OPA's decision log: a file, stderr, or a mapping with more
	// settings. Left out, none are. The address and the metadata of requests are not written.
	DecisionLog DecisionLog `yaml:"decision_log"`
	// TimeZone is the zone of the clock that policies read and in which the days, weeks
	// and months of limits begin: a name such as Europe/Berlin. UTC when left out. A
	// change needs a restart, since amounts are counted by window.
	TimeZone TimeZone `yaml:"time_zone"`
	// RetryBudget bounds the retries and fallbacks of all requests together.
	RetryBudget RetryBudget `yaml:"retry_budget"`
	// Cache is the store of replies that all routes with a cache share.
	Cache Cache `yaml:"cache"`
	// Ledger is where usage records and keys are kept: sqlite://FILE, or a mapping with more
	// settings.
	Ledger Ledger `yaml:"ledger"`
	// Retention is how long usage records are kept, such as 90d, or a mapping with records and
	// sums. Budgets do not depend on them.
	Retention Retention `yaml:"retention"`
	// OnLedgerFailure is what happens to requests while usage can't be recorded, because
	// the disk is full or the ledger's file was deleted: refuse answers 503, serve still
	// serves those that no hard limit on money or tokens applies to.
	OnLedgerFailure LedgerFailure `yaml:"on_ledger_failure"`
	// State is where counters are kept between requests: memory.
	State State `yaml:"state"`
	// Telemetry is where traces of requests go.
	Telemetry Telemetry `yaml:"telemetry"`
	// Log is what is written to standard error.
	Log Log `yaml:"log"`
	// Webhooks are addresses that are told when a budget is nearly used up, a target's circuit
	// opens or closes, a plugin is disabled or a reload is refused.
	Webhooks []Webhook `yaml:"webhooks"`

	// Found names what Discover found, for people: "openai (env)".
	Found []string `yaml:"-"`

	source source
	// patterns are the models with a "*", longest first.
	patterns []string
}

// Ledger is where usage records and keys are kept.
type Ledger struct {
	// URL is the database: sqlite://FILE.
	URL LedgerURL `yaml:"url"`
	// Sync is when a record counts as written. normal hands it to the operating system: it
	// survives the end of the process, kill -9 included, and a loss of power may lose the last
	// moments. full waits until the disk has it, so that a loss of power loses nothing that
	// was answered; every reply waits for the disk.
	Sync LedgerSync `yaml:"sync"`
}

// Retention is how long usage is kept.
type Retention struct {
	// Records is how long the record of each request is kept, such as 90d; 0s keeps them for ever,
	// and the sums with them.
	Records time.Duration `yaml:"records"`
	// Sums is how long the sums of each hour are kept that spend is reported from, such as 3y: at
	// least as long as records. 0s keeps them for ever.
	Sums time.Duration `yaml:"sums"`
}

// Classifier is about the router classifier.
type Classifier struct {
	// Weights is a file that penstock classifier train has written, to be used in place of the
	// built-in weights. A new one is loaded without a restart.
	Weights string `yaml:"weights" jsonschema:"minLength=1"`
}

// Admin is the listener of the admin API.
type Admin struct {
	// Listen is the address of the admin API, as host:port.
	Listen string `yaml:"listen"`
	// Auth is loopback (whoever can reach the loopback interface may do everything) or key
	// (a virtual key with the role viewer, member or admin is needed). Any other address than
	// loopback needs key.
	Auth AdminAuth `yaml:"auth"`
	// TLS has the listener serve HTTPS. The files may be those of the section tls.
	TLS KeyPair `yaml:"tls"`
}

// Server bounds what callers may send and how long they may take.
type Server struct {
	// MaxBody is the largest request body, such as 32MiB.
	MaxBody Bytes `yaml:"max_body"`
	// MaxBodies is how much all requests in flight may hold together: their decompressed
	// bodies and plain replies. One key, or one address where there is no key, may hold
	// half of it. Beyond it callers are asked to retry later. Left out, it is 512MiB, or a
	// quarter of the memory that the process may use if that is less.
	MaxBodies Bytes `yaml:"max_bodies"`
	// MaxReply is the largest answer of a provider that is not streamed, and the largest
	// event of one that is, such as 32MiB.
	MaxReply Bytes `yaml:"max_reply"`
	// MaxRequests is how many requests may be in flight. Further ones wait in the queue. Those
	// of low priority may take 80 % of the places, those of normal priority 95 %.
	MaxRequests int `yaml:"max_requests"`
	// MaxRequestsPerCaller is how many requests one key may have at once, or one address where
	// there is no key, waiting ones included; callers of more are asked to retry later. Left
	// out, there is no such limit.
	MaxRequestsPerCaller int `yaml:"max_requests_per_caller" jsonschema:"minimum=1"`
	// Queue is where requests wait for a place: at the gateway, before their body is read,
	// and at targets and providers with max_inflight.
	Queue Queue `yaml:"queue"`
	// HeaderTimeout is how long a caller may take to send its headers.
	HeaderTimeout time.Duration `yaml:"header_timeout"`
	// BodyTimeout is how long a caller may take to send its body. A body that pauses for
	// 10s, or is slower than 8 KiB/s, is cut sooner.
	BodyTimeout time.Duration `yaml:"body_timeout"`
	// WriteTimeout is how long a caller may go without taking a byte of its reply.
	WriteTimeout time.Duration `yaml:"write_timeout"`
	// DrainDelay is how long the gateway keeps serving after SIGTERM while /readyz reports
	// that it is not ready, so that load balancers send no more; 0 stops at once.
	DrainDelay time.Duration `yaml:"drain_delay"`
	// Grace is how long running requests may take to finish after that.
	Grace time.Duration `yaml:"grace"`
	// Prefix is a path that may stand before every path of the API, such as /ai where a
	// load balancer passes on what begins so. Paths without it work as well.
	Prefix string `yaml:"prefix"`
}

// Queue is where requests wait for a place. Those of a higher priority go first, and take the
// place of the last one below where as many wait as may.
type Queue struct {
	// Size is how many may wait for the gateway, and as many for each target; half of them
	// for one key. Further ones are asked to retry later. 0 lets none wait.
	Size int `yaml:"size" jsonschema:"minimum=0"`
	// Wait is how long a request may wait in all before it is asked to retry later.
	Wait time.Duration `yaml:"wait"`
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

// Media says what the gateway may fetch of what requests name by URL. The URLs come from
// callers: without further settings it fetches from public addresses only.
type Media struct {
	// Fetch lets the gateway fetch; left out, a request that needs it is refused.
	Fetch bool `yaml:"fetch"`
	// MaxBytes is the largest image, document or sound; left out, it is 20MiB, or
	// server.max_body if that is less. With what was fetched, a request may not be larger than
	// server.max_body.
	MaxBytes Bytes `yaml:"max_bytes"`
	// Timeout is how long fetching one of them may take, with its redirects.
	Timeout time.Duration `yaml:"timeout"`
	// Hosts are the only hosts to fetch from: images.example.com, or *.example.com for all below
	// a domain. Left out, all are. Other ports than 80 and 443 have to be named:
	// images.example.com:8443.
	Hosts []MediaHost `yaml:"hosts"`
	// AllowPrivate are networks to fetch from although they are not public, such as 10.1.0.0/16:
	// on this machine or a private network. Clouds' own services, such as 169.254.169.254, are
	// never fetched from.
	AllowPrivate []Network `yaml:"allow_private"`
}

// Provider is an account at an upstream API. What a well-known provider leaves out
// is filled in from KnownProviders.
type Provider struct {
	// Dialect is the wire format: openai, openai-responses, anthropic, gemini, cohere, ollama or a
	// plugin. Well-known providers need none.
	Dialect llm.Dialect `yaml:"dialect"`
	// Also are further wire formats that the provider speaks at the same address: openai, anthropic,
	// openai-responses or openai-completions. Requests in them are passed on as they are. Well-known
	// providers need none.
	Also []llm.Dialect `yaml:"also"`
	// BaseURL is the address up to and including the version, such as
	// https://api.openai.com/v1, or for the dialect ollama up to /api, such as
	// http://10.0.0.5:11434/api. Well-known providers need none.
	BaseURL string `yaml:"base_url"`
	// APIKey refers to the credential: env:NAME or file:PATH.
	APIKey Secret `yaml:"api_key"`
	// APIKeys are several credentials in place of api_key, such as those of several accounts:
	// when one of them is refused, or has used up its rate limit, the request is sent again
	// with another one.
	APIKeys []APIKey `yaml:"api_keys"`
	// AllowPrivate permits an address on loopback or a private network.
	AllowPrivate bool `yaml:"allow_private"`
	// Headers are added to every request to the provider. Values may be env:NAME or
	// file:PATH; those of headers that carry credentials must be.
	Headers map[string]Secret `yaml:"headers"`
	// Proxy is the proxy on the way to the provider, as http://HOST:PORT, https or socks5;
	// one with credentials as env:NAME or file:PATH. Write none for no proxy. Left out,
	// HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment apply.
	Proxy Secret `yaml:"proxy"`
	// StreamUsage says whether streams are requested with usage (stream_options): on always,
	// off never, auto until the provider rejects the option.
	StreamUsage StreamUsage `yaml:"stream_usage"`
	// OutputLimit is the provider's name for the bound on output tokens: auto, max_tokens or
	// max_completion_tokens. auto has the names of well-known providers, uses max_tokens for
	// others, and switches to the other name for a target that rejects one.
	OutputLimit OutputLimit `yaml:"output_limit"`
	// APIVersion is the version of the API for Azure's older paths, such as 2024-10-21. Then a
	// target's model is the name of a deployment, and base_url ends in /openai, without a
	// version: https://RESOURCE.openai.azure.com/openai.
	APIVersion APIVersion `yaml:"api_version"`
	// Catalog names the provider whose prices and limits apply; left out it follows
	// from the name or the address.
	Catalog string `yaml:"catalog"`
	// Region is where the provider runs, such as eu. A request that must stay in a region, by
	// its policy, its model or the tag region, is sent to no target of another or of no region.
	Region Region `yaml:"region"`
	// Data are the classes of data that may be sent to the provider, such as public and
	// internal. A request with data of other classes, by its policy or the tag data_class, is
	// not sent there; without this setting, none with a class is.
	Data []DataClass `yaml:"data"`
	// MaxInflight is how many requests all of its targets take at once together, in all models;
	// left out, any number.
	MaxInflight int `yaml:"max_inflight" jsonschema:"minimum=1"`
	// Probe calls targets that nobody asks or that are cooling down, to notice without a
	// caller's request that they fail or have recovered; left out, they are not called.
	Probe HealthProbe `yaml:"probe"`
}

// APIKey is one of several credentials of a provider.
type APIKey struct {
	// Key refers to the credential: env:NAME or file:PATH.
	Key Secret `yaml:"key" jsonschema:"required"`
	// Name names it in records, metrics and commands, as PROVIDER#NAME; left out, it is the
	// credential's number, from 1.
	Name string `yaml:"name"`
	// Weight is its share of the requests that belong to no session; 1 when left out.
	Weight float64 `yaml:"weight" jsonschema:"exclusiveMinimum=0"`
}

// RetryBudget bounds the retries and fallbacks of all requests together, so that an outage
// is not answered with a multiple of the load. A change of it needs no restart.
type RetryBudget struct {
	// Share is how many retries and fallbacks each request adds to the budget.
	Share float64 `yaml:"share" jsonschema:"minimum=0,maximum=100"`
	// PerSecond is how many are added each second, whatever the traffic.
	PerSecond float64 `yaml:"per_second" jsonschema:"minimum=0,maximum=1000000"`
	// Burst is how many unused ones are kept; 0 allows none at all.
	Burst int `yaml:"burst" jsonschema:"minimum=0,maximum=1000000"`
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
	// OnError is what happens to a request when the plugin fails: skip or fail. Left
	// out, a router is skipped and everything else fails.
	OnError OnError `yaml:"on_error"`
	// Isolate is call to give the plugin fresh memory for every call, so that no data of one
	// caller can reach another; left out, calls share instances.
	Isolate Isolation `yaml:"isolate"`
	// Record keeps every call, prompts included, beside the ledger, so that penstock
	// plugin replay can repeat it.
	Record bool `yaml:"record"`
}

// OnError is what happens to a request when a plugin fails in one of its hooks. The zero
// value of a field means the hook's default.
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
	// Dialect is the plugin that translates requests into the canonical form, and replies
	// into the callers' format.
	Dialect string `yaml:"dialect" jsonschema:"required,minLength=1"`
	// StreamType is the Content-Type of streamed replies; text/event-stream when left out.
	StreamType string `yaml:"stream_type"`
}

// Cache is the store of replies that all routes with a cache share.
type Cache struct {
	// Size is the most memory that cached replies may take, such as 256MiB.
	Size Bytes `yaml:"size"`
	// Store is the address of a Redis or Valkey server that several gateways share replies in:
	// redis://HOST:PORT, rediss:// for TLS, or unix:///SOCKET; env:NAME for one with a password.
	// Left out, replies are kept in memory only.
	Store Secret `yaml:"store"`
	// Secret signs what is in the store: all gateways that share it have the same one, of 16
	// bytes or more, such as from openssl rand -hex 32.
	Secret Secret `yaml:"secret"`
}

// Object is a JSON object, or nil: the settings of a router or plugin, which only it
// understands.
type Object json.RawMessage

// HealthProbe says how targets are called that nobody asks. It concerns those that a model names, not
// those of patterns.
type HealthProbe struct {
	// Every is how long a target goes without a call before it is probed, 1s to 24h, up to a
	// quarter more or less. One that is cooling down is probed when that is over.
	Every time.Duration `yaml:"every"`
	// Timeout is how long a probe may take, 5s when left out, at most 1m.
	Timeout time.Duration `yaml:"timeout"`
	// Ask is what is asked for: models, the provider's list of models, which costs nothing; or
	// completion, a few tokens of each model, which are paid for.
	Ask ProbeAsk `yaml:"ask"`
	// Path is asked for with GET in place of the list of models, such as /health.
	Path string `yaml:"path"`
}
