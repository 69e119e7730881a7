package admin

import (
	"encoding/json"
	"net/http"
	"time"
)

// CacheStats are the figures of the cache of replies. Counts are since the start of the process.
type CacheStats struct {
	Since time.Time `json:"since"`
	// MaxBytes is the cache's size, Bytes what its entries take now, of which there are Entries.
	MaxBytes int64 `json:"max_bytes"`
	Bytes    int64 `json:"bytes"`
	Entries  int64 `json:"entries"`
	// Evicted entries have made room for others, Rejected ones were not let in, Expired ones
	// have lived as long as they may.
	Evicted  int64 `json:"evicted"`
	Rejected int64 `json:"rejected"`
	Expired  int64 `json:"expired"`
	// Requests counts the finished requests by what the cache did for them.
	Requests CacheResults `json:"requests"`
	// HitRatio is the share of requests that no target was asked for, among those that the
	// cache was on for; nil without any.
	HitRatio *float64 `json:"hit_ratio"`
	// SavedUSD is what those requests, and stored parts of others, would have cost.
	SavedUSD json.Number `json:"saved_usd"`
}

// CacheResults counts requests by what the cache did for them.
type CacheResults struct {
	Hit       int64 `json:"hit"`
	Similar   int64 `json:"similar"`
	Coalesced int64 `json:"coalesced"`
	Partial   int64 `json:"partial"`
	Miss      int64 `json:"miss"`
	Off       int64 `json:"off"`
}

// HitRatio returns the share of the requests that no target was asked for, among those that the
// cache was on for; false without any.
func (r CacheResults) HitRatio() (float64, bool) {
	hits := r.Hit + r.Similar + r.Coalesced
	all := hits + r.Partial + r.Miss
	if all == 0 {
		return 0, false
	}
	return float64(hits) / float64(all), true
}

func (h handlers) cacheStats(*http.Request, Input) (Reply, error) {
	return jsonReply(h.ops.CacheStats())
}
