package pipeline

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestReservationFollowsTransforms: what a plugin adds to a prompt, or asks for, is
// reserved like the caller's own.
func TestReservationFollowsTransforms(t *testing.T) {
	f := newFakes("a")
	f.decision.Limits = []llm.Limit{hardBudget()}
	f.transform = func(r *llm.Request) {
		r.Facts.TextBytes, r.Facts.Choices = 100_000, 3
	}
	req := request(false)
	req.Facts.TextBytes, req.Facts.MaxTokens = 120, 50
	if _, err := f.serve(t, t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if got := f.reserved[0]; got.InputTokens < 100_000 || got.OutputTokens != 150 {
		t.Errorf("reserved %+v, want the prompt of 100,000 tokens and three replies of 50", got)
	}
}

// TestReservationFollowsTheWireFormat: a dialect that is a plugin may add to a prompt, too.
func TestReservationFollowsTheWireFormat(t *testing.T) {
	for size, want := range map[int]int{4_000: 1, 100_000: 2} {
		f := newFakes("a")
		f.decision.Limits, f.body = []llm.Limit{hardBudget()}, make([]byte, size)
		req := request(false)
		req.Facts.TextBytes, req.Facts.MaxTokens = 120, 50
		if _, err := f.serve(t, t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if len(f.reserved) != want || want == 2 && f.reserved[1].InputTokens < 100_000 {
			t.Errorf("%d bytes are sent: reserved %+v, want %d reservations up to all of them", size, f.reserved, want)
		}
	}
}

// TestOutputBound: the maximum that is sent upstream when the caller gives none.
func TestOutputBound(t *testing.T) {
	warn := hardBudget()
	warn.OnExceed = llm.ExceedWarn
	tokens := llm.Limit{Name: "tpm", Scope: "key:k", Unit: llm.UnitTokens, Window: "1m", Max: 1000}
	for _, tt := range []struct {
		name    string
		limits  []llm.Limit
		target  llm.Target
		facts   llm.Facts
		obliged int64
		afford  int64
		want    int64
	}{
		{name: "nothing bounds it", target: llm.Target{MaxOutput: 4000}},
		{name: "a warning bounds nothing", limits: []llm.Limit{warn}, target: llm.Target{MaxOutput: 4000}},
		{name: "the model's", limits: []llm.Limit{hardBudget()}, target: llm.Target{MaxOutput: 4000}, want: 4000},
		{name: "the policy's", limits: []llm.Limit{hardBudget()}, target: llm.Target{MaxOutput: 4000}, obliged: 50, want: 50},
		{name: "what the context leaves", limits: []llm.Limit{hardBudget()}, target: llm.Target{Context: 8192, MaxOutput: 8192}, facts: llm.Facts{TextBytes: 936}, want: 7192},
		{name: "what limits afford", limits: []llm.Limit{hardBudget()}, target: llm.Target{MaxOutput: 128_000}, afford: 3000, want: 3000},
		{name: "limits on tokens too", limits: []llm.Limit{tokens}, target: llm.Target{MaxOutput: 128_000}, afford: 300, want: 300},
		{name: "the caller's own stays, by a name that is heeded", limits: []llm.Limit{hardBudget()}, facts: llm.Facts{MaxTokens: 70}, afford: 3, want: 70},
		{name: "without a limit it is left alone", facts: llm.Facts{MaxTokens: 70}, want: 0},
		{name: "unless the policy clamps it", limits: []llm.Limit{hardBudget()}, facts: llm.Facts{MaxTokens: 70}, obliged: 60, want: 60},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakes("a")
			f.decision.Limits, f.decision.Obligations.MaxOutputTokens, f.afford = tt.limits, tt.obliged, tt.afford
			f.route.Targets[0].Context, f.route.Targets[0].MaxOutput = tt.target.Context, tt.target.MaxOutput
			req := request(false)
			req.Facts.TextBytes, req.Facts.MaxTokens = tt.facts.TextBytes, tt.facts.MaxTokens
			if _, err := f.serve(t, t.Context(), req); err != nil || f.capped[0] != tt.want {
				t.Errorf("sent a maximum of %v, %v; want %d", f.capped, err, tt.want)
			}
		})
	}
}

// TestUnboundedCost: a hard limit refuses what has no known price, says what to set, and
// lets it go where it has one.
func TestUnboundedCost(t *testing.T) {
	tokens := llm.Limit{Name: "tpm", Scope: "key:k", Unit: llm.UnitTokens, Window: "1m", Max: 1000}
	warn := hardBudget()
	warn.OnExceed = llm.ExceedWarn
	for _, tt := range []struct {
		name   string
		limits []llm.Limit
		set    func(*llm.Route)
		facts  llm.Facts
		want   string // in the refusal; empty when it is served
	}{
		{name: "no price", limits: []llm.Limit{hardBudget()}, set: func(r *llm.Route) { r.Targets[0].Price = llm.Price{} }, want: "set price on the target, or unpriced: allow"},
		{name: "no price, no limit", set: func(r *llm.Route) { r.Targets[0].Price = llm.Price{} }},
		{name: "no price, a warning", limits: []llm.Limit{warn}, set: func(r *llm.Route) { r.Targets[0].Price = llm.Price{} }},
		{name: "no price, a limit on tokens", limits: []llm.Limit{tokens}, set: func(r *llm.Route) { r.Targets[0].Price = llm.Price{} }},
		{name: "no price, allowed", limits: []llm.Limit{hardBudget()}, set: func(r *llm.Route) { r.Targets[0].Price, r.AllowUnpriced = llm.Price{}, true }},
		{name: "a remote image", limits: []llm.Limit{hardBudget()}, facts: llm.Facts{Unbounded: "a remote image"}, want: "it is not known how many tokens a remote image takes"},
		{name: "a file id and a limit on tokens", limits: []llm.Limit{tokens}, facts: llm.Facts{Unbounded: "a file id"}, want: "a file id"},
		{name: "a remote image where the context is known", limits: []llm.Limit{hardBudget()}, set: func(r *llm.Route) { r.Targets[0].Context = 8192 }, facts: llm.Facts{Unbounded: "a remote image"}},
		{name: "another price", limits: []llm.Limit{hardBudget()}, facts: llm.Facts{Repriced: "service_tier"}, want: "remove service_tier, or set unpriced: allow"},
		{name: "the known price of a tier", limits: []llm.Limit{hardBudget()}, set: func(r *llm.Route) {
			r.Targets[0].Price.SetTier(llm.TierPriority, llm.Price{Known: true, Input: 1, Output: 1})
		}, facts: llm.Facts{Repriced: "service_tier", Tier: llm.TierPriority}},
		{name: "the known price of another tier", limits: []llm.Limit{hardBudget()}, set: func(r *llm.Route) {
			r.Targets[0].Price.SetTier(llm.TierFlex, llm.Price{Known: true, Input: 1, Output: 1})
		}, facts: llm.Facts{Repriced: "service_tier", Tier: llm.TierPriority}, want: "remove service_tier"},
		{name: "another place beside a known tier", limits: []llm.Limit{hardBudget()}, set: func(r *llm.Route) {
			r.Targets[0].Price.SetTier(llm.TierFast, llm.Price{Known: true, Input: 1, Output: 1})
		}, facts: llm.Facts{Repriced: "inference_geo", Tier: llm.TierFast}, want: "remove inference_geo"},
		{name: "another price, allowed", limits: []llm.Limit{hardBudget()}, set: func(r *llm.Route) { r.AllowUnpriced = true }, facts: llm.Facts{Repriced: "models"}},
		{name: "another price of a free server", limits: []llm.Limit{hardBudget()}, set: func(r *llm.Route) { r.Targets[0].Price = llm.Price{Known: true} }, facts: llm.Facts{Repriced: "models"}},
		{name: "another price elsewhere", limits: []llm.Limit{hardBudget()}, set: func(r *llm.Route) { r.Targets[0].Dialect = "anthropic" }, facts: llm.Facts{Repriced: "service_tier"}},
		{name: "another price, a limit on tokens", limits: []llm.Limit{tokens}, facts: llm.Facts{Repriced: "models"}},
		{name: "a remote image without limits", facts: llm.Facts{Unbounded: "a remote image"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, late := range []bool{false, true} { // late: a plugin makes it so
				f := newFakes("a")
				f.decision.Limits = tt.limits
				if tt.set != nil {
					tt.set(f.route)
				}
				req := request(false)
				if late {
					f.transform = func(r *llm.Request) {
						r.Facts.Unbounded, r.Facts.Repriced, r.Facts.Tier = tt.facts.Unbounded, tt.facts.Repriced, tt.facts.Tier
					}
				} else {
					req.Facts.Unbounded, req.Facts.Repriced, req.Facts.Tier = tt.facts.Unbounded, tt.facts.Repriced, tt.facts.Tier
				}
				_, err := f.serve(t, t.Context(), req)
				served := len(f.sent) == 1 && err == nil
				if served != (tt.want == "") || err != nil && !strings.Contains(llm.AsError(err).Message, tt.want) {
					t.Errorf("late %t: %v after calls %v, want %q", late, err, f.sent, tt.want)
				}
			}
		})
	}
}

// TestOneWorstCase: what explain shows is what a request would reserve.
func TestOneWorstCase(t *testing.T) {
	f := newFakes("a")
	f.decision.Limits = []llm.Limit{hardBudget()}
	req := request(false)
	req.Facts.TextBytes, req.Facts.Choices = 1000, 4
	if _, err := f.serve(t, t.Context(), req); err != nil {
		t.Fatal(err)
	}
	shown := f.pipeline().Explain(t.Context(), req).Candidates[0].EstCost
	if want := llm.EstimateOf(f.route.Targets[0], &req.Facts, 0, 0).Cost(); shown != want || f.reserved[0].USD != want {
		t.Errorf("explain shows %v, %v was reserved, want %v for both", shown, f.reserved[0].USD, want)
	}
}

// TestEarlyCountsAreKept: 10 tokens and 100,000 from the provider's cache, and then the
// caller leaves: before the first content, or after it.
func TestEarlyCountsAreKept(t *testing.T) {
	counted := llm.ReplyInfo{Usage: &llm.Usage{Input: 100_010, CacheRead: 100_000}}
	for name, greeting := range map[string][]llm.Event{
		"before the first content": {{Frame: []byte("role ")}},
		"after it":                 {{Frame: []byte("one "), Content: true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakes("a")
				f.route.Targets[0].Price = llm.Price{Known: true, Input: 3 * llm.USD, Output: 15 * llm.USD, CacheRead: 3 * llm.USD / 10}
				f.script["a"] = []action{{events: greeting, stuck: true, info: counted}}
				req := request(true)
				req.Facts.EstInputTokens = 100_300
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				if _, err := f.serve(t, ctx, req); err == nil {
					t.Fatal("Serve = nil, want an error")
				}
				if got := f.records[0].Cost; got != 30_030_000 {
					t.Errorf("recorded %v, want $0.03003", got)
				}
			})
		})
	}
}

// TestTokensAreCountedWhenBytesDoNotFit: a token a byte is good enough while the limits
// have room for it.
func TestTokensAreCountedWhenBytesDoNotFit(t *testing.T) {
	f := newFakes("a")
	f.decision.Limits = []llm.Limit{hardBudget()}
	f.text = 300
	req := request(false)
	req.Facts.TextBytes = 1200
	if _, err := f.serve(t, t.Context(), req); err != nil || len(f.reserved) != 1 || f.reserved[0].InputTokens < 1200 {
		t.Errorf("with room: reserved %+v, %v; want a token a byte", f.reserved, err)
	}
	f.records, f.reserved, f.afford = nil, nil, 1000
	if _, err := f.serve(t, t.Context(), req); err != nil || len(f.reserved) != 2 || f.reserved[1].InputTokens >= 1200 {
		t.Errorf("without: reserved %+v, %v; want it counted", f.reserved, err)
	}
}

// TestWaitingForReservations: a request waits a little for others to give back what they
// hold, and gets a Retry-After when they don't.
func TestWaitingForReservations(t *testing.T) {
	for _, tt := range []struct {
		name  string
		waits int
		took  time.Duration
		ok    bool
	}{
		{"they end", 2, 300 * time.Millisecond, true},
		{"they do not", 1000, time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakes("a")
				f.decision.Limits, f.waits, f.freed = []llm.Limit{hardBudget()}, tt.waits, make(chan struct{})
				if tt.ok {
					time.AfterFunc(tt.took, func() { close(f.freed) })
				}
				start := time.Now()
				_, err := f.serve(t, t.Context(), request(false))
				if took := time.Since(start); took != tt.took || (err == nil) != tt.ok {
					t.Errorf("after %v: %v, want %v and success = %t", took, err, tt.took, tt.ok)
				}
				if e := llm.AsError(err); err != nil && (e.Status != 429 || e.RetryAfter != time.Second || e.Retried || len(f.sent) != 0) {
					t.Errorf("refused as %+v after calls %v, want 429 to be retried in 1s", e, f.sent)
				}
			})
		})
	}
}

// TestKeyModelsApplyToTheProvidersFallbacks: OpenRouter answers with any of "models".
func TestKeyModelsApplyToTheProvidersFallbacks(t *testing.T) {
	for _, models := range [][]string{nil, {"*"}, {"m"}} {
		f, req := newFakes("a"), request(false)
		req.Facts.Repriced, req.Principal.Models = llm.OtherModels, models
		served := !slices.Equal(models, []string{"m"})
		if _, err := f.serve(t, t.Context(), req); (err == nil) != served || (len(f.sent) == 1) != served {
			t.Errorf("a key for %v: %v after calls %v", models, err, f.sent)
		}
	}
}

// TestExplainRefusesAsTheGatewayWould: a dry run asks the limits too, and takes nothing.
func TestExplainRefusesAsTheGatewayWould(t *testing.T) {
	f := newFakes("a")
	f.decision.Limits = []llm.Limit{hardBudget()}
	if r := f.pipeline().Explain(t.Context(), request(false)); r.Status != 200 || len(f.reserved) != 0 {
		t.Errorf("within the limits: %d, reserved %v", r.Status, f.reserved)
	}
	f.full["a"] = true
	r := f.pipeline().Explain(t.Context(), request(false))
	if r.Status != 429 || r.Candidates[0].Refused != "over budget" || len(f.sent)+len(f.reserved) != 0 {
		t.Errorf("beyond them: %d, %+v", r.Status, r.Candidates)
	}
}
