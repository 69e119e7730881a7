package tracing

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	// The SDK makes spans only of what happens now. A SpanStub is its one way to state a span
	// that is over, with the IDs that were sent to the provider.
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// trail makes the spans of one request.
type trail struct {
	of     *Exporter
	record *llm.Record
	// state is the caller's tracestate.
	state trace.TraceState
	spans []sdk.ReadOnlySpan
}

// spans returns the spans of a request: its own first, then those of its stages and attempts.
func (e *Exporter) spans(r *llm.Record) []sdk.ReadOnlySpan {
	t := &trail{of: e, record: r, spans: make([]sdk.ReadOnlySpan, 0, 6+3*len(r.Attempts))}
	t.state, _ = trace.ParseTraceState(r.Trace.State) // empty if the caller's is no good
	t.root()
	t.stage("policy", r.Stages.Admit, policyAttributes(r)...)
	t.stage("cache", r.Stages.Cache, attribute.String(penstockCache, string(r.Cache)))
	t.stage("route", r.Stages.Rank, routeAttributes(r)...)
	for i := range r.Attempts {
		t.attempt(&r.Attempts[i])
	}
	return t.spans
}

// add adds a span. Times are since the request's arrival.
func (t *trail) add(name string, kind trace.SpanKind, id, parent llm.SpanID, remote bool, start, duration llm.Millis, status sdk.Status, attributes ...attribute.KeyValue) {
	began := t.record.Time.Add(time.Duration(start))
	stub := tracetest.SpanStub{
		Name: name, SpanKind: kind, StartTime: began, EndTime: began.Add(max(time.Duration(duration), 0)), Status: status,
		SpanContext: t.context(id, false), Attributes: attributes, Resource: t.of.resource,
		InstrumentationScope: instrumentation.Scope{Name: "penstock", Version: t.of.o.Version},
	}
	if parent != (llm.SpanID{}) {
		stub.Parent = t.context(parent, remote)
	}
	t.spans = append(t.spans, stub.Snapshot())
}

func (t *trail) context(id llm.SpanID, remote bool) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID(t.record.Trace.ID), SpanID: trace.SpanID(id),
		TraceFlags: trace.FlagsSampled, TraceState: t.state, Remote: remote})
}

// root adds the span of the request itself.
func (t *trail) root() {
	r := t.record
	name := operation(r)
	if r.Route != "" { // any caller could fill the collector with names that are not served
		name += " " + short(r.Model)
	}
	a := []attribute.KeyValue{
		attribute.String(genOperation, operation(r)), attribute.String(penstockRequest, r.ID), attribute.Int(httpStatus, r.Status),
		attribute.Bool(penstockStream, r.Stream), attribute.String(penstockCache, string(r.Cache)), attribute.Int(penstockAttempts, len(r.Attempts)),
	}
	for _, text := range [...]struct{ name, value string }{
		{genProvider, providerName(r.Provider)}, {genModel, r.Model}, {genServed, r.Served}, {genConversation, r.Session},
		{penstockKey, r.KeyID}, {penstockTeam, r.Team}, {penstockRoute, r.Route}, {penstockTarget, r.Target}, {errorType, string(r.Code)},
		{genInput, r.RequestText}, {genOutput, r.ReplyText},
	} {
		if text.value != "" {
			a = append(a, attribute.String(text.name, bounded(text.name, text.value)))
		}
	}
	if r.Finish != "" {
		a = append(a, attribute.StringSlice(genFinish, []string{short(r.Finish)}))
	}
	a = append(a, usageAttributes(r.Usage)...)
	if r.Price.Known {
		a = append(a, attribute.Float64(penstockCost, usd(r.Cost)))
	}
	if r.Saved > 0 {
		a = append(a, attribute.Float64(penstockSaved, usd(r.Saved)))
	}
	if r.FirstByte > 0 {
		a = append(a, attribute.Float64(genFirstChunk, time.Duration(r.FirstByte).Seconds()))
	}
	t.add(name, trace.SpanKindServer, r.Trace.Span, r.Trace.Parent, true, 0, r.Duration, status(string(r.Code)), a...)
}

// stage adds the span of one of the gateway's own steps, if the request came to it.
func (t *trail) stage(name string, s llm.Stage, attributes ...attribute.KeyValue) {
	if s == (llm.Stage{}) {
		return
	}
	t.add(name, trace.SpanKindInternal, newSpan(), t.record.Trace.Span, false, s.Start, s.Duration, sdk.Status{}, attributes...)
}

// attempt adds the span of a call to a provider, and of what came before it.
func (t *trail) attempt(a *llm.Attempt) {
	provider, model, _ := strings.Cut(a.Target, "/")
	attributes := []attribute.KeyValue{
		attribute.String(genOperation, operation(t.record)), attribute.String(genProvider, providerName(provider)), attribute.String(genModel, short(model)),
		attribute.String(penstockTarget, short(a.Target)), attribute.Int(penstockTry, a.Try),
	}
	if a.Status != 0 {
		attributes = append(attributes, attribute.Int(httpStatus, a.Status))
	}
	for _, text := range [...]struct{ name, value string }{{errorType, string(a.Fault)}, {penstockCredential, a.Credential}, {penstockResumes, a.Resumes}} {
		if text.value != "" {
			attributes = append(attributes, attribute.String(text.name, short(text.value)))
		}
	}
	if a.Hedge {
		attributes = append(attributes, attribute.Bool(penstockHedge, true))
	}
	if a.FirstToken > 0 {
		attributes = append(attributes, attribute.Float64(genFirstChunk, time.Duration(a.FirstToken).Seconds()))
	}
	attributes = append(attributes, usageAttributes(a.Usage)...)
	if a.Cost > 0 {
		attributes = append(attributes, attribute.Float64(penstockCost, usd(a.Cost)))
	}
	t.add(operation(t.record)+" "+short(a.Target), trace.SpanKindClient, a.Span, t.record.Trace.Span, false,
		a.Start, a.Transform+a.Reserve+a.Duration, status(string(a.Fault)), attributes...)
	if a.Transform > 0 {
		t.add("transform", trace.SpanKindInternal, newSpan(), a.Span, false, a.Start, a.Transform, sdk.Status{})
	}
	if a.Reserve > 0 {
		t.add("reserve", trace.SpanKindInternal, newSpan(), a.Span, false, a.Start+a.Transform, a.Reserve, sdk.Status{}, attribute.Int(penstockLimits, len(t.record.Limits)))
	}
}

func policyAttributes(r *llm.Record) []attribute.KeyValue {
	if r.Decision == nil {
		return nil
	}
	a := []attribute.KeyValue{attribute.Bool(penstockAllow, r.Decision.Allow), attribute.String(penstockRevision, r.Decision.Revision), attribute.Bool(penstockMemoized, r.Decision.Memoised)}
	if len(r.Decision.Reasons) > 0 {
		a = append(a, attribute.String(penstockReason, short(r.Decision.Reasons[0].Code)))
	}
	return a
}

func routeAttributes(r *llm.Record) []attribute.KeyValue {
	a := []attribute.KeyValue{attribute.String(penstockRoute, short(r.Route)), attribute.Int(penstockCandidates, len(r.Candidates))}
	if r.Ranking != nil {
		a = append(a, attribute.String(penstockRouter, short(r.Ranking.Router)), attribute.Bool(penstockRouterFault, r.Ranking.Fault != ""))
	}
	return a
}

func usageAttributes(u llm.Usage) []attribute.KeyValue {
	if u.Total() <= 0 {
		return nil
	}
	a := []attribute.KeyValue{attribute.Int64(genInputTokens, u.Input), attribute.Int64(genOutputTokens, u.Output)}
	if u.CacheRead > 0 {
		a = append(a, attribute.Int64(genCachedTokens, u.CacheRead))
	}
	return a
}

// status is that of a span that has failed for a cause, and unset without one.
func status(cause string) sdk.Status {
	if cause == "" {
		return sdk.Status{}
	}
	return sdk.Status{Code: codes.Error, Description: short(cause)}
}

func newSpan() (id llm.SpanID) {
	binary.BigEndian.PutUint64(id[:], rand.Uint64()|1) // all zeros would mean none
	return id
}

// operation is the GenAI name of what was asked for.
func operation(r *llm.Record) string {
	switch {
	case r.Endpoint == llm.Embeddings:
		return "embeddings"
	case r.Endpoint == llm.TextCompletions:
		return "text_completion"
	case r.Endpoint == llm.ChatCompletions && r.Dialect == llm.Gemini:
		return "generate_content"
	case r.Endpoint == llm.ChatCompletions:
		return "chat"
	}
	return cmp.Or(string(r.Endpoint), "chat")
}

// providerName is the GenAI name of a well-known provider, and the configured one of any other.
func providerName(name string) string {
	switch name {
	case "gemini", "google":
		return "gcp.gemini"
	case "vertex":
		return "gcp.vertex_ai"
	case "bedrock":
		return "aws.bedrock"
	case "azure":
		return "azure.ai.openai"
	case "mistral":
		return "mistral_ai"
	case "xai":
		return "x_ai"
	}
	return name
}

// maxText bounds what callers name, in bytes.
const maxText = 256

func short(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxText)], "") }

// bounded is short for all but contents, which have a bound of their own.
func bounded(name, value string) string {
	if name == genInput || name == genOutput {
		return value
	}
	return short(value)
}

func usd(n llm.NanoUSD) float64 { return float64(n) / float64(llm.USD) }
