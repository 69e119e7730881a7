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
	m := telemetry.New(telemetry.Options{MaxValues: 2,
		Targets: func() []telemetry.Target {
			return []telemetry.Target{{ID: "a/m", Open: open, InFlight: 3, ErrorRate: 0.25, FirstToken: 1500 * time.Millisecond}, {ID: "b/m"}, {ID: "c/m"}}
		},
		Credentials: func() map[string]bool { return map[string]bool{"a#1": open, "a#2": false, "a#3": false} },
		Retries:     func() telemetry.Retries { return telemetry.Retries{Left: 99.5, Taken: 7, Denied: 2} },
	})
	for _, open = range []bool{false, true} {
		state := map[bool]string{false: "0", true: "1"}[open]
		got := scrape(t, m)
		for name, want := range map[string]string{
			`penstock_target_open{target="a/m"}`: state, `penstock_target_open{target="b/m"}`: "0", `penstock_target_open{target="c/m"}`: "",
			`penstock_target_in_flight{target="a/m"}`: "3", `penstock_target_error_ratio{target="a/m"}`: "0.25",
			`penstock_target_first_token_seconds{target="a/m"}`: "1.5", `penstock_target_first_token_seconds{target="b/m"}`: "",
			`penstock_credential_open{credential="a#1"}`: state, `penstock_credential_open{credential="a#2"}`: "0", `penstock_credential_open{credential="a#3"}`: "",
			`penstock_retry_budget_left`: "99.5", `penstock_retry_budget_taken_total`: "7", `penstock_retry_budget_denied_total`: "2",
		} {
			if got[name] != want {
				t.Errorf("open %t: %s = %q, want %q", open, name, got[name], want)
			}
		}
	}
}
