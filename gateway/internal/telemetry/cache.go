package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Cache are the figures of the cache of replies. Evicted, Rejected and Expired are counts since
// the start.
type Cache struct {
	MaxBytes, Bytes, Entries   int64
	Evicted, Rejected, Expired int64
	// HitRatio is the share of requests that no target was asked for, among those that the
	// cache was on for, since the start; 0 without any.
	HitRatio float64
}

// cacheFigures collects the figures of a cache.
type cacheFigures struct {
	read                               func() Cache
	bytes, limit, entries, ratio, gone *prometheus.Desc
}

func newCacheFigures(read func() Cache) prometheus.Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return cacheFigures{read,
		desc(nameCacheBytes, "Bytes that cached replies take."),
		desc(nameCacheLimit, "Bytes that cached replies may take (cache.size)."),
		desc(nameCacheEntries, "Cached replies; each vector of an embeddings reply counts."),
		desc(nameCacheRatio, "Share of requests answered without asking a target, of those that the cache was on for, since the start."),
		desc(nameCacheGone, "Cached replies that are no longer there, or were not let in, by the reason.", labelReason)}
}

// Describe implements prometheus.Collector.
func (c cacheFigures) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range [...]*prometheus.Desc{c.bytes, c.limit, c.entries, c.ratio, c.gone} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c cacheFigures) Collect(ch chan<- prometheus.Metric) {
	s := c.read()
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(c.bytes, float64(s.Bytes))
	gauge(c.limit, float64(s.MaxBytes))
	gauge(c.entries, float64(s.Entries))
	gauge(c.ratio, s.HitRatio)
	for reason, n := range map[string]int64{"evicted": s.Evicted, "rejected": s.Rejected, "expired": s.Expired} {
		ch <- prometheus.MustNewConstMetric(c.gone, prometheus.CounterValue, float64(n), reason)
	}
}
