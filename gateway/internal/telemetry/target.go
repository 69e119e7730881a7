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
	// State is that of its circuit: closed, open or half-open.
	State    string
	InFlight int64
	// ErrorRate is between 0 and 1, and Errors are its parts by class. FirstToken is the mean time
	// to the first token, FirstTokenP50 and FirstTokenP95 are percentiles; 0 when unknown.
	ErrorRate                                float64
	Errors                                   []ErrorShare
	FirstToken, FirstTokenP50, FirstTokenP95 time.Duration
	// Speed is in output tokens per second; 0 when unknown.
	Speed float64
	// RemainingRequests and RemainingTokens are what is left of the provider's limits; negative
	// when unknown.
	RemainingRequests, RemainingTokens int64
	// Cooldown is for how long routing avoids it; 0 when it does not.
	Cooldown time.Duration
}

// ErrorShare is the share of attempts that failed in one way, 0 to 1.
type ErrorShare struct {
	Class string
	Share float64
}

// Retries is the state of the retry budget: what is left, and what was asked of it since the
// start.
type Retries struct {
	Left          float64
	Taken, Denied uint64
}

// targets is a collector that reads the state of targets and credentials when the metrics
// are read. It shows at most limit of each, and no target that is not known: callers could fill
// the limit with names of theirs.
type targets struct {
	read        func() []Target
	known       func(id string) bool
	credentials func() map[string]bool
	limit       int

	open, circuit, inflight, errors, errorClass, firstToken, quantile, speed, requests, tokens, cooldown, credentialOpen *prometheus.Desc
}

func newTargets(o *Options) *targets {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &targets{o.Targets, o.Known, o.Credentials, o.MaxValues,
		desc(nameTargetOpen, "1 while the target's circuit is open or half-open, or all of its credentials are.", labelTarget),
		desc(nameTargetCircuit, "1 for the state of the target's circuit: closed, open or half-open.", labelTarget, labelState),
		desc(nameTargetInflight, "Attempts in flight.", labelTarget),
		desc(nameTargetErrors, "Share of the recent attempts that failed.", labelTarget),
		desc(nameTargetErrorClass, "Share of the recent attempts that failed, by the kind of failure.", labelTarget, labelFault),
		desc(nameTargetFirstToken, "Recent mean time to the first token.", labelTarget),
		desc(nameTargetFirstTokenQuantile, "Median and 95th percentile of the recent times to the first token of streams.", labelTarget, labelQuantile),
		desc(nameTargetSpeed, "Recent mean of output tokens per second after the first token.", labelTarget),
		desc(nameTargetRequests, "Requests that the provider has said are left of its limit.", labelTarget),
		desc(nameTargetTokens, "Tokens that the provider has said are left of its limit.", labelTarget),
		desc(nameTargetCooldown, "For how long routing avoids the target; 0 when it does not.", labelTarget),
		desc(nameCredentialOpen, "1 while one of a provider's several credentials is not used at any target.", labelCredential),
	}
}

// Describe implements prometheus.Collector.
func (c *targets) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.open, c.circuit, c.inflight, c.errors, c.errorClass, c.firstToken, c.quantile, c.speed, c.requests, c.tokens, c.cooldown, c.credentialOpen} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *targets) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	all := slices.DeleteFunc(c.read(), func(t Target) bool { return c.known != nil && !c.known(t.ID) })
	for i := range all[:min(len(all), c.limit)] {
		c.collect(gauge, &all[i])
	}
	open := c.credentials()
	ids := slices.Sorted(maps.Keys(open))
	for _, id := range ids[:min(len(ids), c.limit)] {
		gauge(c.credentialOpen, float64(one(open[id])), id)
	}
}

// The states of a circuit.
var circuitStates = [...]string{"closed", "open", "half-open"}

// collect shows one target. What is unknown is left out.
func (c *targets) collect(gauge func(*prometheus.Desc, float64, ...string), t *Target) {
	gauge(c.open, float64(one(t.State != circuitStates[0])), t.ID)
	for _, state := range circuitStates {
		gauge(c.circuit, float64(one(t.State == state)), t.ID, state)
	}
	gauge(c.inflight, float64(t.InFlight), t.ID)
	gauge(c.errors, t.ErrorRate, t.ID)
	for _, e := range t.Errors {
		gauge(c.errorClass, e.Share, t.ID, e.Class)
	}
	gauge(c.cooldown, t.Cooldown.Seconds(), t.ID)
	for _, known := range []struct {
		is     bool
		desc   *prometheus.Desc
		v      float64
		labels []string
	}{
		{t.FirstToken > 0, c.firstToken, t.FirstToken.Seconds(), nil},
		{t.FirstTokenP50 > 0, c.quantile, t.FirstTokenP50.Seconds(), []string{"0.5"}},
		{t.FirstTokenP95 > 0, c.quantile, t.FirstTokenP95.Seconds(), []string{"0.95"}},
		{t.Speed > 0, c.speed, t.Speed, nil},
		{t.RemainingRequests >= 0, c.requests, float64(t.RemainingRequests), nil},
		{t.RemainingTokens >= 0, c.tokens, float64(t.RemainingTokens), nil},
	} {
		if known.is {
			gauge(known.desc, known.v, append([]string{t.ID}, known.labels...)...)
		}
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
