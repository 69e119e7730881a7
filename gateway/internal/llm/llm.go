// Package llm holds the words of the domain: requests, targets, events, usage,
// money and errors. Every other package speaks in these terms, so it imports the
// standard library only and holds no behaviour beyond arithmetic on its own
// values. It does not parse wire formats, do I/O or know any provider.
package llm

// Dialect is a wire format.
type Dialect string

// The dialects that Penstock speaks. OpenAI's chat-completions JSON is also the
// canonical form that every other dialect maps to and from.
const (
	OpenAI    Dialect = "openai"
	Anthropic Dialect = "anthropic"
)

// Endpoint names what a client asked for, independent of its dialect.
type Endpoint string

// ChatCompletions is a conversation answered by one model.
const ChatCompletions Endpoint = "chat.completions"
