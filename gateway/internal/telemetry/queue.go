package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// queue adds the metrics of requests that wait for their turn or are refused for lack of
// capacity.
func (m *Metrics) queue(waiting func(llm.Priority) (gateway, target int64)) {
	m.overload = counter(m.registry, nameOverload, "Requests refused for lack of capacity.", labelReason, labelPriority)
	m.wait = histogram(m.registry, nameWait, "How long requests have waited for their turn, of those that did.", seconds(), labelPriority)
	if waiting == nil {
		return
	}
	for _, p := range llm.Priorities() {
		gauge := func(queue string, read func() int64) {
			m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: nameWaiting, Help: "Requests that wait for their turn.",
				ConstLabels: prometheus.Labels{labelQueue: queue, labelPriority: p.String()}}, func() float64 { return float64(read()) }))
		}
		gauge("gateway", func() int64 { n, _ := waiting(p); return n })
		gauge("target", func() int64 { _, n := waiting(p); return n })
	}
}

// Overload counts a request that was refused for lack of capacity. There must be few different
// reasons.
func (m *Metrics) Overload(reason string, p llm.Priority) {
	m.overload.WithLabelValues(reason, p.String()).Inc()
}

// waited counts the wait of a request for its turn, if it waited.
func (m *Metrics) waited(r *llm.Record) {
	if r.Queued > 0 {
		m.wait.WithLabelValues(r.Priority.String()).Observe(time.Duration(r.Queued).Seconds())
	}
}
