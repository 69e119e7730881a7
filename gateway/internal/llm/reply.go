package llm

import (
	"cmp"
	"io"
	"net/http"
	"time"
)

// Call is one request in a provider's wire format. It carries no credentials: the
// upstream client adds them.
type Call struct {
	// Method is POST when empty. Path is joined to the provider's base URL, such as
	// "/chat/completions", written as in a URL; Query has no leading "?".
	Method string
	Path   string
	Query  string
	// Header holds what the dialect itself needs, such as anthropic-version.
	Header http.Header
	Body   []byte
	Stream bool
	// Credential is the ID of the provider's credential that the call is made with; empty
	// when the provider has no several ones.
	Credential string
	// Answer is what the target would answer, as far as the gateway knows; nil when the
	// target is to be asked.
	Answer *Answer
}

// Answer is a provider's HTTP response, its body unread.
type Answer struct {
	Status int
	// Header is the provider's own, hop-by-hop and cookie headers removed.
	Header http.Header
	// Body must be closed. Reading it fails beyond its bound.
	Body io.ReadCloser
}

// Event is one piece of a reply, in the client's dialect. A plain JSON reply is a
// stream of one event.
type Event struct {
	// Frame is what goes to the client, framing included, byte for byte.
	Frame []byte
	// Data is the JSON inside the frame: a chunk, or the whole completion. It is
	// empty for comments and for the terminator. It aliases Frame where it can.
	Data []byte
	// Dialect is the wire format of Frame and Data; empty means canonical.
	Dialect Dialect
	// Final marks the terminator of a stream ("data: [DONE]"), or the one event of
	// a plain reply: a reply without a Final event is not complete.
	Final bool
	// Content marks an event with user-visible output: text, a tool call, a refusal,
	// reasoning, an image. Nothing is sent before the first one, so the target can still be
	// replaced.
	Content bool
	// Text is the text of an answer that the event adds, as the inside of a JSON string; nil
	// when it adds none. Other says that some of its content is neither text nor reasoning: a
	// tool call, a refusal, an image, a citation.
	Text  []byte
	Other bool
	// Repeated marks a chunk with all the text that was sent of a reply which another target
	// goes on with. It is for a writer that has rendered none of that text itself, and is not
	// sent.
	Repeated bool
	// Progress marks an event that carries output, shown or not, or a finish reason. All
	// others only show that the connection lives.
	Progress bool
	// Hidden events are read for their usage and not shown to the client. Their Frame
	// may be empty.
	Hidden bool
	// More says that the next event is there without waiting for the provider, so a writer
	// may flush later and send both in one packet.
	More bool
}

// Stream yields a reply's events in order. Next does not wait for the provider while it has
// an event: hidden events, and those that come to nothing, are returned too. It returns
// io.EOF after the Final event of a complete reply; any other error means that the reply is
// not complete. An event is valid until the next call. Close is idempotent and gives the
// connection back or drops it. A Stream is used by one goroutine at a time.
type Stream interface {
	Next() (Event, error)
	// Info is what the events so far say about usage and finish.
	Info() ReplyInfo
	Close() error
}

// StoredReply is a reply that was given to another request: a complete one from the cache, or
// one that is under way.
type StoredReply struct {
	Stream
	// Target is the id of the target that gave it, Age the time since it was complete. Source is
	// the id of the request that it was given to.
	Target string
	Age    time.Duration
	Source string
	// Dialect is the wire format of its events that are not canonical, Streamed says that it is
	// a stream. AsItIs says that the other request asked for it in the same way, so that its
	// events can be sent as they are.
	Dialect          Dialect
	Streamed, AsItIs bool
	// Live says that the reply is under way.
	Live bool
}

// CacheState is what the cache did for a request.
type CacheState string

// The states. A hit was answered from the cache; a coalesced request by the reply to an equal
// one that was under way, and a similar one by the reply to one in other words. Of a partial
// one's embeddings some were stored, and a target was asked for the others. A miss was
// answered by none, though the cache was on.
const (
	CacheHit       CacheState = "hit"
	CacheCoalesced CacheState = "coalesced"
	CacheSimilar   CacheState = "similar"
	CachePartial   CacheState = "partial"
	CacheMiss      CacheState = "miss"
	CacheOff       CacheState = "off"
)

// Saves reports whether the request was answered without asking a target for it.
func (s CacheState) Saves() bool { return s == CacheHit || s == CacheCoalesced || s == CacheSimilar }

// ReplyInfo is what is known of a reply from its events so far.
type ReplyInfo struct {
	// Free says that nothing is charged for the reply.
	Free bool
	// Usage is the provider's own count, as far as it can be read and is plausible; nil
	// without one. A part that is 0 although there was a prompt, or a reply, is missing:
	// Billed fills it in.
	Usage *Usage
	// TextBytes is the length of all content so far, to estimate usage from.
	TextBytes int64
	// Pieces counts the events that carried some of it: each is a token at least.
	Pieces int64
	// Finish is the first choice's finish_reason; empty before the end.
	Finish string
	// Model is the provider's name for what answered.
	Model string
	// Tier is the service tier that the provider says it served the request in; empty when it
	// does not say.
	Tier Tier
	// ToolCalls marks that at least one tool-call delta was sent.
	ToolCalls bool
	// Content marks that a choice has content: text, a tool call, a refusal, reasoning, an
	// image, audio. A reply without it is empty.
	Content bool
	// Resumed marks a reply that several targets gave.
	Resumed bool
	// Whole marks a reply that came in one piece, so the time of its first token is unknown.
	Whole bool
}

// mostBytesPerToken is more than the tokens of any usual text have on average.
const mostBytesPerToken = 8

// AtLeast returns the output in tokens that a reply has certainly had so far: the provider's
// count, and a token for every piece. It is lower than the estimate of Billed, which must not
// end a reply that keeps within its bound.
func (t ReplyInfo) AtLeast() int64 {
	n := max(t.Pieces, t.TextBytes/mostBytesPerToken)
	if t.Usage != nil {
		n = max(n, t.Usage.Output)
	}
	return n
}

// bytesPerToken turns the length of a reply into tokens when the provider does not say how
// many there were. English prose has about four bytes a token.
const bytesPerToken = 4

// Billed returns the usage to charge: the provider's own counts, and estimates, marked so,
// in place of missing ones. prompt estimates the prompt in tokens. whole is false for a reply
// that broke off or that the caller left: then a count from before its end is raised to the
// estimate of what has come.
func (t ReplyInfo) Billed(prompt int64, whole bool) Usage {
	if t.Free {
		return Usage{}
	}
	u := t.counted(prompt, whole)
	u.Tier = cmp.Or(t.Tier, u.Tier)
	return u
}

// counted is Billed without the service tier that stands outside the usage.
func (t ReplyInfo) counted(prompt int64, whole bool) Usage {
	output := max((t.TextBytes+bytesPerToken-1)/bytesPerToken, t.Pieces)
	if t.TextBytes == 0 {
		output = 0
	}
	if t.Usage == nil {
		return Usage{Input: prompt, Output: output, Estimated: true}
	}
	u := *t.Usage
	if !whole && u.Output < output {
		u.Output, u.Estimated = output, true
	}
	return u.Complete(prompt, output)
}

// Head is everything about a reply that precedes its body.
type Head struct {
	Status int
	Stream bool
	// Resumable says that another target may go on with the stream if it breaks off.
	Resumable bool
	// Header is ready to send: x-penstock-*, and what passes from the provider.
	Header http.Header
}

// Writer is where a reply goes. It is used by one goroutine at a time.
type Writer interface {
	// Start gives status and headers. It is called once, before the first event.
	Start(Head) error
	// Event writes a frame, and flushes it when the reply is a stream. An error means
	// that the client is gone or has stopped reading.
	Event(Event) error
	// KeepAlive writes a comment into an event stream, which begins with the given status
	// and headers if nothing was sent before. Other replies have nothing that a client
	// would skip: then nothing is sent.
	KeepAlive(Head) (sent bool, err error)
}

// Rendered is a whole reply, or an error, in the client's wire format.
type Rendered struct {
	Status int
	Header http.Header
	Body   []byte
}
