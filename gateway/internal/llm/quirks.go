package llm

import "strings"

// Quirks are the gateway's own additions to a request that a target refuses, or takes in
// another form only.
type Quirks uint8

// The quirks.
const (
	// NoStreamUsage means that the target refuses stream_options.
	NoStreamUsage Quirks = 1 << iota
	// OldOutputName means that it takes max_tokens only, NewOutputName that it takes
	// max_completion_tokens only.
	OldOutputName
	NewOutputName
)

// Has reports whether every quirk of want is set.
func (q Quirks) Has(want Quirks) bool { return q&want == want }

// With returns q with more set. Of the two names of one member, the one of more replaces the
// other.
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
	// UnknownName is a server that speaks OpenAI's format and of which no more is known:
	// such servers take max_tokens, and ignore the newer name if they do not take that.
	UnknownName OutputNames = ""
	// BothNames takes either, OldName only max_tokens, NewName only max_completion_tokens.
	BothNames OutputNames = "both"
	OldName   OutputNames = "max_tokens"
	NewName   OutputNames = "max_completion_tokens"
)

// OutputNamesOf returns the names that a model of one of the catalog's providers takes.
// OpenAI's reasoning models refuse the old one.
func OutputNamesOf(provider, model string) OutputNames {
	switch provider {
	case "openai", "azure":
		if isReasoningModel(model) {
			return NewName
		}
		return BothNames
	case "groq", "xai", "openrouter", "cerebras", "gemini", "fireworks", "moonshot", "demo":
		return BothNames
	case "mistral", "deepseek", "perplexity", "together", "zai", "alibaba": // the only one in their documentation
		return OldName
	}
	return UnknownName
}

// CompletesOnly reports whether a model of one of the catalog's providers serves the
// completions API, and no conversations. Of OpenAI's models only these have that API.
func CompletesOnly(provider, model string) bool {
	if provider != "openai" && provider != "azure" {
		return false
	}
	base := strings.TrimPrefix(model, "ft:")
	for _, name := range [...]string{"gpt-3.5-turbo-instruct", "davinci-002", "babbage-002"} {
		if rest, ok := strings.CutPrefix(base, name); ok && (rest == "" || rest[0] == '-' || rest[0] == ':') {
			return true
		}
	}
	return false
}

// isReasoningModel reports whether a model of OpenAI's reasons, by its name.
func isReasoningModel(model string) bool {
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
