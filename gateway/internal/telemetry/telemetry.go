// Package telemetry counts finished requests in Prometheus metrics. It gets the record of
// each request when it has ended, so that no other package updates metrics, and is the only
// importer of the Prometheus client.
//
// It has no metrics by tenant: spend by key, user or team is in the ledger, whose
// dimensions are unbounded. It starts no goroutines.
package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Options configure the metrics. The zero value is ready to use.
type Options struct {
	// MaxValues is how many routes, and how many targets, have a label of their own; the
	// rest are counted as "other". Zero means 200.
	MaxValues int
	// Known reports whether a target may have a label of its own; the rest are counted as
	// PROVIDER/other, and their state is not shown, so that callers can't use up MaxValues
	// with invented names. Nil means all. It must be safe for concurrent use.
	Known func(target string) bool
	// Inflight returns the number of requests in flight; nil leaves the metric out.
	Inflight func() int64
	// Waiting returns how many requests of a class wait for a place at the gateway and how many
	// for one at a target; nil leaves the metric out.
	Waiting func(llm.Priority) (gateway, target int64)
	// Held returns the bytes of bodies and plain replies that requests in flight hold; nil
	// leaves the metric out.
	Held func() int64
	// Following returns the number of requests in flight that share the reply to another one; nil
	// leaves the metric out.
	Following func() int64
	// DecisionsDropped returns the lines that are missing from each sink of the decision log, by
	// reason; nil leaves the metric out.
	DecisionsDropped func() []DroppedLines
	// Bundle returns the state of the policy bundle; nil leaves the metrics out, and so does
	// false.
	Bundle func() (Bundle, bool)
	// Modules returns the figures of every Wasm module; nil leaves the metrics out.
	Modules func() []Module
	// Cache returns the figures of the cache of replies; nil leaves the metrics out.
	Cache func() Cache
	// CacheStore returns the state of the cache's store; nil leaves the metrics out, and so does
	// false.
	CacheStore func() (CacheStore, bool)
	// Issuers returns the figures of the issuers of tokens; nil leaves the metrics out.
	Issuers func() []Issuer
	// Ledger returns the state of the ledger; nil leaves the metrics out.
	Ledger func() Ledger
	// Targets returns the targets, in an order that stays the same, of which the first
	// MaxValues are shown; Credentials says which credentials are open. Nil leaves the
	// metrics out.
	Targets     func() []Target
	Credentials func() map[string]bool
	// Retries returns the state of the retry budget; nil leaves the metrics out.
	Retries func() Retries
	// Outlets returns what became of traces, events and lines; nil leaves the metrics out.
	Outlets func() Outlets
	// Meters returns how many counters of limits there are; nil leaves the metric out.
	Meters func() int64
}

// Ledger is the state of a ledger.
type Ledger struct {
	// Failing means that nothing can be recorded.
	Failing bool
	// Lag is the age of the oldest record that the database lacks; 0 when there is none.
	Lag time.Duration
	// Waiting counts the records in memory that wait to be written, Lost those dropped
	// since the start.
	Waiting, Lost int64
}

// Metrics is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	series   *series
	stages   stages

	attempts  *prometheus.CounterVec
	decisions *prometheus.CounterVec
	budget    *prometheus.CounterVec
	unpriced  prometheus.Counter
	refused   *prometheus.CounterVec
	overload  *prometheus.CounterVec
	wait      *prometheus.HistogramVec
	probes    *prometheus.CounterVec
	probeCost *prometheus.CounterVec

	attemptOf  table[attemptKey, prometheus.Counter]
	decisionOf table[decisionKey, prometheus.Counter]
}

type attemptKey struct {
	target string
	fault  llm.Fault
}

type decisionKey struct{ allow, memoized bool }

// New returns Metrics with their own registry, which includes the metrics of Go and of the
// process.
func New(o Options) *Metrics {
	if o.MaxValues <= 0 {
		o.MaxValues = 200
	}
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.series = newSeries(m.registry, o.MaxValues, o.Known)
	m.stages = newStages(m.registry)
	m.budget = counter(m.registry, nameBudgetRefused, "Requests that a limit has refused: it is used_up, its rest is held by requests in flight, or it is too_small.", labelUnit, labelReason)
	m.attempts = counter(m.registry, nameAttempts, "Calls to providers by outcome.", labelTarget, labelFault)
	m.decisions = counter(m.registry, nameDecisions, "Admission decisions.", labelResult, labelMemoized)
	m.refused = counter(m.registry, nameRefused, "Requests refused for lack of a valid key.", labelReason)
	m.probes = counter(m.registry, nameProbes, "Calls that the gateway made by itself to see whether a target answers, by outcome.", labelTarget, labelFault)
	m.probeCost = counter(m.registry, nameProbeCost, "What those calls cost, in US dollars, where the price is known.", labelTarget)
	m.unpriced = prometheus.NewCounter(prometheus.CounterOpts{Name: nameUnpriced,
		Help: "Requests answered by a target without a known price; the cost counter lacks them."})
	m.registry.MustRegister(m.unpriced,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.gauge(nameInflight, "Requests in flight.", o.Inflight)
	m.queue(o.Waiting)
	m.gauge(nameHeld, "Bytes of bodies and plain replies that requests in flight hold.", o.Held)
	m.gauge(nameMeters, "Counters of limits in memory.", o.Meters)
	m.gauge(nameFollowing, "Requests in flight that share the reply to another one.", o.Following)
	if o.Ledger != nil {
		m.gauge(nameLedgerFailing, "1 while usage can't be recorded.", func() int64 { return one(o.Ledger().Failing) })
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: nameLedgerLag, Help: "Age of the oldest record that the ledger's database lacks; 0 when there is none."},
			func() float64 { return o.Ledger().Lag.Seconds() }))
		m.gauge(nameLedgerWaiting, "Records in memory that wait for the ledger.", func() int64 { return o.Ledger().Waiting })
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: nameLedgerLost, Help: "Records dropped: they could not be written, and no more could wait."},
			func() float64 { return float64(o.Ledger().Lost) }))
	}
	if o.DecisionsDropped != nil {
		m.registry.MustRegister(newDecisionLog(o.DecisionsDropped))
	}
	if o.Bundle != nil {
		m.registry.MustRegister(newPolicyBundle(o.Bundle))
	}
	if o.Targets != nil && o.Credentials != nil {
		m.registry.MustRegister(newTargets(&o))
	}
	if o.Cache != nil {
		m.registry.MustRegister(newCacheFigures(o.Cache))
	}
	if o.CacheStore != nil {
		m.registry.MustRegister(newCacheStore(o.CacheStore))
	}
	if o.Issuers != nil {
		m.registry.MustRegister(newIssuers(o.Issuers))
	}
	if o.Retries != nil {
		m.registry.MustRegister(newRetries(o.Retries))
	}
	if o.Outlets != nil {
		m.registry.MustRegister(newOutlets(o.Outlets))
	}
	if o.Modules != nil {
		m.registry.MustRegister(newModules(o.Modules))
	}
	return m
}

func counter(r *prometheus.Registry, name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	r.MustRegister(v)
	return v
}

// gauge adds a gauge that calls read when the metrics are read; if read is nil, none.
func (m *Metrics) gauge(name, help string, read func() int64) {
	if read != nil {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(read()) }))
	}
}

// Probed counts a call that no caller has asked for, with its cost.
func (m *Metrics) Probed(target string, fault llm.Fault, cost llm.NanoUSD) {
	target = m.series.target(target)
	m.probes.WithLabelValues(target, orNone(string(fault))).Inc()
	if cost > 0 {
		m.probeCost.WithLabelValues(target).Add(usd(cost))
	}
}

// Refused counts a request without a valid key. There must be few different reasons.
func (m *Metrics) Refused(reason string) { m.refused.WithLabelValues(reason).Inc() }

// Handler serves the metrics in Prometheus' formats.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// Observe counts one finished request, unless the record is of a dry run. It does not
// keep r.
func (m *Metrics) Observe(r *llm.Record) {
	if r.Dry {
		return
	}
	m.series.of(r).observe(r)
	m.stages.observe(r)
	m.waited(r)
	if x := r.Exceeded; x != nil {
		m.budget.WithLabelValues(string(x.Unit), string(x.Why)).Inc()
	}
	if r.Target != "" && !r.Cache.Saves() && !r.Price.Known {
		m.unpriced.Inc()
	}
	for i := range r.Attempts {
		m.attempt(&r.Attempts[i])
	}
	if r.Decision != nil {
		m.decision(r.Decision)
	}
}

func (m *Metrics) attempt(a *llm.Attempt) {
	k := attemptKey{a.Target, a.Fault}
	c, ok := m.attemptOf.find(k)
	if !ok {
		k.target = m.series.target(k.target)
		c = m.attemptOf.get(k, k, func(k attemptKey) prometheus.Counter {
			return m.attempts.WithLabelValues(orNone(k.target), orNone(string(k.fault)))
		})
	}
	c.Inc()
}

func (m *Metrics) decision(v *llm.Decision) {
	k := decisionKey{v.Allow, v.Memoised}
	m.decisionOf.get(k, k, func(k decisionKey) prometheus.Counter {
		return m.decisions.WithLabelValues(pick(k.allow, "allow", "deny"), pick(k.memoized, "true", "false"))
	}).Inc()
}

func one(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

func orNone(s string) string { return pick(s == "", none, s) }

func pick(when bool, yes, no string) string {
	if when {
		return yes
	}
	return no
}
