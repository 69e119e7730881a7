package telemetry_test

import (
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/telemetry"
)

// TestTargetsAreReadWhenAskedFor shows targets, credentials and the retry budget as they are
// then, and no more of them than have room.
func TestTargetsAreReadWhenAskedFor(t *testing.T) {
	open := false
	m := telemetry.New(telemetry.Options{MaxValues: 2, Known: func(id string) bool { return id != "a/made-up" },
		Targets: func() []telemetry.Target {
			state := map[bool]string{false: "closed", true: "half-open"}[open]
			return []telemetry.Target{{ID: "a/made-up", State: state}, {ID: "a/m", State: state, InFlight: 3, ErrorRate: 0.25, Errors: []telemetry.ErrorShare{{Class: "timeout", Share: 0.25}},
				FirstToken: 1500 * time.Millisecond, FirstTokenP50: time.Second, FirstTokenP95: 4 * time.Second, Speed: 81.5, RemainingTokens: 7, RemainingRequests: -1, Cooldown: 3 * time.Second},
				{ID: "b/m", State: "closed", RemainingRequests: -1, RemainingTokens: -1}, {ID: "c/m"}}
		},
		Credentials: func() map[string]bool { return map[string]bool{"a#1": open, "a#2": false, "a#3": false} },
		Retries:     func() telemetry.Retries { return telemetry.Retries{Left: 99.5, Taken: 7, Denied: 2} },
	})
	for _, open = range []bool{false, true} {
		state := map[bool]string{false: "0", true: "1"}[open]
		got := scrape(t, m)
		for name, want := range map[string]string{
			`penstock_target_open{target="a/made-up"}`: "", `penstock_target_open{target="a/m"}`: state, `penstock_target_open{target="b/m"}`: "0", `penstock_target_open{target="c/m"}`: "",
			`penstock_target_in_flight{target="a/m"}`: "3", `penstock_target_error_ratio{target="a/m"}`: "0.25",
			`penstock_target_first_token_seconds{target="a/m"}`: "1.5", `penstock_target_first_token_seconds{target="b/m"}`: "",
			`penstock_target_circuit{state="closed",target="a/m"}`: map[bool]string{false: "1", true: "0"}[open], `penstock_target_circuit{state="half-open",target="a/m"}`: state,
			`penstock_target_circuit{state="open",target="a/m"}`: "0", `penstock_target_error_class_ratio{fault="timeout",target="a/m"}`: "0.25",
			`penstock_target_first_token_quantile_seconds{quantile="0.5",target="a/m"}`: "1", `penstock_target_first_token_quantile_seconds{quantile="0.95",target="a/m"}`: "4",
			`penstock_target_first_token_quantile_seconds{quantile="0.5",target="b/m"}`: "", `penstock_target_tokens_per_second{target="a/m"}`: "81.5",
			`penstock_target_tokens_per_second{target="b/m"}`: "", `penstock_target_remaining_tokens{target="a/m"}`: "7", `penstock_target_remaining_requests{target="a/m"}`: "",
			`penstock_target_cooldown_seconds{target="a/m"}`: "3", `penstock_target_cooldown_seconds{target="b/m"}`: "0",
			`penstock_credential_open{credential="a#1"}`: state, `penstock_credential_open{credential="a#2"}`: "0", `penstock_credential_open{credential="a#3"}`: "",
			`penstock_retry_budget_left`: "99.5", `penstock_retry_budget_taken_total`: "7", `penstock_retry_budget_denied_total`: "2",
		} {
			if got[name] != want {
				t.Errorf("open %t: %s = %q, want %q", open, name, got[name], want)
			}
		}
	}
}
