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

// Outbound is a canonical request on its way to a target.
type Outbound struct {
	Dialect   llm.Dialect
	Target    *llm.Target
	RequestID string
	Stream    bool
	// Body is the canonical request, valid JSON.
	Body []byte
}

// Notes are what a module says beside the request that it has made.
type Notes struct {
	// Dropped names the members of the request that the dialect has no place for, or that
	// it changed to fit: at most 64, plain enough for a header.
	Dropped []string
	// Context is a JSON object that the module gets back with the reply, or nil.
	Context []byte
}

// MemberAt is the path that a message begins with, as in "messages[2].content: …"; empty
// when it begins with none.
func MemberAt(message string) string {
	path, _, ok := strings.Cut(message, ": ")
	if !ok || !isMember(path) {
		return ""
	}
	return path
}

// Inbound is a target's plain reply, whatever its status.
type Inbound struct {
	Dialect   llm.Dialect
	Target    *llm.Target
	RequestID string
	Created   time.Time
	Status    int
	// Header is the provider's; only the few that matter to a dialect are shown to it.
	Header http.Header
	Body   []byte
	// Context is what the module said of the request; nil when nothing.
	Context []byte
}

func AppendOutbound(dst []byte, o Outbound) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(o.Dialect))
	dst = appendTarget(dst, o.Target)
	dst = appendText(dst, "request_id", o.RequestID)
	dst = appendBool(dst, "stream", o.Stream)
	dst = append(jsontext.AppendName(dst, "body"), o.Body...)
	return append(dst, '}')
}

func AppendInbound(dst []byte, i Inbound) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(i.Dialect))
	dst = appendTarget(dst, i.Target)
	dst = appendText(dst, "request_id", i.RequestID)
	dst = appendWhole(dst, "created", i.Created.Unix())
	dst = appendWhole(dst, "status", int64(i.Status))
	dst = appendHeaders(dst, i.Header, shown)
	dst = appendContext(dst, i.Context)
	dst = appendReplyBody(dst, i.Body)
	return append(dst, '}')
}

// appendContext gives back what the module said of the request.
func appendContext(dst, context []byte) []byte {
	if context == nil {
		return dst
	}
	return append(jsontext.AppendName(dst, "context"), context...)
}

// appendReplyBody gives the body as it is when it is JSON, else its beginning as a
// string: it may be a proxy's HTML page.
func appendReplyBody(dst, body []byte) []byte {
	body = Clean(body)
	if CheckJSON(body) == nil {
		return append(jsontext.AppendName(dst, "body"), body...)
	}
	return jsontext.AppendQuote(jsontext.AppendName(dst, "text"), string(body[:min(len(body), 2<<10)]))
}

// everything is what a model can do of which nobody knows what it can't.
const everything = ^llm.Features(0)

func appendTarget(dst []byte, t *llm.Target) []byte {
	features := t.Features
	if !t.FeaturesKnown {
		features = everything
	}
	dst = append(dst, `,"target":{"id":`...)
	dst = jsontext.AppendQuote(dst, t.ID)
	dst = appendText(dst, "provider", t.Provider)
	dst = appendText(dst, "model", t.Model)
	dst = appendWhole(dst, "max_output", t.MaxOutput)
	dst = appendNames(dst, "features", features.Names())
	return append(dst, '}')
}

// appendHeaders appends the headers that show allows, under the name it gives.
func appendHeaders(dst []byte, h http.Header, show func(name string) (string, bool)) []byte {
	dst = append(jsontext.AppendName(dst, "headers"), '{')
	for _, name := range slices.Sorted(maps.Keys(h)) {
		lower, ok := show(name)
		if !ok || len(h[name]) == 0 {
			continue
		}
		dst = append(jsontext.AppendQuote(jsontext.AppendComma(dst), lower), ':')
		dst = jsontext.AppendQuote(dst, h[name][0])
	}
	return append(dst, '}')
}

// retryAfter makes a duration of a module's milliseconds, within reason.
func retryAfter(ms int64) time.Duration {
	return time.Duration(min(max(ms, 0), (24*time.Hour).Milliseconds())) * time.Millisecond
}

// Opening is what a module is told at the start of a stream.
type Opening struct {
	Dialect   llm.Dialect
	Target    *llm.Target
	RequestID string
	Created   time.Time
	// IncludeUsage says that the client asked for usage in the stream.
	IncludeUsage bool
	// Context is what the module said of the request; nil when nothing.
	Context []byte
}

func AppendOpening(dst []byte, o Opening) []byte {
	dst = append(dst, `{"v":1`...)
	dst = appendText(dst, "dialect", string(o.Dialect))
	dst = appendTarget(dst, o.Target)
	dst = appendText(dst, "request_id", o.RequestID)
	dst = appendWhole(dst, "created", o.Created.Unix())
	dst = appendBool(dst, "include_usage", o.IncludeUsage)
	dst = appendContext(dst, o.Context)
	return append(dst, '}')
}
