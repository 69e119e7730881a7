package tracing_test

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/tracing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver is a collector.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	raw    strings.Builder
	spans  map[string]*collector.Span
	header http.Header
	path   string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{spans: map[string]*collector.Span{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		text, err := io.ReadAll(req.Body)
		var data collector.TracesData // its one member is that of the request
		if err == nil {
			err = proto.Unmarshal(text, &data)
		}
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.raw.Write(text)
		r.header, r.path = req.Header, req.URL.Path
		for _, of := range data.ResourceSpans {
			for _, in := range of.ScopeSpans {
				for _, s := range in.Spans {
					r.spans[s.Name] = s
				}
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(r.Close)
	return r
}

// record is a request with two attempts, and canaries where nothing may leak.
func record() *llm.Record {
	tr, _ := llm.ParseTraceParent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	tr.Span, tr.State = llm.SpanID{1}, "vendor=x"
	ms := func(n int) llm.Millis { return llm.Millis(time.Duration(n) * time.Millisecond) }
	return &llm.Record{
		ID: "req_1", Time: time.UnixMilli(1_800_000_000_000), Endpoint: llm.ChatCompletions, Stream: true, Model: "smart", Route: "smart", Target: "openai/gpt-5",
		Provider: "openai", Served: "gpt-5-2026", KeyID: "key_1", KeyName: "canary", Team: "search", User: "canary", Tags: map[string]string{"canary": "canary"},
		Status: 200, Error: "canary", Finish: "stop", Cache: "miss", Usage: llm.Usage{Input: 100, Output: 20, CacheRead: 50}, Price: llm.Price{Known: true}, Cost: llm.USD / 4,
		Decision: &llm.Decision{Allow: true, Revision: "r1", Input: []byte(`"canary"`)}, Ranking: &llm.Ranking{Router: "balanced"},
		Stages: llm.Stages{Admit: llm.Stage{Start: ms(1), Duration: ms(2)}, Cache: llm.Stage{Start: ms(3), Duration: ms(1)}, Rank: llm.Stage{Start: ms(4), Duration: ms(1)}},
		Attempts: []llm.Attempt{
			{Span: llm.SpanID{2}, Target: "anthropic/x", Try: 1, Start: ms(5), Transform: ms(1), Reserve: ms(2), Duration: ms(10), Fault: llm.FaultServer, Status: 500, Error: "canary"},
			{Span: llm.SpanID{3}, Target: "openai/gpt-5", Try: 1, Start: ms(20), Duration: ms(70), FirstToken: ms(30), Status: 200},
		},
		RequestText: "canary prompt", ReplyText: "canary reply", Duration: ms(100), FirstByte: ms(50), Trace: tr,
	}
}

func start(t *testing.T, o tracing.Options) *tracing.Exporter {
	t.Helper()
	o.Service, o.Version = "penstock", "1.2.3"
	e, err := tracing.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func closeAll(t *testing.T, e *tracing.Exporter) {
	t.Helper()
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestSpans(t *testing.T) {
	r := newReceiver(t)
	e := start(t, tracing.Options{URL: r.URL + "/v1/traces", Headers: map[string]string{"Authorization": "Bearer otlp-secret"}})
	e.Observe(record())
	closeAll(t, e)
	if r.path != "/v1/traces" || r.header.Get("Authorization") != "Bearer otlp-secret" || e.Exported() != 1 || e.Dropped() != 0 {
		t.Fatalf("sent to %s with %v: %d exported, %d dropped", r.path, r.header, e.Exported(), e.Dropped())
	}
	type span struct {
		parent     string
		start, end int64 // milliseconds since the request's arrival
	}
	got := map[string]span{}
	for name, s := range r.spans {
		since := func(nano uint64) int64 { return int64(nano/1e6) - 1_800_000_000_000 }
		got[name] = span{hex.EncodeToString(s.ParentSpanId), since(s.StartTimeUnixNano), since(s.EndTimeUnixNano)}
		if id := hex.EncodeToString(s.TraceId); id != "4bf92f3577b34da6a3ce929d0e0e4736" || s.TraceState != "vendor=x" || len(s.SpanId) != 8 {
			t.Errorf("%s is in trace %s, state %q", name, id, s.TraceState)
		}
	}
	root, first := "0100000000000000", "0200000000000000"
	want := map[string]span{"chat smart": {"00f067aa0ba902b7", 0, 100}, "policy": {root, 1, 3}, "cache": {root, 3, 4}, "route": {root, 4, 5},
		"chat anthropic/x": {root, 5, 18}, "transform": {first, 5, 6}, "reserve": {first, 6, 8}, "chat openai/gpt-5": {root, 20, 90}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(span{})); d != "" {
		t.Error(d)
	}
	for name, want := range map[string]map[string]string{
		"chat smart": {"gen_ai.operation.name": "chat", "gen_ai.request.model": "smart", "gen_ai.response.model": "gpt-5-2026", "gen_ai.provider.name": "openai",
			"gen_ai.usage.input_tokens": "100", "gen_ai.usage.output_tokens": "20", "gen_ai.usage.cache_read.input_tokens": "50", "penstock.cost_usd": "0.25",
			"penstock.team": "search", "penstock.cache": "miss", "penstock.request.id": "req_1", "penstock.key.id": "key_1", "http.response.status_code": "200"},
		"policy":            {"penstock.policy.allow": "true", "penstock.policy.revision": "r1"},
		"route":             {"penstock.router": "balanced"},
		"chat anthropic/x":  {"error.type": "server", "http.response.status_code": "500", "penstock.try": "1"},
		"chat openai/gpt-5": {"gen_ai.request.model": "gpt-5", "penstock.target": "openai/gpt-5", "gen_ai.response.time_to_first_chunk": "0.03"},
	} {
		has := attributes(r.spans[name])
		for key, value := range want {
			if has[key] != value {
				t.Errorf("%s: %s = %q, want %q", name, key, has[key], value)
			}
		}
	}
	if strings.Contains(r.raw.String(), "canary") {
		t.Error("the spans have what must not be in them")
	}
	if code := r.spans["chat anthropic/x"].Status.GetCode(); code != collector.Status_STATUS_CODE_ERROR {
		t.Errorf("the failed attempt has status %v", code)
	}
}

func attributes(s *collector.Span) map[string]string {
	out := map[string]string{}
	for _, a := range s.GetAttributes() {
		text := a.Value.String()
		_, value, _ := strings.Cut(text, ":")
		out[a.Key] = strings.Trim(value, `"`)
	}
	return out
}

func TestContentIsOnRequest(t *testing.T) {
	r := newReceiver(t)
	e := start(t, tracing.Options{URL: r.URL + "/", Content: true})
	full := record()
	full.RequestText = strings.Repeat("ü", 64<<10)
	e.Observe(full)
	none := record()
	none.Route, none.Model = "quiet", "quiet"
	none.Decision = &llm.Decision{Allow: true, Obligations: llm.Obligations{Log: llm.LogNone}}
	e.Observe(none)
	closeAll(t, e)
	if got := attributes(r.spans["chat smart"]); got["gen_ai.output.messages"] != "canary reply" || len(got["gen_ai.input.messages"]) < 8<<10 {
		t.Errorf("the texts are %q and %d bytes", got["gen_ai.output.messages"], len(got["gen_ai.input.messages"]))
	}
	if got := attributes(r.spans["chat quiet"]); got["gen_ai.output.messages"] != "" || got["gen_ai.request.model"] != "quiet" {
		t.Errorf("a request that is not logged has %v", got)
	}
}

// TestNotSampled sends nothing of what is not sampled, has no trace or was not sent.
func TestNotSampled(t *testing.T) {
	r := newReceiver(t)
	e := start(t, tracing.Options{URL: r.URL + "/"})
	for _, change := range []func(*llm.Record){func(r *llm.Record) { r.Trace.Sampled = false }, func(r *llm.Record) { r.Trace = llm.Trace{} }, func(r *llm.Record) { r.Dry = true }} {
		one := record()
		change(one)
		e.Observe(one)
	}
	closeAll(t, e)
	e.Observe(record()) // too late
	if len(r.spans) != 0 || e.Exported() != 0 {
		t.Errorf("%d spans were sent", len(r.spans))
	}
}

// TestCollectorThatHangs is noticed by no request: what does not fit the queue is dropped and
// counted, and the end is bounded.
func TestCollectorThatHangs(t *testing.T) {
	asked := make(chan struct{}, 1)
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		select {
		case asked <- struct{}{}:
		default:
		}
		<-hang
	}))
	defer server.Close()
	defer close(hang)
	e := start(t, tracing.Options{URL: server.URL + "/"})
	for range 200 {
		e.Observe(record())
	}
	<-asked
	for range 10_000 {
		e.Observe(record())
	}
	if e.Dropped() == 0 {
		t.Error("nothing was dropped")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Close(ctx); err != nil {
		t.Error(err)
	}
	if e.Exported() != 0 || e.Dropped() < 8000 {
		t.Errorf("%d exported, %d dropped", e.Exported(), e.Dropped())
	}
}

// TestCollectorThatRefuses is logged, with nothing of what it says: it may quote what it got.
func TestCollectorThatRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"refused": {func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "bad token "+r.Header.Get("Authorization"), http.StatusUnauthorized)
		}, "the collector answered 401 Unauthorized"},
		"partly": {func(w http.ResponseWriter, r *http.Request) {
			text := r.Header.Get("Authorization") // {partial_success: {rejected_spans: 1, error_message: text}}
			w.Header().Set("Content-Type", "application/x-protobuf")
			_, _ = io.WriteString(w, "\x0a"+string(rune(len(text)+4))+"\x08\x01\x12"+string(rune(len(text)))+text)
		}, "the collector has rejected spans"},
		"cut": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.answer)
			defer server.Close()
			var log strings.Builder
			e := start(t, tracing.Options{URL: server.URL + "/", Headers: map[string]string{"authorization": "canary-token"}, Log: slog.New(slog.NewTextHandler(&log, nil))})
			for range 200 { // in several batches
				e.Observe(record())
			}
			closeAll(t, e)
			if e.Exported() != 0 || e.Dropped() != 200 {
				t.Errorf("%d exported, %d dropped", e.Exported(), e.Dropped())
			}
			if got := log.String(); !strings.Contains(got, test.want) || strings.Count(got, "\n") != 1 || strings.Contains(got, "canary") {
				t.Errorf("the log is %s, want one line with %q", got, test.want)
			}
		})
	}
}

func TestHammer(t *testing.T) {
	r := newReceiver(t)
	e := start(t, tracing.Options{URL: r.URL + "/"})
	var wg sync.WaitGroup
	const each = 100
	for range 8 {
		wg.Go(func() {
			for range each {
				e.Observe(record())
			}
		})
	}
	wg.Wait()
	closeAll(t, e)
	if n := e.Exported() + e.Dropped(); n != 8*each {
		t.Errorf("%d requests are accounted for, want %d", n, 8*each)
	}
}

// BenchmarkObserve is what a request pays; BenchmarkSpans is what the exporter's goroutine does
// for it, the collector's time included.
func BenchmarkObserve(b *testing.B) {
	e, err := tracing.Start(tracing.Options{URL: "http://127.0.0.1:1/"})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	defer e.Close(ctx)
	r := record()
	r.RequestText, r.ReplyText = "", ""
	b.ReportAllocs()
	for b.Loop() {
		e.Observe(r)
	}
}

func BenchmarkSpans(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { _, _ = io.Copy(io.Discard, req.Body) }))
	defer server.Close()
	e, err := tracing.Start(tracing.Options{URL: server.URL + "/"})
	if err != nil {
		b.Fatal(err)
	}
	r := record()
	r.RequestText, r.ReplyText = "", ""
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		for dropped := e.Dropped(); ; dropped = e.Dropped() {
			if e.Observe(r); e.Dropped() == dropped {
				break
			}
			time.Sleep(100 * time.Microsecond) // the queue is full
		}
		n++
	}
	if err := e.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}
