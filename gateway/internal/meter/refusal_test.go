package meter

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestRefusals(t *testing.T) {
	const untilMidnight = 13*time.Hour + 54*time.Minute + 35*time.Second
	cases := []struct {
		name       string
		limit      llm.Limit
		spent      llm.Amounts
		held       llm.Amounts
		want       llm.Amounts
		code       llm.Code
		message    string
		retryAfter time.Duration
		retried    bool
	}{
		{"day budget", dollars("team:search", "day", "50"), llm.Amounts{USD: usd("49.98")}, llm.Amounts{}, llm.Amounts{USD: usd("0.12")}, llm.CodeBudget,
			"team/search has used $49.98 of $50.00 today (limit \"team:search budget\"); this request could cost $0.12; resets at 2026-11-23 00:00:00 UTC, in 50,075 s; to have it raised, ask your gateway's operator (penstock budget raise)", untilMidnight, true},
		{"amounts below a cent", dollars("team:search", "day", "0.03"), llm.Amounts{USD: usd("0.0171565")}, llm.Amounts{}, llm.Amounts{USD: usd("0.0135")}, llm.CodeBudget,
			"team/search has used $0.0172 of $0.03 today (limit \"team:search budget\"); this request could cost $0.0135; resets at 2026-11-23 00:00:00 UTC, in 50,075 s; to have it raised, ask your gateway's operator (penstock budget raise)", untilMidnight, true},
		{"week budget", dollars("team:search/model:llama3:8b", "week", "1"), llm.Amounts{USD: usd("1")}, llm.Amounts{}, llm.Amounts{USD: 1}, llm.CodeBudget,
			"team/search/model/llama3:8b has used $1.00 of $1.00 this week (limit \"team:search/model:llama3:8b budget\"); this request could cost $0.000000001; resets at 2026-11-23 00:00:00 UTC, in 50,075 s; to have it raised, ask your gateway's operator (penstock budget raise)", untilMidnight, true},
		{"what can never fit", dollars("tag:usecase=support", "month", "1"), llm.Amounts{}, llm.Amounts{}, llm.Amounts{USD: usd("2")}, llm.CodeBudget,
			"tag/usecase=support may use $1.00 this month (limit \"tag:usecase=support budget\"); this request could cost $2.00, so it can never fit; send less or set a smaller max_tokens; to have it raised, ask your gateway's operator (penstock budget raise)", 0, true},
		{"only reservations are in the way", dollars("team:search", "day", "1"), llm.Amounts{USD: usd("0.0121")}, llm.Amounts{USD: usd("0.98")}, llm.Amounts{USD: usd("0.0205")}, llm.CodeRateLimited,
			"team/search has used $0.0121 of $1.00 today (limit \"team:search budget\"), and requests in flight hold $0.98; this request could cost $0.0205; try again when some of them have ended; resets at 2026-11-23 00:00:00 UTC, in 50,075 s", time.Second, false},
		{"requests", count(llm.UnitRequests, "1m", 1), llm.Amounts{Requests: 1}, llm.Amounts{}, llm.Amounts{Requests: 1}, llm.CodeRateLimited,
			"team/search has used 1 of 1 requests this minute (limit \"rate\"); resets at 2026-11-22 10:06:00 UTC, in 35 s; to have it raised, ask your gateway's operator (penstock budget raise)", 35 * time.Second, false},
		{"tokens", count(llm.UnitTokens, "day", 10_000), llm.Amounts{InputTokens: 9_950}, llm.Amounts{}, llm.Amounts{InputTokens: 100, OutputTokens: 20}, llm.CodeRateLimited,
			"team/search has used 9,950 of 10,000 tokens today (limit \"rate\"); this request could take 120; resets at 2026-11-23 00:00:00 UTC, in 50,075 s; to have it raised, ask your gateway's operator (penstock budget raise)", untilMidnight, true},
		{"tokens that are only held", count(llm.UnitTokens, "day", 10_000), llm.Amounts{InputTokens: 9}, llm.Amounts{InputTokens: 9_950}, llm.Amounts{InputTokens: 100, OutputTokens: 20}, llm.CodeRateLimited,
			"team/search has used 9 of 10,000 tokens today (limit \"rate\"), and requests in flight hold 9,950; this request could take 120; try again when some of them have ended; resets at 2026-11-23 00:00:00 UTC, in 50,075 s", time.Second, false},
		{"output tokens", count(llm.UnitOutputTokens, "5h", 5), llm.Amounts{}, llm.Amounts{}, llm.Amounts{OutputTokens: 6}, llm.CodeLimitTooSmall,
			"team/search may use 5 output tokens within 5h (limit \"rate\"); this request could take 6, so it can never fit; send less or set a smaller max_tokens; to have it raised, ask your gateway's operator (penstock budget raise)", 0, true},
		{"concurrent", count(llm.UnitConcurrent, "", 1), llm.Amounts{}, llm.Amounts{}, llm.Amounts{}, llm.CodeRateLimited,
			"team/search has 1 of 1 requests in flight (limit \"rate\"); try again when one of them has ended, or, to have it raised, ask your gateway's operator (penstock budget raise)", time.Second, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := New(at(t, "2026-11-22T10:05:25Z").now, nil, Options{})
			mustReserve(t, m, "first", []llm.Limit{c.limit}, c.spent)
			m.Settle("first", c.spent)
			if c.held != (llm.Amounts{}) || c.limit.Unit == llm.UnitConcurrent {
				mustReserve(t, m, "held", []llm.Limit{c.limit}, c.held)
			}
			_, _, err := m.Reserve("second", []llm.Limit{c.limit}, llm.Exactly(c.want))
			var e *llm.Error
			if !errors.As(err, &e) {
				t.Fatalf("Reserve = %v, want an llm.Error", err)
			}
			got := llm.Error{Code: e.Code, Status: e.Status, Message: e.Message, RetryAfter: e.RetryAfter, Retried: e.Retried}
			status := 429
			if strings.Contains(c.message, "never fit") {
				status = 403 // which no client retries
			}
			want := llm.Error{Code: c.code, Status: status, Message: c.message, RetryAfter: c.retryAfter, Retried: c.retried}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("Reserve's error (-want +got):\n%s", d)
			}
			if quota := e.Type == "insufficient_quota"; quota != (c.code == llm.CodeBudget) {
				t.Errorf("the error's type is %q for code %s", e.Type, e.Code)
			}
		})
	}
}
