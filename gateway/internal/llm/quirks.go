package llm

import "strings"

// Quirks are what a target refuses of what the gateway itself puts into a request, and
// takes in another form.
type Quirks uint8

// The quirks.
const (
	// NoStreamUsage: it refuses stream_options.
	NoStreamUsage Quirks = 1 << iota
	// OldOutputName: it wants max_tokens. NewOutputName: it wants max_completion_tokens.
	OldOutputName
	NewOutputName
)

// Has reports whether every quirk of want is there.
func (q Quirks) Has(want Quirks) bool { return q&want == want }

// With adds a quirk. Of the two names of one member, the one added last holds.
func (q Quirks) With(more Quirks) Quirks {
	if more&(OldOutputName|NewOutputName) != 0 {
		q &^= OldOutputName | NewOutputName
	}
	return q | more
}

// OutputNames says which of its two names a target knows for the bound on output tokens.
type OutputNames string

// The kinds of targets.
const (
	// UnknownName is a server that speaks OpenAI's format, and nobody knows more: such
	// servers know max_tokens, and ignore the newer name if they do not know that.
	UnknownName OutputNames = ""
	// BothNames takes either, OldName only max_tokens, NewName only max_completion_tokens.
	BothNames OutputNames = "both"
	OldName   OutputNames = "max_tokens"
	NewName   OutputNames = "max_completion_tokens"
)

// OutputNamesOf is what is known of a model of a provider of the catalogue. OpenAI's
// reasoning models refuse the old name.
func OutputNamesOf(provider, model string) OutputNames {
	switch provider {
	case "openai", "azure":
		if reasons(model) {
			return NewName
		}
		return BothNames
	case "groq", "xai", "openrouter", "cerebras", "gemini", "demo":
		return BothNames
	}
	return UnknownName
}

// reasons reports whether a model of OpenAI's is one that reasons, by its name.
func reasons(model string) bool {
	if strings.HasPrefix(model, "gpt-5") {
		return true
	}
	return len(model) >= 2 && model[0] == 'o' && model[1] >= '1' && model[1] <= '9' && (len(model) == 2 || model[2] == '-')
}

// StreamUsage says whether the gateway asks a provider for usage in streams.
type StreamUsage string

// The modes. StreamUsageAuto asks until the provider refuses to be asked.
const (
	StreamUsageAuto StreamUsage = "auto"
	StreamUsageOn   StreamUsage = "on"
	StreamUsageOff  StreamUsage = "off"
)
