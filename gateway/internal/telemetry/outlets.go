package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Outlets is what became of what the gateway sends and writes beside its replies, in counts
// since the start.
type Outlets struct {
	// TracesSent and TracesDropped count requests, EventsSent and EventsDropped what webhooks
	// were to be told, LinesDropped lines of the log.
	TracesSent, TracesDropped, EventsSent, EventsDropped, LinesDropped uint64
}

// outlets is a collector that reads the figures when the metrics are read.
type outlets struct {
	read                 func() Outlets
	traces, hooks, lines *prometheus.Desc
}

func newOutlets(read func() Outlets) *outlets {
	return &outlets{read,
		prometheus.NewDesc(nameTraces, "Requests whose traces were sent, or dropped: too many waited, or the collector did not take them.", []string{labelResult}, nil),
		prometheus.NewDesc(nameWebhooks, "Events that webhooks have taken, or that were dropped.", []string{labelResult}, nil),
		prometheus.NewDesc(nameLinesDropped, "Lines missing from the log, those of requests included: too many waited, or they could not be written.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *outlets) Describe(out chan<- *prometheus.Desc) {
	out <- c.traces
	out <- c.hooks
	out <- c.lines
}

// Collect implements prometheus.Collector.
func (c *outlets) Collect(out chan<- prometheus.Metric) {
	now := c.read()
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	counter(c.traces, now.TracesSent, "sent")
	counter(c.traces, now.TracesDropped, "dropped")
	counter(c.hooks, now.EventsSent, "sent")
	counter(c.hooks, now.EventsDropped, "dropped")
	counter(c.lines, now.LinesDropped)
}
