package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func hardBudget() llm.Limit {
	return llm.Limit{Name: "daily", Scope: "key:k", Unit: llm.UnitUSD, Window: "day", Max: int64(llm.USD)}
}

// TestServe checks what a caller sees and what is recorded, fault by fault.
func TestServe(t *testing.T) {
	cut := &llm.Error{Code: llm.CodeStreamCut, Status: 502, Fault: llm.FaultCut, Message: "cut"}
	tests := []struct {
		name   string
		stream bool
		a, b   []action
		want   string
		status int // of the error; 0 for none
		sent   []string
		cost   llm.NanoUSD
		took   time.Duration
	}{
		{name: "plain", want: "hello from a", sent: []string{"a"}, cost: 200_000},
		{name: "stream hides the usage that was not asked for", stream: true, a: []action{stream("one ", "two ")},
			want: "role one two [DONE]", sent: []string{"a"}, cost: 200_000},
		{name: "500 once: the same target again", a: []action{failing(llm.FaultServer, 500), plain("again")},
			want: "again", sent: []string{"a", "a"}, cost: 200_000, took: 10 * time.Millisecond},
		{name: "503 for good: fall back", a: []action{failing(llm.FaultServer, 503)},
			want: "hello from b", sent: []string{"a", "a", "b"}, cost: 200_000, took: 10 * time.Millisecond},
		{name: "429 that fits the deadline is waited for",
			a:    []action{{err: &llm.Error{Status: 429, Fault: llm.FaultRateLimited, RetryAfter: 500 * time.Millisecond}}, plain("later")},
			want: "later", sent: []string{"a", "a"}, cost: 200_000, took: 500 * time.Millisecond},
		{name: "429 for a minute: fall back at once",
			a:    []action{{err: &llm.Error{Status: 429, Fault: llm.FaultRateLimited, RetryAfter: time.Minute}}},
			want: "hello from b", sent: []string{"a", "b"}, cost: 200_000},
		{name: "quota is not retried", a: []action{failing(llm.FaultQuota, 429)},
			want: "hello from b", sent: []string{"a", "b"}, cost: 200_000},
		{name: "the caller's own fault goes back to it", a: []action{failing(llm.FaultBadRequest, 400)},
			status: 400, sent: []string{"a"}},
		{name: "refused content is not tried elsewhere", a: []action{failing(llm.FaultContentPolicy, 400)},
			status: 400, sent: []string{"a"}},
		{name: "the operator's key is refused: not the caller's fault", a: []action{failing(llm.FaultAuth, 401)}, b: []action{failing(llm.FaultAuth, 403)},
			status: 502, sent: []string{"a", "b"}},
		{name: "nobody answers: the last provider's error", a: []action{failing(llm.FaultServer, 500)}, b: []action{failing(llm.FaultServer, 503)},
			status: 503, sent: []string{"a", "a", "b", "b"}, took: 20 * time.Millisecond},
		{name: "a silent target is not tried again", stream: true, a: []action{{hang: true}}, b: []action{stream("two ")},
			want: "role two [DONE]", sent: []string{"a", "b"}, cost: 200_000, took: 15 * time.Second},
		{name: "headers and a greeting, then silence", stream: true,
			a: []action{{events: []llm.Event{{Frame: []byte("role ")}}, stuck: true}}, b: []action{stream("two ")},
			want: "role two [DONE]", sent: []string{"a", "b"}, cost: 200_000, took: 15 * time.Second},
		{name: "a stream cut before any content", stream: true, a: []action{broken(cut)}, b: []action{stream("two ")},
			want: "role two [DONE]", sent: []string{"a", "a", "b"}, cost: 200_000, took: 10 * time.Millisecond},
		{name: "a stream cut later is no complete answer", stream: true, a: []action{broken(cut, "one ")},
			want: "role one ", status: 502, sent: []string{"a"}, cost: 220_000},
		{name: "a stream that stalls", stream: true, a: []action{{events: stream("one ").events[:2], stuck: true}},
			want: "role one ", status: 504, sent: []string{"a"}, cost: 120_000, took: 20 * time.Second},
		{name: "a plain reply may take its time when it is the last hope", a: []action{failing(llm.FaultQuota, 429)},
			b:    []action{{events: plain("slow").events, info: plain("").info, pause: 5 * time.Minute}},
			want: "slow", sent: []string{"a", "b"}, cost: 200_000, took: 5 * time.Minute},
		{name: "the total time is the last word", b: []action{{hang: true}}, a: []action{failing(llm.FaultQuota, 429)},
			status: 504, sent: []string{"a", "b"}, took: 10 * time.Minute},
		{name: "a stream without end of content", stream: true, a: []action{{events: make([]llm.Event, 200)}}, b: []action{stream("two ")},
			want: "role two [DONE]", sent: []string{"a", "a", "b"}, cost: 200_000, took: 10 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakes("a", "b")
				f.decision.Limits = []llm.Limit{hardBudget()}
				set(f.script, "a", tt.a)
				set(f.script, "b", tt.b)
				start := time.Now()
				got, err := f.serve(t, t.Context(), request(tt.stream))
				if took := time.Since(start); took != tt.took {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
				if got.text != tt.want {
					t.Errorf("the caller read %q, want %q", got.text, tt.want)
				}
				checkStatus(t, err, tt.status)
				if diff := cmp.Diff(tt.sent, f.sent); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
				r := f.records[0]
				if r.Cost != tt.cost || len(r.Attempts) != len(tt.sent) {
					t.Errorf("recorded %d nano-USD for %d attempts, want %d for %d", r.Cost, len(r.Attempts), tt.cost, len(tt.sent))
				}
				if last := f.settled[len(f.settled)-1]; last.USD != tt.cost {
					t.Errorf("the meter was charged %d, want %d", last.USD, tt.cost)
				}
			})
		})
	}
}

func set(script map[string][]action, id string, actions []action) {
	if actions != nil {
		script[id] = actions
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
			f := newFakes("a", "b")
			f.script["a"] = []action{{hang: true}}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			_, err := f.serve(t, ctx, request(true))
			r := f.records[0]
			if err == nil || r.Status != statusClientClosed || len(f.sent) != 1 {
				t.Errorf("err %v, recorded status %d after calls %v; want 499 after one", err, r.Status, f.sent)
			}
		})
	})
	t.Run("mid-stream it pays for what was made", func(t *testing.T) {
		f := newFakes("a")
		f.script["a"] = []action{broken(nil, "one ", "two ")}
		ctx, cancel := context.WithCancel(t.Context())
		got := &caller{fail: errors.New("broken pipe")}
		cancel()
		if err := f.pipeline().Serve(ctx, request(true), got); err == nil {
			t.Fatal("Serve = nil, want the write's error")
		}
		r := f.records[0]
		want := llm.Usage{Input: 120, Output: 10, Estimated: true}
		if diff := cmp.Diff(want, r.Usage); diff != "" {
			t.Errorf("usage (-want +got):\n%s", diff)
		}
		if f := r.Attempts[0].Fault; f != llm.FaultCanceled {
			t.Errorf("attempt's fault = %q, want canceled", f)
		}
	})
}

func TestPanicIsRecorded(t *testing.T) {
	for name, tt := range map[string]struct {
		set      func(*fakes)
		outcomes int
	}{
		"while ranking":  {func(f *fakes) { f.ranks = func([]llm.Candidate) llm.Ranking { panic("boom") } }, 0},
		"in an attempt":  {func(f *fakes) { f.transform = func(*llm.Request) { panic("boom") } }, 1},
		"before a route": {func(f *fakes) { f.decide = func(string, string) llm.Decision { panic("boom") } }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakes("a")
			f.decision.Limits = []llm.Limit{hardBudget()}
			tt.set(f)
			defer func() {
				if r := recover(); r != "boom" {
					t.Errorf("recovered %v, want the panic to pass through", r)
				}
				if len(f.records) != 1 || f.records[0].Status != 500 {
					t.Errorf("recorded %v, want one record with status 500", f.records)
				}
				if got := len(f.outcomes["a"]); got != tt.outcomes {
					t.Errorf("Health was told %d outcomes, want %d", got, tt.outcomes)
				}
				for lease, open := range f.leases {
					if open {
						t.Errorf("lease %s is still open", lease)
					}
				}
			}()
			_ = f.pipeline().Serve(t.Context(), request(true), &caller{})
		})
	}
}

// TestSinks checks that each request is told to the sinks once, after its record was
// written, and that one without a route is only told to them.
func TestSinks(t *testing.T) {
	f := newFakes("a")
	if _, err := f.serve(t, t.Context(), request(false)); err != nil || cmp.Diff([]string{"write", "sink"}, f.order) != "" {
		t.Errorf("%v, %v; want the record written, then told", f.order, err)
	}
	f.order, f.unknown = nil, &llm.Error{Code: llm.CodeModelNotFound, Status: 404}
	err := f.pipeline().Serve(t.Context(), request(false), &caller{})
	if llm.AsError(err).Status != 404 || cmp.Diff([]string{"sink"}, f.order) != "" {
		t.Errorf("without a route: %v, %v; want it only told", f.order, err)
	}
}

// TestWrittenRecordsDoNotChange has the caller leave at the last event, when the record has
// been written.
func TestWrittenRecordsDoNotChange(t *testing.T) {
	f := newFakes("a")
	err := f.pipeline().Serve(t.Context(), request(false), &caller{fail: errors.New("broken pipe")})
	if r := f.records[0]; err == nil || r.Status != 200 || r.Error != "" {
		t.Errorf("Serve = %v, recorded status %d, %q; want the reply as it was made", err, r.Status, r.Error)
	}
}

// TestExceededLimitsWarnOnce retries under a limit that only warns.
func TestExceededLimitsWarnOnce(t *testing.T) {
	f := newFakes("a")
	soft := hardBudget()
	soft.OnExceed = llm.ExceedWarn
	f.decision.Limits, f.decision.Warnings = []llm.Limit{soft}, []string{"near the end"}
	f.script["a"] = []action{failing(llm.FaultServer, 500), plain("again")}
	got, err := f.serve(t, t.Context(), request(false))
	want := []string{"near the end", "limit daily of key:k is exceeded"}
	if diff := cmp.Diff(want, got.head.Header["X-Penstock-Warning"]); err != nil || diff != "" {
		t.Errorf("%v, warnings (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff(want, f.records[0].Decision.Warnings); diff != "" {
		t.Errorf("recorded warnings (-want +got):\n%s", diff)
	}
}

func TestDenied(t *testing.T) {
	f := newFakes("a")
	f.decision = llm.Decision{Reasons: []llm.Reason{
		{Code: "model_not_allowed", Message: "not for you.", Status: 403, RetryAfterS: 3}, {Message: "nor now."}}}
	_, err := f.serve(t, t.Context(), request(false))
	want := &llm.Error{Code: "model_not_allowed", Status: 403, Message: "not for you. Also: nor now.", Retried: true, RetryAfter: 3 * time.Second}
	if diff := cmp.Diff(want, llm.AsError(err), cmpopts.IgnoreFields(llm.Error{}, "Header")); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if f.records[0].Code != "model_not_allowed" || len(f.sent) != 0 {
		t.Errorf("record %+v after calls %v", f.records[0], f.sent)
	}
}

func TestBudget(t *testing.T) {
	cheap := func(f *fakes) { f.route.Targets[1].Price.Output = llm.USD }
	t.Run("a cheaper target may still fit", func(t *testing.T) {
		f := newFakes("a", "b")
		cheap(f)
		f.decision.Limits, f.full["a"] = []llm.Limit{hardBudget()}, true
		got, err := f.serve(t, t.Context(), request(false))
		if err != nil || got.text != "hello from b" {
			t.Errorf("Serve = %q, %v; want the answer of b", got.text, err)
		}
	})
	t.Run("nothing fits", func(t *testing.T) {
		f := newFakes("a")
		f.decision.Limits, f.full["a"] = []llm.Limit{hardBudget()}, true
		_, err := f.serve(t, t.Context(), request(false))
		if e := llm.AsError(err); e.Code != llm.CodeBudget || len(f.sent) != 0 {
			t.Errorf("Serve = %v after calls %v, want budget_exceeded before any", err, f.sent)
		}
	})
	t.Run("a fallback is reserved anew", func(t *testing.T) {
		f := newFakes("a", "b")
		cheap(f)
		f.script["a"] = []action{failing(llm.FaultQuota, 402)}
		f.decision.Limits = []llm.Limit{hardBudget()}
		if _, err := f.serve(t, t.Context(), request(false)); err != nil {
			t.Fatal(err)
		}
		want := []llm.Amounts{{}, {USD: 110_000, InputTokens: 100, OutputTokens: 10, Requests: 1}}
		if diff := cmp.Diff(want, f.settled); diff != "" {
			t.Errorf("settled (-want +got):\n%s", diff)
		}
	})
	t.Run("no money is spent that can't be recorded", func(t *testing.T) {
		f := newFakes("a")
		f.decision.Limits, f.reserveErr = []llm.Limit{hardBudget()}, &llm.Error{Code: llm.CodeUnavailable, Status: 503, Message: "disk full"}
		_, err := f.serve(t, t.Context(), request(false))
		if e := llm.AsError(err); e.Status != 503 || len(f.sent) != 0 {
			t.Errorf("Serve = %v after calls %v, want 503 before any", err, f.sent)
		}
	})
	t.Run("a hard limit sets the client's missing maximum", func(t *testing.T) {
		f := newFakes("a")
		f.route.Targets[0].MaxOutput = 4000
		f.decision.Limits = []llm.Limit{hardBudget()}
		if _, err := f.serve(t, t.Context(), request(false)); err != nil || f.capped[0] != 4000 {
			t.Errorf("capped at %v, %v; want 4000", f.capped, err)
		}
	})
	t.Run("the policy's cap clamps the client's", func(t *testing.T) {
		f := newFakes("a")
		f.decision.Obligations.MaxOutputTokens = 50
		req := request(false)
		req.Facts.MaxTokens = 80
		if _, err := f.serve(t, t.Context(), req); err != nil || f.capped[0] != 50 {
			t.Errorf("capped at %v, %v; want 50", f.capped, err)
		}
	})
}

func TestCandidates(t *testing.T) {
	f := newFakes("p/a", "p/b", "q/c")
	f.route.Targets[0].FeaturesKnown = true // and none of them
	f.route.Targets[1].Context = 10
	req := request(false)
	req.Facts.Features = llm.Tools | llm.JSONSchema
	got, err := f.serve(t, t.Context(), req)
	if err != nil || got.text != "hello from q/c" {
		t.Fatalf("Serve = %q, %v; want q/c's answer", got.text, err)
	}
	var why []string
	for _, c := range f.records[0].Candidates {
		why = append(why, c.Target+": "+c.Refused)
	}
	want := "p/a: lacks tools, json_schema|p/b: context window of 10 tokens is too small|q/c: "
	if s := strings.Join(why, "|"); s != want {
		t.Errorf("considered %s, want %s", s, want)
	}
	f.decision.Obligations.DenyTargets = []string{"q/*"}
	f.records = nil
	_, err = f.serve(t, t.Context(), req)
	if e := llm.AsError(err); e.Code != llm.CodeNoTarget || !strings.Contains(e.Message, "q/c: denied by the policy") {
		t.Errorf("Serve = %v, want no_target_available with each target's reason", err)
	}
}

func TestContextLengthGoesToALargerWindow(t *testing.T) {
	f := newFakes("a", "b", "c")
	f.route.Targets[0].Context, f.route.Targets[1].Context, f.route.Targets[2].Context = 8000, 4000, 32000
	f.script["a"] = []action{failing(llm.FaultContextLength, 400)}
	got, err := f.serve(t, t.Context(), request(false))
	if err != nil || got.text != "hello from c" || cmp.Diff([]string{"a", "c"}, f.sent) != "" {
		t.Errorf("Serve = %q, %v after %v; want c's answer and b left out", got.text, err, f.sent)
	}
}

func TestCache(t *testing.T) {
	f := newFakes("a")
	f.route.CacheTTL = time.Hour
	if _, err := f.serve(t, t.Context(), request(false)); err != nil || cmp.Diff([]string{"a"}, f.filled) != "" || f.records[0].Cache != llm.CacheMiss {
		t.Errorf("first: %v, filled by %v, cache %q; want one miss, filled by a", err, f.filled, f.records[0].Cache)
	}
	p := stream("kept ")
	f.cached = &llm.StoredReply{Stream: &fakeStream{action: p}, Target: "a"}
	f.records, f.sent = nil, nil
	got, err := f.serve(t, t.Context(), request(true))
	r := f.records[0]
	if err != nil || got.text != "role kept [DONE]" || len(f.sent) != 0 {
		t.Errorf("hit = %q, %v after calls %v", got.text, err, f.sent)
	}
	if r.Cost != 0 || r.Saved != 200_000 || r.Usage.Total() != 0 || got.head.Header.Get("X-Penstock-Cache") != "hit" {
		t.Errorf("recorded cost %d, saved %d, usage %v, header %v", r.Cost, r.Saved, r.Usage, got.head.Header)
	}
}

func TestHead(t *testing.T) {
	f := newFakes("a")
	f.decision.Limits = []llm.Limit{{Name: "rpm", Scope: "key:k", Unit: llm.UnitRequests, Window: "1m", Max: 60}}
	f.decision.Obligations.Headers = map[string]string{"x-team-note": "hello"}
	got, err := f.serve(t, t.Context(), request(false))
	if err != nil {
		t.Fatal(err)
	}
	h := got.head.Header
	h.Del("X-Penstock-Overhead-Ms")
	h.Del("X-Ratelimit-Reset-Requests")
	want := map[string]string{"X-Penstock-Model": "smart", "X-Penstock-Route": "smart", "X-Penstock-Target": "a", "X-Penstock-Cache": "off",
		"X-Penstock-Attempts": "1", "X-Penstock-Policy": "r1", "X-Penstock-Cost-Usd": "0.0002", "X-Ratelimit-Limit-Requests": "60",
		"X-Penstock-Budget-Requests-Name": "rpm", "X-Penstock-Budget-Requests-Limit": "60", "X-Penstock-Budget-Requests-Spent": "1", "X-Penstock-Budget-Requests-Remaining": "59",
		"X-Ratelimit-Remaining-Requests": "59", "X-Team-Note": "hello"}
	flat := map[string]string{}
	for name := range h {
		flat[name] = h.Get(name)
	}
	if diff := cmp.Diff(want, flat); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// TestRefusalsHaveTheHeadersOfReplies has the policy refuse a request that it also warns of, and
// a limit refuse one: obligations and warnings reach the caller all the same.
func TestRefusalsHaveTheHeadersOfReplies(t *testing.T) {
	f := newFakes("a")
	f.decision = llm.Decision{Reasons: []llm.Reason{{Code: "closed", Message: "Not now."}}, Warnings: []string{"the budget is\nnearly used up"},
		Obligations: llm.Obligations{Headers: map[string]string{"x-team-note": "hello"}}}
	_, err := f.serve(t, t.Context(), request(true))
	h := llm.AsError(err).Header
	if h.Get("X-Team-Note") != "hello" || h.Get("X-Penstock-Warning") != "the budget is nearly used up" || h.Get("X-Penstock-Route") != "smart" {
		t.Errorf("a denied request's headers: %v", h)
	}
	f = newFakes("a")
	f.decision.Limits = []llm.Limit{hardBudget()}
	f.decision.Obligations.Headers = map[string]string{"x-team-note": "hello"}
	l := llm.Limit{Name: "day", Scope: "team:a", Unit: llm.UnitUSD, Window: "day", Max: 5 * int64(llm.USD)}
	f.reserveErr = &llm.Error{Code: llm.CodeBudget, Status: 429, Message: "over", Exceeded: &llm.Exceeded{Limit: l, States: []llm.LimitState{
		{Limit: l, Before: 4 * int64(llm.USD), Held: int64(llm.USD), ResetsAt: 1795392000000}}}}
	_, err = f.serve(t, t.Context(), request(false))
	want := map[string]string{"X-Team-Note": "hello", "X-Penstock-Budget-Usd-Name": "day", "X-Penstock-Budget-Usd-Limit": "5", "X-Penstock-Budget-Usd-Spent": "3",
		"X-Penstock-Budget-Usd-Remaining": "1", "X-Penstock-Budget-Usd-Resets": "2026-11-23T00:00:00Z"}
	for name, v := range want {
		if got := llm.AsError(err).Header.Get(name); got != v {
			t.Errorf("over a limit, %s: %q, want %q", name, got, v)
		}
	}
}

// TestPolicyMayAskForARetry has reasons say when to come back: clients retry those that mean "not
// now" and pass within a minute.
func TestPolicyMayAskForARetry(t *testing.T) {
	for _, tt := range []struct {
		status, after int
		retry         bool
	}{{429, 3, true}, {503, 59, true}, {429, 0, false}, {429, 60, false}, {403, 3, false}, {0, 3, false}} {
		e := llm.AsError(denied(llm.Decision{Reasons: []llm.Reason{{Code: "no", Message: "no", Status: tt.status, RetryAfterS: tt.after}}}))
		if e.Retried == tt.retry {
			t.Errorf("status %d, retry_after_s %d: the client is told not to retry: %t", tt.status, tt.after, e.Retried)
		}
	}
}

// TestManyReasonsAreBounded keeps a refusal readable, however many reasons it has.
func TestManyReasonsAreBounded(t *testing.T) {
	d := llm.Decision{}
	for range 64 {
		d.Reasons = append(d.Reasons, llm.Reason{Code: "no", Message: strings.Repeat("x", 2000)})
	}
	e := llm.AsError(denied(d))
	if len(e.Message) > 17_000 || !strings.HasSuffix(e.Message, " Also 56 more reasons.") {
		t.Errorf("%d bytes of message, ending %q", len(e.Message), e.Message[len(e.Message)-40:])
	}
}

func TestExplainSpendsNothing(t *testing.T) {
	f := newFakes("a", "b")
	f.decision.Limits = []llm.Limit{hardBudget()}
	r := f.pipeline().Explain(t.Context(), request(false))
	if !r.Dry || r.Ranking == nil || len(r.Candidates) != 2 || len(f.sent)+len(f.settled)+len(f.records)+len(f.leases) != 0 {
		t.Errorf("Explain = %+v with calls %v, want decisions only", r, f.sent)
	}
}

func TestUnwrittenLedgerDoesNotWithholdTheAnswer(t *testing.T) {
	f := newFakes("a")
	f.writeErr = errors.New("disk full")
	got, err := f.serve(t, t.Context(), request(false))
	if err != nil || got.text != "hello from a" {
		t.Errorf("Serve = %q, %v; want the answer", got.text, err)
	}
}

// TestTheLeastBadTargetIsAsked has nothing but targets that cool down: the one whose own failures
// alone keep requests from it is asked, once.
func TestTheLeastBadTargetIsAsked(t *testing.T) {
	f := newFakes("a", "b", "c")
	f.hastens = true
	f.cooling["a"], f.cooling["b"], f.cooling["c"] = "rate_limited", "server", llm.CoolingForOperator
	f.stats, f.cools = map[string]time.Duration{"a": time.Second, "b": time.Minute, "c": time.Second}, time.Minute
	got, err := f.serve(t, t.Context(), request(false))
	if err != nil || got.text != "hello from b" || len(f.sent) != 1 {
		t.Errorf("Serve = %q, %v after %v; want b's answer", got.text, err, f.sent)
	}
	f.records, f.sent = nil, nil
	f.script["b"] = []action{failing(llm.FaultServer, 500)}
	_, err = f.serve(t, t.Context(), request(false))
	if e := llm.AsError(err); e.Status != 500 || e.RetryAfter <= 0 || !e.Retried || len(f.sent) != 1 {
		t.Errorf("Serve = %+v after %v; want b's error with Retry-After after one call", e, f.sent)
	}
}

func TestCoolingTargets(t *testing.T) {
	f := newFakes("a", "b")
	f.cooling["a"] = "server"
	got, err := f.serve(t, t.Context(), request(false))
	if err != nil || got.text != "hello from b" || len(f.sent) != 1 {
		t.Errorf("Serve = %q, %v after %v; want b's answer and a left alone", got.text, err, f.sent)
	}
	f.cooling["b"], f.records, f.sent = "server", nil, nil
	_, err = f.serve(t, t.Context(), request(false))
	if e := llm.AsError(err); e.Status != 503 || e.RetryAfter <= 0 || e.Retried || len(f.sent) != 0 {
		t.Errorf("Serve = %+v after %v; want 503 with Retry-After and no call", e, f.sent)
	}
}
