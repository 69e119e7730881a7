package telemetry

import "github.com/prometheus/client_golang/prometheus"

// CacheStore is the state of the server that the cache shares replies in: counts since the start.
type CacheStore struct {
	Hits, Misses int64
	// Rejected are values that no gateway has put there, Failed reads that were not answered
	// in time, Dropped writes that were not made.
	Rejected, Failed, Dropped int64
	Down                      bool
}

// cacheStore collects the state of a cache's store. Without one there is nothing.
type cacheStore struct {
	read        func() (CacheStore, bool)
	results, up *prometheus.Desc
}

func newCacheStore(read func() (CacheStore, bool)) prometheus.Collector {
	return cacheStore{read,
		prometheus.NewDesc(nameCacheStore, "What became of reads and writes at the cache's store.", []string{labelResult}, nil),
		prometheus.NewDesc(nameCacheStoreUp, "1 while the cache's store answers.", nil, nil)}
}

// Describe implements prometheus.Collector.
func (c cacheStore) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.results
	ch <- c.up
}

// Collect implements prometheus.Collector.
func (c cacheStore) Collect(ch chan<- prometheus.Metric) {
	s, ok := c.read()
	if !ok {
		return
	}
	for result, n := range map[string]int64{"hit": s.Hits, "miss": s.Misses, "rejected": s.Rejected, "failed": s.Failed, "dropped": s.Dropped} {
		ch <- prometheus.MustNewConstMetric(c.results, prometheus.CounterValue, float64(n), result)
	}
	ch <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, float64(one(!s.Down)))
}
