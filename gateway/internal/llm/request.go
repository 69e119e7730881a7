package llm

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"
)

// Request is one client request on its way through the pipeline.
type Request struct {
	// ID is unique, sorts by time of arrival and is safe in URLs and headers.
	ID       string
	Endpoint Endpoint
	// Dialect is the client's wire format, in which it is answered.
	Dialect Dialect
	// Body is what the client sent, unchanged, where the gateway knows the client's wire
	// format natively, and its canonical form where only a plugin does. Nobody writes to
	// it. Form is the wire format of Body and Facts; empty means canonical.
	Body  []byte
	Form  Dialect
	Facts Facts
	// Canonical returns the request in the canonical form, made at most once; nil when
	// Body is in it. Its error is the caller's.
	Canonical func(context.Context) (*Request, error)
	// Batch returns a request for embeddings by its elements; nil if it can't be taken apart.
	// Batch itself is nil for any other request.
	Batch func() Batch
	// Header and Query are what a provider of the same dialect is to get of the client's
	// own; nil and empty for none.
	Header    http.Header
	Query     string
	Principal Principal
	// Tags label the request for policy and spend: the body's metadata, overridden by the
	// x-penstock-tags header, overridden by the key's own tags.
	Tags map[string]string
	// Demands are what the key and the caller ask of every target.
	Demands Demands
	// Session is what the consecutive requests of an agent share; empty when the caller
	// names none.
	Session string
	// Class is the label that a classifier endpoint has given the request, at most MaxClass
	// bytes; empty without one. Routers get it.
	Class string
	// IP is the client's address without port.
	IP       string
	Received time.Time
	// Timeout bounds the whole request, and FirstTimeout the wait for the first content, as the
	// caller asks; zero for neither. They only shorten what the route allows.
	Timeout, FirstTimeout time.Duration
	// Deadline is when the request must be answered; zero until its route is known.
	Deadline time.Time
	Cache    CacheControl
	// Priority is the request's class where there is not enough capacity for all, Queued how
	// long it has waited for its turn in front of the pipeline.
	Priority Priority
	Queued   time.Duration
	// Hold counts n more bytes that the request keeps in memory until it is over; its error
	// says why it may not keep them. Nil counts nothing. It may be called by several
	// goroutines at once.
	Hold func(n int64) error
	// At is the moment that a dry run decides for; zero, as for every real request,
	// means now.
	At time.Time
	// Dry marks a request that is only explained: it is not sent, and not logged.
	Dry bool
	// Trace is its place in a distributed trace. Propagate says that providers get it as well.
	Trace     Trace
	Propagate bool
	// Settled is given what became of the request, once it has been settled; nil for nobody. It
	// must not block. Nothing is set in the request then, since it may be copied at that time.
	Settled func(*Record)
}

// MaxClass bounds the label of a request's class, in bytes.
const MaxClass = 64

// PassesTo reports whether the target speaks the wire format of the request's body, so
// that its bytes pass through.
func (r *Request) PassesTo(t *Target) bool {
	form := cmp.Or(r.Form, OpenAI)
	return t.Speaks(form)
}

// Incoming is a request as it came. Query holds no credentials.
type Incoming struct {
	RequestID, Path, Query string
	Header                 http.Header
	Body                   []byte
	// Received is when its headers had arrived.
	Received time.Time
}

// Facts are what one scan of a request body finds. Policy, price, cache key and upstream all
// use these values and never parse the body again.
type Facts struct {
	Model string
	// ModelAt is the span of the model's JSON string, quotes included.
	ModelAt Span
	// End is the offset of the closing brace of the body's outermost object: new
	// members are inserted there.
	End    int
	Stream bool
	// StreamAt and StreamOptionsAt are the spans of these members' values; zero
	// when absent.
	StreamAt        Span
	StreamOptionsAt Span
	// IncludeUsage is stream_options.include_usage.
	IncludeUsage bool
	// MaxTokens is max_completion_tokens, else max_tokens, in tokens; 0 when the
	// client gave neither. MaxTokensAt is the span of that value.
	MaxTokens   int64
	MaxTokensAt Span
	// Choices is n, at least 1.
	Choices  int
	Features Features
	User     string
	// PromptCacheKey is prompt_cache_key, by which clients ask for their prompts to be
	// cached together.
	PromptCacheKey string
	// Metadata holds the body's metadata members that are strings, at most 16.
	Metadata map[string]string
	// Messages is the number of messages, LastUserChars the length in bytes of the
	// last user message's text.
	Messages      int
	LastUserChars int
	// Inputs is the number of texts that an embeddings request is about; 0 for a
	// conversation. Each is a prompt of its own, and nothing is generated. Encoding is how
	// the vectors are to be encoded: "base64", or "float" or nothing for numbers, or what
	// only the provider knows.
	Inputs   int
	Encoding string
	// Free says that the request uses no tokens that cost anything: it only counts them.
	Free bool
	// Beginning is a hash of the texts that a conversation begins with: the system prompt and
	// the messages up to the first one of the user's; 0 without any. ToolsAt is the span of its
	// tools.
	Beginning uint64
	ToolsAt   Span
	// EstInputTokens is a likely size of the prompt, rather too large than too small:
	// bytes of text / 3, plus what images, audio clips and files usually take. It is no
	// upper bound: Estimate has that.
	EstInputTokens int64
	// TextBytes is everything in the body that is not media. No token is shorter than a
	// byte.
	TextBytes int64
	// MediaTokens is an upper bound of what audio clips and files within the body take, in
	// tokens; Images counts the pictures.
	MediaTokens int64
	Images      int
	// MediaAt are the spans of media within the body, in order.
	MediaAt []Span
	// Unbounded names the first thing in the request whose size can't be known here, such
	// as "a remote image"; empty when everything can.
	Unbounded string
	// Repriced names the member by which an OpenAI-like provider may serve the request at
	// other prices than its model's, such as "service_tier"; empty without one.
	Repriced string
	// Tier is the service tier that the request asks for; empty when it asks for none.
	Tier Tier
	// CacheWrites says that the request may ask the provider to keep parts of the prompt.
	CacheWrites bool
	// CacheAt is the span of the whole "cache" member (name, colon, value and one
	// adjoining comma): it is the gateway's own and is cut before sending.
	CacheAt Span
}

// What Facts.Unbounded says of media that lie elsewhere.
const (
	RemoteImage = "a remote image"
	RemoteSound = "a remote sound"
	RemoteFile  = "a remote file"
)

// OtherModels is the member by which callers of OpenRouter name models that may answer in
// place of the one they ask for.
const OtherModels = "models"

// Span is a half-open range of bytes. The zero Span means "absent".
type Span struct{ Start, End int }

// IsZero reports whether the span is absent.
func (s Span) IsZero() bool { return s.End == 0 }

// Features is a set of capabilities that a request needs or a target offers.
type Features uint32

// The features that decide whether a target can serve a request.
const (
	Tools Features = 1 << iota
	Vision
	AudioIn
	AudioOut
	FileIn
	JSONObject
	JSONSchema
	Reasoning
	Logprobs
	Prefill // the conversation ends in an assistant message to be continued
	WebSearch
)

var featureNames = [...]string{"tools", "vision", "audio_in", "audio_out", "file_in",
	"json_object", "json_schema", "reasoning", "logprobs", "prefill", "web_search"}

// Has reports whether every feature of want is in f.
func (f Features) Has(want Features) bool { return f&want == want }

// Names lists the features in a fixed order.
func (f Features) Names() []string {
	var names []string
	for i, name := range featureNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String joins the names with commas.
func (f Features) String() string { return strings.Join(f.Names(), ",") }

// Principal is the caller: the holder of a virtual key, or an anonymous one.
type Principal struct {
	// KeyID is the key's public id, or oidc:ISSUER:SUBJECT for a caller with a token; empty for an
	// anonymous caller.
	KeyID string
	Name  string
	Team  string
	User  string
	Roles []string
	// Models are the aliases that this key may ask for, "*" wildcards allowed;
	// empty means all.
	Models []string
	Tags   map[string]string
	// Budget is the key's own spending limit; zero Max means none.
	Budget  Budget
	Expires time.Time
}

// Budget is an amount of money per window.
type Budget struct {
	Max    NanoUSD `json:"max"`
	Window string  `json:"window"`
}

// CacheControl is what the caller asks of the cache.
type CacheControl struct {
	// NoCache asks for a fresh answer, NoStore that this one be kept nowhere.
	NoCache, NoStore bool
	// TTL overrides the route's lifetime when above zero.
	TTL time.Duration
	// MaxAge asks for an answer that is not older; zero takes any age.
	MaxAge time.Duration
	// Namespace separates entries that would otherwise be shared.
	Namespace string
}
