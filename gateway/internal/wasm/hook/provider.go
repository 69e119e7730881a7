package hook

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// ProviderRequest is a canonical request to a target.
type ProviderRequest struct {
	Dialect   llm.Dialect
	Target    *llm.Target
	RequestID string
	Stream    bool
	// Body is the canonical request, valid JSON.
	Body []byte
}

// ProviderReply is a target's reply that is not a stream, whatever its status.
type ProviderReply struct {
	Dialect   llm.Dialect
	Target    *llm.Target
	RequestID string
	Created   time.Time
	Status    int
	// Header is the provider's; the dialect gets only what visibleProviderHeader allows.
	Header http.Header
	Body   []byte
	// Context is that of the request's notes.
	Context []byte
}

// AppendProviderRequest appends the input of penstock_transform_request.
func AppendProviderRequest(dst []byte, r ProviderRequest) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(r.Dialect))
	dst = appendTarget(dst, r.Target)
	dst = appendText(dst, "request_id", r.RequestID)
	dst = appendBool(dst, "stream", r.Stream)
	dst = append(jsontext.AppendName(dst, "body"), r.Body...)
	return append(dst, '}')
}

// AppendProviderReply appends the input of penstock_normalise_response.
func AppendProviderReply(dst []byte, r ProviderReply) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(r.Dialect))
	dst = appendTarget(dst, r.Target)
	dst = appendText(dst, "request_id", r.RequestID)
	dst = appendWhole(dst, "created", r.Created.Unix())
	dst = appendWhole(dst, "status", int64(r.Status))
	dst = appendHeaders(dst, r.Header, visibleProviderHeader)
	dst = appendContext(dst, r.Context)
	dst = appendReplyBody(dst, r.Body)
	return append(dst, '}')
}

// appendContext appends the context, if there is one.
func appendContext(dst, context []byte) []byte {
	if context == nil {
		return dst
	}
	return append(jsontext.AppendName(dst, "context"), context...)
}

// appendReplyBody appends the body if it is JSON, else its beginning as a string: it may be a
// proxy's HTML page.
func appendReplyBody(dst, body []byte) []byte {
	body = Clean(body)
	if CheckJSON(body) == nil {
		return append(jsontext.AppendName(dst, "body"), body...)
	}
	return jsontext.AppendQuote(jsontext.AppendName(dst, "text"), string(body[:min(len(body), 2<<10)]))
}

// allFeatures are the features of a model whose features are unknown.
const allFeatures = ^llm.Features(0)

func appendTarget(dst []byte, t *llm.Target) []byte {
	features := t.Features
	if !t.FeaturesKnown {
		features = allFeatures
	}
	dst = append(dst, `,"target":{"id":`...)
	dst = jsontext.AppendQuote(dst, t.ID)
	dst = appendText(dst, "provider", t.Provider)
	dst = appendText(dst, "model", t.Model)
	dst = appendWhole(dst, "max_output", t.MaxOutput)
	dst = appendNames(dst, "features", features.Names())
	return append(dst, '}')
}

// appendHeaders appends the headers that visible allows, under the name it returns.
func appendHeaders(dst []byte, h http.Header, visible func(name string) (string, bool)) []byte {
	dst = append(jsontext.AppendName(dst, "headers"), '{')
	for _, name := range slices.Sorted(maps.Keys(h)) {
		lower, ok := visible(name)
		if !ok || len(h[name]) == 0 {
			continue
		}
		dst = append(jsontext.AppendQuote(jsontext.AppendComma(dst), lower), ':')
		dst = jsontext.AppendQuote(dst, h[name][0])
	}
	return append(dst, '}')
}

// retryAfter converts a module's milliseconds, at most a day.
func retryAfter(ms int64) time.Duration {
	return time.Duration(min(max(ms, 0), (24*time.Hour).Milliseconds())) * time.Millisecond
}

// ProviderStream describes a provider's stream.
type ProviderStream struct {
	Dialect   llm.Dialect
	Target    *llm.Target
	RequestID string
	Created   time.Time
	// IncludeUsage reports that the client asked for usage in the stream.
	IncludeUsage bool
	// Context is that of the request's notes.
	Context []byte
}

// AppendProviderStream appends the data of the first event of a provider's stream.
func AppendProviderStream(dst []byte, s ProviderStream) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(s.Dialect))
	dst = appendTarget(dst, s.Target)
	dst = appendText(dst, "request_id", s.RequestID)
	dst = appendWhole(dst, "created", s.Created.Unix())
	dst = appendBool(dst, "include_usage", s.IncludeUsage)
	dst = appendContext(dst, s.Context)
	return append(dst, '}')
}

// visibleProviderHeader reports whether a dialect gets a provider's header, and under which
// name.
func visibleProviderHeader(name string) (string, bool) {
	lower := strings.ToLower(name)
	switch lower {
	case "content-type", "retry-after", "request-id", "x-request-id":
		return lower, true
	}
	return lower, strings.Contains(lower, "ratelimit")
}
