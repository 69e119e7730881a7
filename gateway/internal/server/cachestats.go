package server

import (
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/telemetry"
)

// cacheTally counts what the cache did for finished requests, and what that has saved.
type cacheTally struct {
	since                                              time.Time
	hit, similar, coalesced, partial, miss, off, saved atomic.Int64
}

// observe counts a finished request.
func (t *cacheTally) observe(r *llm.Record) {
	if r.Dry {
		return
	}
	if r.Saved > 0 {
		t.saved.Add(int64(r.Saved))
	}
	switch r.Cache {
	case llm.CacheHit:
		t.hit.Add(1)
	case llm.CacheSimilar:
		t.similar.Add(1)
	case llm.CacheCoalesced:
		t.coalesced.Add(1)
	case llm.CachePartial:
		t.partial.Add(1)
	case llm.CacheMiss:
		t.miss.Add(1)
	default:
		t.off.Add(1)
	}
}

func (t *cacheTally) results() admin.CacheResults {
	return admin.CacheResults{Hit: t.hit.Load(), Similar: t.similar.Load(), Coalesced: t.coalesced.Load(),
		Partial: t.partial.Load(), Miss: t.miss.Load(), Off: t.off.Load()}
}

// cacheStats returns the figures of the cache for operators.
func (s *Server) cacheStats() admin.CacheStats {
	st, t := s.cache.Stats(), &s.cacheTally
	out := admin.CacheStats{Since: t.since.UTC(), MaxBytes: st.MaxBytes, Bytes: st.Bytes, Entries: st.Entries, Evicted: st.Evicted,
		Rejected: st.Rejected, Expired: st.Expired, Requests: t.results(), SavedUSD: json.Number(llm.NanoUSD(t.saved.Load()).Decimal())}
	if ratio, ok := out.Requests.HitRatio(); ok {
		out.HitRatio = &ratio
	}
	return out
}

// cacheMetrics returns the figures of the cache for its metrics.
func (s *Server) cacheMetrics() telemetry.Cache {
	st := s.cache.Stats()
	ratio, _ := s.cacheTally.results().HitRatio()
	return telemetry.Cache{MaxBytes: st.MaxBytes, Bytes: st.Bytes, Entries: st.Entries, Evicted: st.Evicted, Rejected: st.Rejected,
		Expired: st.Expired, HitRatio: ratio}
}
