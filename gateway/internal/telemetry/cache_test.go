package telemetry_test

import (
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/telemetry"
)

// TestCacheFigures shows the cache as it is when the metrics are read, and requests by what it
// did for them.
func TestCacheFigures(t *testing.T) {
	entries := int64(0)
	m := telemetry.New(telemetry.Options{Cache: func() telemetry.Cache {
		entries++
		return telemetry.Cache{MaxBytes: 1000, Bytes: 700, Entries: entries, Evicted: 5, Rejected: 6, Expired: 7, HitRatio: 0.25}
	}})
	for _, state := range []llm.CacheState{llm.CacheHit, llm.CachePartial, "made up"} {
		m.Observe(&llm.Record{Route: "r", Target: "t", Status: 200, Cache: state, Saved: llm.USD / 4})
	}
	for range 2 {
		scrape(t, m)
	}
	got := scrape(t, m)
	for name, want := range map[string]string{
		`penstock_cache_bytes`: "700", `penstock_cache_limit_bytes`: "1000", `penstock_cache_entries`: "3", `penstock_cache_hit_ratio`: "0.25",
		`penstock_cache_gone_total{reason="evicted"}`: "5", `penstock_cache_gone_total{reason="rejected"}`: "6", `penstock_cache_gone_total{reason="expired"}`: "7",
		`penstock_requests_total{cache="partial",route="r",status="2xx",target="t"}`: "1", `penstock_requests_total{cache="none",route="r",status="2xx",target="t"}`: "1",
		`penstock_cost_saved_usd_total{route="r"}`: "0.75",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %s", name, got[name], want)
		}
	}
}
