package llm

import (
	"io"
	"net/http"
)

// Call is one request in a provider's wire format. It carries no credentials: the
// upstream client adds them.
type Call struct {
	// Method is POST when empty. Path is joined to the provider's base URL, such as
	// "/chat/completions"; Query has no leading "?".
	Method string
	Path   string
	Query  string
	// Header holds what the dialect itself needs, such as anthropic-version.
	Header http.Header
	Body   []byte
	Stream bool
}

// Answer is a provider's reply before anybody has read its body.
type Answer struct {
	Status int
	// Header is the provider's own, hop-by-hop and cookie headers removed.
	Header http.Header
	// Body must be closed. Reading it fails once its bound is passed.
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
	// Final marks the terminator of a stream ("data: [DONE]"), or the one event of
	// a plain reply: a reply without a Final event is not complete.
	Final bool
	// Content marks an event with user-visible output: text, a tool call, a refusal,
	// reasoning, an image. Nothing is sent before the first one, so that a target that
	// only says hello can still be replaced.
	Content bool
	// Progress marks an event that carries the reply on: output, whether or not it is
	// shown, or a finish reason. All others only show that the connection lives.
	Progress bool
	// Hidden events are read for their usage and not shown to the client. Their Frame
	// may be empty.
	Hidden bool
	// More says that the next event will come without waiting for the provider, so
	// that a writer may wait with flushing and send both in one packet.
	More bool
}

// Stream yields a reply's events in order. Next does not wait for the provider while
// it has something to send: what is hidden, or comes to nothing, is an event too. It returns io.EOF after the Final
// event of a complete reply; any other error means that the reply is not complete.
// An event is valid until the next call. Close is idempotent and gives the
// connection back or drops it. A Stream is used by one goroutine at a time.
type Stream interface {
	Next() (Event, error)
	// Tally is what the events so far say about usage and finish.
	Tally() Tally
	Close() error
}

// Tally is what a stream has said about itself so far.
type Tally struct {
	// Usage is the provider's own count; nil when it has not been said.
	Usage *Usage
	// TextBytes is the length of all content so far, to estimate usage from.
	TextBytes int64
	// Finish is the first choice's finish_reason; empty before the end.
	Finish string
	// Model is the provider's name for what answered.
	Model string
	// ToolCalls marks that at least one tool-call delta was sent.
	ToolCalls bool
	// Content marks that a choice has said something: text, a tool call, a refusal,
	// reasoning, an image, audio. A reply without it is empty.
	Content bool
	// Whole marks a reply that came in one piece: nothing is known of its first token.
	Whole bool
}

// Head is everything about a reply that precedes its body.
type Head struct {
	Status int
	Stream bool
	// Header is ready to send: x-penstock-*, and what passes from the provider.
	Header http.Header
}
