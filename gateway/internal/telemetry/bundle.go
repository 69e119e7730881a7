package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Bundle is the state of the policy bundle: counts since the start.
type Bundle struct {
	// Unchanged counts answers with what is known already, Activated those with a new policy,
	// Refused those with a bundle that is not valid, Failed questions without an answer.
	Unchanged, Activated, Refused, Failed int64
	// Failing says that the server's bundle is not in force.
	Failing bool
	// Checked is when the server last answered; zero for never.
	Checked time.Time
}

// policyBundle collects the state of the policy bundle. Without one there is nothing.
type policyBundle struct {
	read                    func() (Bundle, bool)
	polls, failing, checked *prometheus.Desc
}

func newPolicyBundle(read func() (Bundle, bool)) prometheus.Collector {
	return policyBundle{read,
		prometheus.NewDesc(nameBundlePolls, "What became of questions for a changed policy bundle.", []string{labelResult}, nil),
		prometheus.NewDesc(nameBundleFailing, "1 while the server's policy bundle cannot be fetched or is refused.", nil, nil),
		prometheus.NewDesc(nameBundleChecked, "When the policy bundle's server last answered, in Unix time; 0 for never.", nil, nil)}
}

// Describe implements prometheus.Collector.
func (c policyBundle) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.polls
	ch <- c.failing
	ch <- c.checked
}

// Collect implements prometheus.Collector.
func (c policyBundle) Collect(ch chan<- prometheus.Metric) {
	b, ok := c.read()
	if !ok {
		return
	}
	for result, n := range map[string]int64{"unchanged": b.Unchanged, "activated": b.Activated, "refused": b.Refused, "failed": b.Failed} {
		ch <- prometheus.MustNewConstMetric(c.polls, prometheus.CounterValue, float64(n), result)
	}
	ch <- prometheus.MustNewConstMetric(c.failing, prometheus.GaugeValue, float64(one(b.Failing)))
	at := 0.0
	if !b.Checked.IsZero() {
		at = float64(b.Checked.Unix())
	}
	ch <- prometheus.MustNewConstMetric(c.checked, prometheus.GaugeValue, at)
}
