package policy_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
)

const burner = `package penstock
decision := {"allow": true} if input.request.model != "odd"
decision := {"allow": true} if {
	input.request.model == "odd"
	count([1 | some a in numbers.range(1, 20000); some b in numbers.range(1, 20000); a == b]) > 0
}`

func TestLongEvaluationIsCutOff(t *testing.T) {
	e := newEngine(t, burner, policy.Options{Timeout: 5 * time.Millisecond})
	_, err := e.Decide(t.Context(), policy.Input{Request: request("odd")})
	got := policyError(t, err)
	if got.HTTPStatus() != 503 || got.RetryAfter == 0 || !strings.Contains(got.Err.Error(), "time limit of 50ms") {
		t.Errorf("Decide = %v (%d, retry after %v), want 503 and when to retry", err, got.HTTPStatus(), got.RetryAfter)
	}
}

func TestCanceledCallerEndsTheEvaluation(t *testing.T) {
	e := newEngine(t, burner, policy.Options{Timeout: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	_, err := e.Decide(ctx, policy.Input{Request: request("odd")})
	if got := policyError(t, err); !errors.Is(err, context.DeadlineExceeded) || got.Fault != llm.FaultCanceled {
		t.Errorf("Decide = %v, want the context's error, as canceled", err)
	}
}

func TestOversizedInputIsRefused(t *testing.T) {
	e := newEngine(t, "package penstock\ndecision := {\"allow\": input.request.metadata != {}}", policy.Options{})
	r := request("smart")
	r.Facts.Metadata = map[string]string{"note": strings.Repeat("x", 65<<10)}
	_, err := e.Decide(t.Context(), policy.Input{Request: r})
	if got := policyError(t, err); got.HTTPStatus() != 413 {
		t.Errorf("Decide = %v (%d), want 413", err, got.HTTPStatus())
	}
}

func TestTimeIsTheZonesOwnToTheMinute(t *testing.T) {
	zone := time.FixedZone("two hours ahead", 2*3600)
	e := newEngine(t, `package penstock
decision := {"allow": true, "warnings": [sprintf("%s %s %d %d", [input.time.date, input.time.weekday, input.time.minute_of_day, input.time.unix_minute])]}`, policy.Options{Location: zone})
	at := time.Date(2026, 11, 22, 23, 50, 0, 0, time.UTC)
	v := decide(t, e, policy.Input{Request: request("smart"), Now: at})
	if want := fmt.Sprintf("2026-11-23 Monday 110 %d", at.Unix()/60); v.Warnings[0] != want {
		t.Errorf("time is %q, want %q", v.Warnings[0], want)
	}
	if v := decide(t, e, policy.Input{Request: request("smart"), Now: at.Add(59 * time.Second)}); !v.Memoised {
		t.Error("a request in the same minute was not decided from memory")
	}
	if v := decide(t, e, policy.Input{Request: request("smart"), Now: at.Add(time.Minute)}); v.Memoised {
		t.Error("a request in the next minute was answered from memory")
	}
}

const softLimit = `package penstock
decision := {"allow": true, "limits": limits, "obligations": {name: v | some name, v in chosen}, "warnings": warnings}
default scope := "team:none"
scope := sprintf("team:%s", [input.key.team])
limits := [{"name": "team day", "scope": scope, "unit": "usd", "window": "day", "max": 10, "on_exceed": "warn"},
	{"name": "team day", "scope": scope, "unit": "usd", "window": "day", "max": 20}]
chosen.model := "small" if input.usage[scope].day.usd >= 80
default warnings := []
warnings := [sprintf("%d%%", [input.usage[scope].day.usd])]`

func TestUsageIsAskedForTheLimitsNamed(t *testing.T) {
	percent, asked := 79, [][]llm.Limit{}
	e := newEngine(t, softLimit, policy.Options{Usage: func(limits []llm.Limit) []int {
		asked = append(asked, limits)
		return []int{percent}
	}})
	r := request("smart")
	r.Principal.Team = "search"
	if v := decide(t, e, policy.Input{Request: r}); v.Obligations.Model != "" || len(v.Warnings) != 1 || v.Warnings[0] != "79%" {
		t.Errorf("first decision = %+v, want one with the usage of 79%%", v)
	}
	percent = 80
	if v := decide(t, e, policy.Input{Request: r}); v.Obligations.Model != "small" || v.Memoised {
		t.Errorf("at 80%% = %+v, want the small model", v)
	}
	if v := decide(t, e, policy.Input{Request: r}); v.Obligations.Model != "small" || !v.Memoised {
		t.Errorf("at 80%% again = %+v, want it from memory", v)
	}
	want := []llm.Limit{{Name: "team day", Scope: "team:search", Unit: llm.UnitUSD, Window: "day", Max: int64(20 * llm.USD)}}
	for _, limits := range asked {
		if diff := cmp.Diff(want, limits); diff != "" {
			t.Errorf("usage was asked for other limits than the one that denies (-want +got):\n%s", diff)
		}
	}
	if len(asked) != 3 {
		t.Errorf("usage was asked for %d times, want once for each request", len(asked))
	}
}

func TestUsageIsNotAskedForWhenThePolicyDoesNotRead(t *testing.T) {
	e := newEngine(t, "", policy.Options{Usage: func([]llm.Limit) []int { t.Error("usage was asked for"); return nil }})
	decide(t, e, policy.Input{Request: keyed("smart")})
	decide(t, e, policy.Input{Request: keyed("smart")})
}

func TestUsageIsSharedByRequestsThatDifferInSize(t *testing.T) {
	e := newEngine(t, `package penstock
decision := {"allow": input.request.est_input_tokens < 1000, "limits": [{"name": "n", "scope": "all", "unit": "tokens", "window": "day", "max": 5}], "warnings": w}
w := [sprintf("%d", [p]) | p := input.usage.all.day.tokens]`, policy.Options{Usage: func([]llm.Limit) []int { return []int{42} }})
	for i := range int64(3) {
		r := request("smart")
		r.Facts.EstInputTokens = i
		if v := decide(t, e, policy.Input{Request: r}); !cmp.Equal(v.Warnings, []string{"42"}) {
			t.Errorf("request %d saw usage %v, want 42", i, v.Warnings)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	e := newEngine(t, "", policy.Options{MemoBytes: 64 << 10})
	for i := range 2000 {
		decide(t, e, policy.Input{Request: request(fmt.Sprint("model-", i))})
	}
	if n := e.Status().Remembered; n == 0 || n > 128 {
		t.Errorf("%d decisions are remembered in 64 KiB, want some, at most 128", n)
	}
}

func TestMemoryCanBeOff(t *testing.T) {
	e := newEngine(t, "", policy.Options{MemoBytes: -1})
	for range 2 {
		if v := decide(t, e, policy.Input{Request: request("smart")}); v.Memoised {
			t.Error("a decision came from memory")
		}
	}
}

func TestMemoisedDecisionAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	e := newEngine(t, "", policy.Options{})
	in, ctx := policy.Input{Request: keyed("smart")}, t.Context()
	got := testing.AllocsPerRun(100, func() {
		if _, err := e.Decide(ctx, in); err != nil {
			t.Fatal(err)
		}
	})
	if got > 0 {
		t.Errorf("a memoised decision allocates %v times, want 0", got)
	}
}

// TestHammerDecide is for the race detector: no request sees another one's decision.
func TestHammerDecide(t *testing.T) {
	text := func(i int) string {
		return fmt.Sprintf("package penstock\ndecision := {\"allow\": true, \"warnings\": [\"%d\", input.request.model, w], \"limits\": [{\"name\": \"n\", \"scope\": input.request.model, \"unit\": \"usd\", \"window\": \"day\", \"max\": 5}]}\nw := \"%d\" if not input.usage.x", i, i)
	}
	dir := folder(t, map[string]string{"p.rego": text(0)})
	e, err := policy.New(t.Context(), policy.Options{Source: source(dir), MemoBytes: 64 << 10, Log: slog.New(slog.DiscardHandler), Timeout: time.Minute,
		Usage: func(limits []llm.Limit) []int { return make([]int, len(limits)) }})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2000 {
				model := fmt.Sprint("model-", i%150)
				v, err := e.Decide(context.Background(), policy.Input{Request: request(model)})
				if err != nil || v.Warnings[0] != v.Warnings[2] || v.Warnings[1] != model {
					t.Errorf("Decide = %+v, %v: a mixture", v, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
