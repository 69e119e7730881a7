package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func hardBudget() llm.Limit {
	return llm.Limit{Name: "daily", Scope: "key:k", Unit: llm.UnitUSD, Window: "day", Max: int64(llm.USD)}
}

// TestServe tells what a caller sees and what is booked, fault by fault.
func TestServe(t *testing.T) {
	cut := &llm.Error{Code: llm.CodeStreamCut, Status: 502, Fault: llm.FaultCut, Message: "cut"}
	tests := []struct {
		name   string
		stream bool
		a, b   []play
		want   string
		status int // of the error; 0 for none
		sent   []string
		cost   llm.NanoUSD
		took   time.Duration
	}{
		{name: "plain", want: "hello from a", sent: []string{"a"}, cost: 200_000},
		{name: "stream hides the usage that was not asked for", stream: true, a: []play{stream("one ", "two ")},
			want: "role one two [DONE]", sent: []string{"a"}, cost: 200_000},
		{name: "500 once: the same target again", a: []play{failing(llm.FaultServer, 500), whole("again")},
			want: "again", sent: []string{"a", "a"}, cost: 200_000, took: 10 * time.Millisecond},
		{name: "503 for good: fall back", a: []play{failing(llm.FaultServer, 503)},
			want: "hello from b", sent: []string{"a", "a", "b"}, cost: 200_000, took: 10 * time.Millisecond},
		{name: "429 that fits the deadline is waited for",
			a:    []play{{err: &llm.Error{Status: 429, Fault: llm.FaultRateLimited, RetryAfter: 500 * time.Millisecond}}, whole("later")},
			want: "later", sent: []string{"a", "a"}, cost: 200_000, took: 500 * time.Millisecond},
		{name: "429 for a minute: fall back at once",
			a:    []play{{err: &llm.Error{Status: 429, Fault: llm.FaultRateLimited, RetryAfter: time.Minute}}},
			want: "hello from b", sent: []string{"a", "b"}, cost: 200_000},
		{name: "quota is not retried", a: []play{failing(llm.FaultQuota, 429)},
			want: "hello from b", sent: []string{"a", "b"}, cost: 200_000},
		{name: "the caller's own fault goes back to it", a: []play{failing(llm.FaultBadRequest, 400)},
			status: 400, sent: []string{"a"}},
		{name: "refused content is not tried elsewhere", a: []play{failing(llm.FaultContentPolicy, 400)},
			status: 400, sent: []string{"a"}},
		{name: "the operator's key is refused: not the caller's fault", a: []play{failing(llm.FaultAuth, 401)}, b: []play{failing(llm.FaultAuth, 403)},
			status: 502, sent: []string{"a", "b"}},
		{name: "nobody answers: the last provider's error", a: []play{failing(llm.FaultServer, 500)}, b: []play{failing(llm.FaultServer, 503)},
			status: 503, sent: []string{"a", "a", "b", "b"}, took: 20 * time.Millisecond},
		{name: "a silent target is not tried again", stream: true, a: []play{{hang: true}}, b: []play{stream("two ")},
			want: "role two [DONE]", sent: []string{"a", "b"}, cost: 200_000, took: 15 * time.Second},
		{name: "headers and a greeting, then silence", stream: true,
			a: []play{{events: []llm.Event{{Frame: []byte("role ")}}, stuck: true}}, b: []play{stream("two ")},
			want: "role two [DONE]", sent: []string{"a", "b"}, cost: 200_000, took: 15 * time.Second},
		{name: "a stream cut before any content", stream: true, a: []play{broken(cut)}, b: []play{stream("two ")},
			want: "role two [DONE]", sent: []string{"a", "a", "b"}, cost: 200_000, took: 10 * time.Millisecond},
		{name: "a stream cut later is no complete answer", stream: true, a: []play{broken(cut, "one ")},
			want: "role one ", status: 502, sent: []string{"a"}, cost: 220_000},
		{name: "a stream that stalls", stream: true, a: []play{{events: stream("one ").events[:2], stuck: true}},
			want: "role one ", status: 504, sent: []string{"a"}, cost: 120_000, took: 20 * time.Second},
		{name: "a plain reply may take its time when it is the last hope", a: []play{failing(llm.FaultQuota, 429)},
			b:    []play{{events: whole("slow").events, info: whole("").info, pause: 5 * time.Minute}},
			want: "slow", sent: []string{"a", "b"}, cost: 200_000, took: 5 * time.Minute},
		{name: "the total time is the last word", b: []play{{hang: true}}, a: []play{failing(llm.FaultQuota, 429)},
			status: 504, sent: []string{"a", "b"}, took: 10 * time.Minute},
		{name: "a stream without end of content", stream: true, a: []play{{events: make([]llm.Event, 200)}}, b: []play{stream("two ")},
			want: "role two [DONE]", sent: []string{"a", "a", "b"}, cost: 200_000, took: 10 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld("a", "b")
				w.decision.Limits = []llm.Limit{hardBudget()}
				set(w.script, "a", tt.a)
				set(w.script, "b", tt.b)
				start := time.Now()
				got, err := w.serve(t, t.Context(), request(tt.stream))
				if took := time.Since(start); took != tt.took {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
				if got.text != tt.want {
					t.Errorf("the caller read %q, want %q", got.text, tt.want)
				}
				checkStatus(t, err, tt.status)
				if diff := cmp.Diff(tt.sent, w.sent); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
				r := w.records[0]
				if r.Cost != tt.cost || len(r.Attempts) != len(tt.sent) {
					t.Errorf("booked %d nano-USD for %d attempts, want %d for %d", r.Cost, len(r.Attempts), tt.cost, len(tt.sent))
				}
				if last := w.settled[len(w.settled)-1]; last.USD != tt.cost {
					t.Errorf("the meter was charged %d, want %d", last.USD, tt.cost)
				}
			})
		})
	}
}

func set(script map[string][]play, id string, plays []play) {
	if plays != nil {
		script[id] = plays
	}
}

func checkStatus(t *testing.T, err error, want int) {
	t.Helper()
	switch {
	case want == 0 && err != nil:
		t.Errorf("Serve = %v, want no error", err)
	case want != 0 && err == nil:
		t.Errorf("Serve = nil, want status %d", want)
	case want != 0:
		if e := llm.AsError(err); e.HTTPStatus() != want || !e.Retried && e.Fault != llm.FaultNone {
			t.Errorf("Serve = %v (status %d, retried %t), want status %d and no more retries", err, e.HTTPStatus(), e.Retried, want)
		}
	}
}

func TestCallerGone(t *testing.T) {
	t.Run("while waiting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld("a", "b")
			w.script["a"] = []play{{hang: true}}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			_, err := w.serve(t, ctx, request(true))
			r := w.records[0]
			if err == nil || r.Status != statusClientClosed || len(w.sent) != 1 {
				t.Errorf("err %v, booked status %d after calls %v; want 499 after one", err, r.Status, w.sent)
			}
		})
	})
	t.Run("mid-stream it pays for what was made", func(t *testing.T) {
		w := newWorld("a")
		w.script["a"] = []play{broken(nil, "one ", "two ")}
		ctx, cancel := context.WithCancel(t.Context())
		got := &page{fail: errors.New("broken pipe")}
		cancel()
		if err := w.pipeline().Serve(ctx, request(true), got); err == nil {
			t.Fatal("Serve = nil, want the write's error")
		}
		r := w.records[0]
		want := llm.Usage{Input: 120, Output: 10, Estimated: true}
		if diff := cmp.Diff(want, r.Usage); diff != "" {
			t.Errorf("usage (-want +got):\n%s", diff)
		}
		if f := r.Attempts[0].Fault; f != llm.FaultCanceled {
			t.Errorf("attempt's fault = %q, want canceled", f)
		}
	})
}

func TestPanicIsBooked(t *testing.T) {
	w := newWorld("a")
	w.decision.Limits = []llm.Limit{hardBudget()}
	w.ranks = func([]llm.Candidate) llm.Ranking { panic("boom") }
	defer func() {
		if r := recover(); r != "boom" {
			t.Errorf("recovered %v, want the panic to pass through", r)
		}
		if len(w.records) != 1 || w.records[0].Status != 500 {
			t.Errorf("booked %v, want one record with status 500", w.records)
		}
	}()
	_ = w.pipeline().Serve(t.Context(), request(false), &page{})
}

func TestDenied(t *testing.T) {
	w := newWorld("a")
	w.decision = llm.Decision{Reasons: []llm.Reason{
		{Code: "model_not_allowed", Message: "not for you.", Status: 403, RetryAfterS: 3}, {Message: "nor now."}}}
	_, err := w.serve(t, t.Context(), request(false))
	want := &llm.Error{Code: "model_not_allowed", Status: 403, Message: "not for you. Also: nor now.", Retried: true, RetryAfter: 3 * time.Second}
	if diff := cmp.Diff(want, llm.AsError(err)); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if w.records[0].Code != "model_not_allowed" || len(w.sent) != 0 {
		t.Errorf("record %+v after calls %v", w.records[0], w.sent)
	}
}

func TestBudget(t *testing.T) {
	cheap := func(w *world) { w.route.Targets[1].Price.Output = llm.USD }
	t.Run("a cheaper target may still fit", func(t *testing.T) {
		w := newWorld("a", "b")
		cheap(w)
		w.decision.Limits, w.full["a"] = []llm.Limit{hardBudget()}, true
		got, err := w.serve(t, t.Context(), request(false))
		if err != nil || got.text != "hello from b" {
			t.Errorf("Serve = %q, %v; want the answer of b", got.text, err)
		}
	})
	t.Run("nothing fits", func(t *testing.T) {
		w := newWorld("a")
		w.decision.Limits, w.full["a"] = []llm.Limit{hardBudget()}, true
		_, err := w.serve(t, t.Context(), request(false))
		if e := llm.AsError(err); e.Code != llm.CodeBudget || len(w.sent) != 0 {
			t.Errorf("Serve = %v after calls %v, want budget_exceeded before any", err, w.sent)
		}
	})
	t.Run("a fallback is reserved anew", func(t *testing.T) {
		w := newWorld("a", "b")
		cheap(w)
		w.script["a"] = []play{failing(llm.FaultQuota, 402)}
		w.decision.Limits = []llm.Limit{hardBudget()}
		if _, err := w.serve(t, t.Context(), request(false)); err != nil {
			t.Fatal(err)
		}
		want := []llm.Amounts{{}, {USD: 110_000, InputTokens: 100, OutputTokens: 10, Requests: 1}}
		if diff := cmp.Diff(want, w.settled); diff != "" {
			t.Errorf("settled (-want +got):\n%s", diff)
		}
	})
	t.Run("no money is spent that can't be booked", func(t *testing.T) {
		w := newWorld("a")
		w.decision.Limits, w.lease = []llm.Limit{hardBudget()}, &llm.Error{Code: llm.CodeUnavailable, Status: 503, Message: "disk full"}
		_, err := w.serve(t, t.Context(), request(false))
		if e := llm.AsError(err); e.Status != 503 || len(w.sent) != 0 {
			t.Errorf("Serve = %v after calls %v, want 503 before any", err, w.sent)
		}
	})
	t.Run("a hard limit sets the client's missing maximum", func(t *testing.T) {
		w := newWorld("a")
		w.route.Targets[0].MaxOutput = 4000
		w.decision.Limits = []llm.Limit{hardBudget()}
		if _, err := w.serve(t, t.Context(), request(false)); err != nil || w.capped[0] != 4000 {
			t.Errorf("capped at %v, %v; want 4000", w.capped, err)
		}
	})
	t.Run("the policy's cap clamps the client's", func(t *testing.T) {
		w := newWorld("a")
		w.decision.Obligations.MaxOutputTokens = 50
		req := request(false)
		req.Facts.MaxTokens = 80
		if _, err := w.serve(t, t.Context(), req); err != nil || w.capped[0] != 50 {
			t.Errorf("capped at %v, %v; want 50", w.capped, err)
		}
	})
}

func TestCandidates(t *testing.T) {
	w := newWorld("p/a", "p/b", "q/c")
	w.route.Targets[0].FeaturesKnown = true // and none of them
	w.route.Targets[1].Context = 10
	req := request(false)
	req.Facts.Features = llm.Tools | llm.JSONSchema
	got, err := w.serve(t, t.Context(), req)
	if err != nil || got.text != "hello from q/c" {
		t.Fatalf("Serve = %q, %v; want q/c's answer", got.text, err)
	}
	var why []string
	for _, c := range w.records[0].Candidates {
		why = append(why, c.Target+": "+c.Refused)
	}
	want := "p/a: lacks tools|p/b: context window of 10 tokens is too small|q/c: "
	if s := strings.Join(why, "|"); s != want {
		t.Errorf("considered %s, want %s", s, want)
	}
	w.decision.Obligations.DenyTargets = []string{"q/*"}
	w.records = nil
	_, err = w.serve(t, t.Context(), req)
	if e := llm.AsError(err); e.Code != llm.CodeNoTarget || !strings.Contains(e.Message, "q/c: denied by the policy") {
		t.Errorf("Serve = %v, want no_target_available with each target's reason", err)
	}
}

func TestContextLengthGoesToALargerWindow(t *testing.T) {
	w := newWorld("a", "b", "c")
	w.route.Targets[0].Context, w.route.Targets[1].Context, w.route.Targets[2].Context = 8000, 4000, 32000
	w.script["a"] = []play{failing(llm.FaultContextLength, 400)}
	got, err := w.serve(t, t.Context(), request(false))
	if err != nil || got.text != "hello from c" || cmp.Diff([]string{"a", "c"}, w.sent) != "" {
		t.Errorf("Serve = %q, %v after %v; want c's answer and b left out", got.text, err, w.sent)
	}
}

func TestCache(t *testing.T) {
	w := newWorld("a")
	w.route.CacheTTL = time.Hour
	if _, err := w.serve(t, t.Context(), request(false)); err != nil || cmp.Diff([]string{"a"}, w.filled) != "" || w.records[0].Cache != llm.CacheMiss {
		t.Errorf("first: %v, filled by %v, cache %q; want one miss, filled by a", err, w.filled, w.records[0].Cache)
	}
	p := stream("kept ")
	w.cached = &llm.StoredReply{Stream: &playing{play: p}, Target: "a"}
	w.records, w.sent = nil, nil
	got, err := w.serve(t, t.Context(), request(true))
	r := w.records[0]
	if err != nil || got.text != "role kept [DONE]" || len(w.sent) != 0 {
		t.Errorf("hit = %q, %v after calls %v", got.text, err, w.sent)
	}
	if r.Cost != 0 || r.Saved != 200_000 || r.Usage.Total() != 0 || got.head.Header.Get("X-Penstock-Cache") != "hit" {
		t.Errorf("booked cost %d, saved %d, usage %v, header %v", r.Cost, r.Saved, r.Usage, got.head.Header)
	}
}

func TestHead(t *testing.T) {
	w := newWorld("a")
	w.decision.Limits = []llm.Limit{{Name: "rpm", Scope: "key:k", Unit: llm.UnitRequests, Window: "1m", Max: 60}}
	w.decision.Obligations.Headers = map[string]string{"x-team-note": "hello"}
	got, err := w.serve(t, t.Context(), request(false))
	if err != nil {
		t.Fatal(err)
	}
	h := got.head.Header
	h.Del("X-Penstock-Overhead-Ms")
	h.Del("X-Ratelimit-Reset-Requests")
	want := map[string]string{"X-Penstock-Model": "smart", "X-Penstock-Route": "smart", "X-Penstock-Target": "a", "X-Penstock-Cache": "off",
		"X-Penstock-Attempts": "1", "X-Penstock-Policy": "r1", "X-Penstock-Cost-Usd": "0.0002", "X-Ratelimit-Limit-Requests": "60",
		"X-Ratelimit-Remaining-Requests": "59", "X-Team-Note": "hello"}
	flat := map[string]string{}
	for name := range h {
		flat[name] = h.Get(name)
	}
	if diff := cmp.Diff(want, flat); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestExplainSpendsNothing(t *testing.T) {
	w := newWorld("a", "b")
	w.decision.Limits = []llm.Limit{hardBudget()}
	r := w.pipeline().Explain(t.Context(), request(false))
	if !r.Dry || r.Ranking == nil || len(r.Candidates) != 2 || len(w.sent)+len(w.settled)+len(w.records)+len(w.leases) != 0 {
		t.Errorf("Explain = %+v with calls %v, want decisions only", r, w.sent)
	}
}

func TestUnwrittenLedgerDoesNotWithholdTheAnswer(t *testing.T) {
	w := newWorld("a")
	w.ledger = errors.New("disk full")
	got, err := w.serve(t, t.Context(), request(false))
	if err != nil || got.text != "hello from a" {
		t.Errorf("Serve = %q, %v; want the answer", got.text, err)
	}
}

func TestRestingTargets(t *testing.T) {
	w := newWorld("a", "b")
	w.resting["a"] = "server"
	got, err := w.serve(t, t.Context(), request(false))
	if err != nil || got.text != "hello from b" || len(w.sent) != 1 {
		t.Errorf("Serve = %q, %v after %v; want b's answer and a left alone", got.text, err, w.sent)
	}
	w.resting["b"], w.records, w.sent = "server", nil, nil
	_, err = w.serve(t, t.Context(), request(false))
	if e := llm.AsError(err); e.Status != 503 || e.RetryAfter <= 0 || e.Retried || len(w.sent) != 0 {
		t.Errorf("Serve = %+v after %v; want 503 with Retry-After and no call", e, w.sent)
	}
}
