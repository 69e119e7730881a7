package telemetry

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Target holds the figures of one target at the time when the metrics are read.
type Target struct {
	ID string
	// Open says that its circuit is open or half-open.
	Open     bool
	InFlight int64
	// ErrorRate is between 0 and 1. FirstToken is the mean time to the first token; 0 when
	// it is unknown.
	ErrorRate  float64
	FirstToken time.Duration
}

// Retries is the state of the retry budget: what is left, and what was asked of it since the
// start.
type Retries struct {
	Left          float64
	Taken, Denied uint64
}

// targets is a collector that reads the state of targets and credentials when the metrics
// are read. It shows at most limit of each.
type targets struct {
	read        func() []Target
	credentials func() map[string]bool
	limit       int

	open, inflight, errors, firstToken, credentialOpen *prometheus.Desc
}

func newTargets(read func() []Target, credentials func() map[string]bool, limit int) *targets {
	desc := func(name, help, label string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, []string{label}, nil)
	}
	return &targets{read, credentials, limit,
		desc(nameTargetOpen, "1 while the target's circuit is open or half-open, or all of its credentials are.", labelTarget),
		desc(nameTargetInflight, "Attempts in flight.", labelTarget),
		desc(nameTargetErrors, "Share of the recent attempts that failed.", labelTarget),
		desc(nameTargetFirstToken, "Recent mean time to the first token.", labelTarget),
		desc(nameCredentialOpen, "1 while one of a provider's several credentials is not used at any target.", labelCredential),
	}
}

// Describe implements prometheus.Collector.
func (c *targets) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.open, c.inflight, c.errors, c.firstToken, c.credentialOpen} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *targets) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, label string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, label)
	}
	all := c.read()
	for _, t := range all[:min(len(all), c.limit)] {
		gauge(c.open, float64(one(t.Open)), t.ID)
		gauge(c.inflight, float64(t.InFlight), t.ID)
		gauge(c.errors, t.ErrorRate, t.ID)
		if t.FirstToken > 0 {
			gauge(c.firstToken, t.FirstToken.Seconds(), t.ID)
		}
	}
	open := c.credentials()
	ids := slices.Sorted(maps.Keys(open))
	for _, id := range ids[:min(len(ids), c.limit)] {
		gauge(c.credentialOpen, float64(one(open[id])), id)
	}
}

// retries is a collector that reads the state of the retry budget when the metrics are read.
type retries struct {
	read                func() Retries
	left, taken, denied *prometheus.Desc
}

func newRetries(read func() Retries) *retries {
	return &retries{read,
		prometheus.NewDesc(nameRetriesLeft, "Retries and fallbacks that the retry budget has left.", nil, nil),
		prometheus.NewDesc(nameRetriesTaken, "Retries and fallbacks taken from the retry budget.", nil, nil),
		prometheus.NewDesc(nameRetriesDenied, "Retries and fallbacks that the retry budget denied.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *retries) Describe(out chan<- *prometheus.Desc) {
	out <- c.left
	out <- c.taken
	out <- c.denied
}

// Collect implements prometheus.Collector.
func (c *retries) Collect(out chan<- prometheus.Metric) {
	now := c.read()
	out <- prometheus.MustNewConstMetric(c.left, prometheus.GaugeValue, now.Left)
	out <- prometheus.MustNewConstMetric(c.taken, prometheus.CounterValue, float64(now.Taken))
	out <- prometheus.MustNewConstMetric(c.denied, prometheus.CounterValue, float64(now.Denied))
}
