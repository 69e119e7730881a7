package telemetry

import "github.com/prometheus/client_golang/prometheus"

// DroppedLines is how many lines one sink of the decision log has dropped for one reason.
type DroppedLines struct {
	Sink, Reason string
	Lines        uint64
}

// decisionLog collects what the decision log has dropped. Without one there is nothing.
type decisionLog struct {
	read    func() []DroppedLines
	dropped *prometheus.Desc
}

func newDecisionLog(read func() []DroppedLines) prometheus.Collector {
	return decisionLog{read, prometheus.NewDesc(nameDecisionsDropped, "Lines missing from a sink of the decision log, by reason.", []string{labelSink, labelReason}, nil)}
}

// Describe implements prometheus.Collector.
func (c decisionLog) Describe(ch chan<- *prometheus.Desc) { ch <- c.dropped }

// Collect implements prometheus.Collector.
func (c decisionLog) Collect(ch chan<- prometheus.Metric) {
	for _, d := range c.read() {
		ch <- prometheus.MustNewConstMetric(c.dropped, prometheus.CounterValue, float64(d.Lines), d.Sink, d.Reason)
	}
}
