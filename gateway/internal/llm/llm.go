// Package llm defines the types that all other packages share: requests, targets, events,
// usage, money, decisions, records and errors. It imports the standard library only, and
// does no more than arithmetic on its own values. It does not parse wire formats, do I/O or
// know any provider.
package llm

// Dialect is a wire format.
type Dialect string

// The dialects that Penstock speaks. OpenAI's chat-completions JSON is also the
// canonical form that every other dialect maps to and from.
const (
	OpenAI    Dialect = "openai"
	Anthropic Dialect = "anthropic"
	Responses Dialect = "openai-responses"
	Gemini    Dialect = "gemini"
	Cohere    Dialect = "cohere"
	Ollama    Dialect = "ollama"
	// Completions is OpenAI's older API, which continues a text.
	Completions Dialect = "openai-completions"
)

// Endpoint names what a client asked for, independent of its dialect.
type Endpoint string

// The endpoints.
const (
	// ChatCompletions is a conversation answered by one model.
	ChatCompletions Endpoint = "chat.completions"
	// TextCompletions is a text continued by one model.
	TextCompletions Endpoint = "completions"
	// Embeddings are vectors that stand for texts.
	Embeddings Endpoint = "embeddings"
	// CountTokens is the size of a conversation's prompt, which nothing is charged for.
	CountTokens Endpoint = "count_tokens"
	// Compact is a shorter form of a conversation's history.
	Compact Endpoint = "compact"
)
