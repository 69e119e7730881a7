package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Condition sends requests on to another model.
type Condition struct {
	// If is what must be true of a request: everything that is given here.
	If If `yaml:"if" jsonschema:"required"`
	// Use is the model that serves such requests, as if they had asked for it.
	Use string `yaml:"use" jsonschema:"required,minLength=1"`
}

// If is what must be true of a request. A member that is left out says nothing; a list of
// texts asks for one of them.
type If struct {
	// Tags are tags by name, with the values that they may have. The key's tags come before
	// those that the caller sends.
	Tags map[string]OneOf `yaml:"tags"`
	// Metadata are members of the body's metadata by name, with the values that they may have.
	Metadata map[string]OneOf `yaml:"metadata"`
	// Team is the team of the key.
	Team OneOf `yaml:"team"`
	// User is the user of the key, or where it has none the one that the body names.
	User OneOf `yaml:"user"`
	// Key is the name or the id of the key.
	Key OneOf `yaml:"key"`
	// Features are what the request needs, such as tools and vision: all of the list.
	Features Capabilities `yaml:"features"`
	// InputTokens bounds the estimated size of the prompt in tokens: ">50000", "<=2000" or
	// "1000..50000".
	InputTokens TokenRange `yaml:"input_tokens"`
	// Stream is whether the reply is streamed.
	Stream *bool `yaml:"stream"`
	// Endpoint is what is asked for: chat.completions (in all wire formats), completions,
	// embeddings, count_tokens or compact.
	Endpoint Endpoints `yaml:"endpoint"`
	// Dialect is the caller's wire format: openai, openai-responses, anthropic, gemini or a
	// plugin.
	Dialect Dialects `yaml:"dialect"`
	// DataClass is a class of the data in the request, by the tag data_class.
	DataClass OneOf `yaml:"data_class"`
}

// Canary sends a share of the sessions on to another model.
type Canary struct {
	// Use is the model that serves the share.
	Use string `yaml:"use" jsonschema:"required,minLength=1"`
	// Share is how much goes there: 5% or 0.05. All requests of a session go the same way, or
	// without a session those of a user, or of a conversation. A larger share keeps those that
	// a smaller one had.
	Share Share `yaml:"share" jsonschema:"required"`
}

// OneOf are the texts of which one must be found. A "*" in them stands for any text.
type OneOf []Pattern

// Matches reports whether the value is one of the texts. A value that is missing is none.
func (o OneOf) Matches(value string) bool {
	if value == "" {
		return false
	}
	for _, p := range o {
		if llm.MatchName(string(p), value) {
			return true
		}
	}
	return false
}

// String joins the texts as alternatives.
func (o OneOf) String() string { return alternatives(o) }

func alternatives[T ~string](list []T) string { return strings.Join(Texts(list), " or ") }

// Pattern is a text in which "*" stands for any text.
type Pattern string

func (p *Pattern) set(s string) error {
	if s == "" {
		return &hintedError{"is empty", `write a text; "*" stands for any`}
	}
	*p = Pattern(s)
	return nil
}

// Endpoints are the endpoints of which one must be asked.
type Endpoints []EndpointName

// EndpointName is the name of an endpoint.
type EndpointName string

func endpointNames() []EndpointName {
	return []EndpointName{EndpointName(llm.ChatCompletions), EndpointName(llm.TextCompletions), EndpointName(llm.Embeddings),
		EndpointName(llm.CountTokens), EndpointName(llm.Compact)}
}

func (e *EndpointName) set(s string) error { return choose(e, s, endpointNames()...) }

// Dialects are the wire formats of which one must be the caller's.
type Dialects []llm.Dialect

// TokenRange bounds a number of tokens. The zero value bounds nothing.
type TokenRange struct {
	// Min and Max are the least and the most, in tokens.
	Min, Max int64
	text     string
}

// IsZero reports whether nothing is bounded.
func (r TokenRange) IsZero() bool { return r.text == "" }

// String is the range as it was written.
func (r TokenRange) String() string { return r.text }

// maxTokenBound is the largest bound that can be meant, in tokens.
const maxTokenBound = 1_000_000_000

func (r *TokenRange) set(s string) error {
	out := TokenRange{Max: math.MaxInt64, text: s}
	ok := true
	count := func(text string, more int64) int64 {
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		ok = ok && err == nil && n >= 0 && n <= maxTokenBound
		return n + more
	}
	from, to, between := strings.Cut(s, "..")
	switch {
	case between:
		out.Min, out.Max = count(from, 0), count(to, 0)
	case strings.HasPrefix(s, ">="):
		out.Min = count(s[2:], 0)
	case strings.HasPrefix(s, ">"):
		out.Min = count(s[1:], 1)
	case strings.HasPrefix(s, "<="):
		out.Max = count(s[2:], 0)
	case strings.HasPrefix(s, "<"):
		out.Max = count(s[1:], -1)
	default:
		ok = false
	}
	const hint = `write ">50000", ">=50000", "<2000", "<=2000" or "1000..50000"`
	switch {
	case !ok:
		return &hintedError{fmt.Sprintf("invalid comparison with a number of tokens %q", s), hint}
	case out.Min > out.Max || out.Max < 0:
		return &hintedError{fmt.Sprintf("no number of tokens is %s", s), hint}
	}
	*r = out
	return nil
}

// Share is a part of a whole, from 0 to 1.
type Share float64

func (p *Share) set(s string) error {
	number, percent := strings.CutSuffix(s, "%")
	number = strings.TrimSpace(number)
	share, err := strconv.ParseFloat(number, 64)
	if percent {
		share /= 100
	}
	if err != nil || strings.Trim(number, "0123456789.") != "" || share > 1 {
		return &hintedError{fmt.Sprintf("invalid share %q", s), "write 5% or 0.05: from 0 to 100%, or from 0 to 1"}
	}
	*p = Share(share)
	return nil
}

// String formats the share in percent.
func (p Share) String() string { return strconv.FormatFloat(float64(p)*100, 'g', 6, 64) + "%" }
