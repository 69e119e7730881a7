package telemetry

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"
)

// Issuer is what was done with an issuer's tokens: counts since the issuer was configured.
type Issuer struct {
	// Name is the configured one; empty for tokens that belong to no issuer.
	Name string
	// Tokens counts tokens by outcome.
	Tokens map[string]int64
	// Refreshes counts how often its keys were fetched, Failures how often they could not be.
	Refreshes, Failures int64
}

// issuers collects the figures of issuers.
type issuers struct {
	read            func() []Issuer
	tokens, fetches *prometheus.Desc
}

func newIssuers(read func() []Issuer) prometheus.Collector {
	return issuers{read,
		prometheus.NewDesc(nameTokensVerified, "Tokens of OpenID Connect issuers by outcome.", []string{labelIssuer, labelResult}, nil),
		prometheus.NewDesc(nameKeyFetches, "How often an issuer's keys were fetched.", []string{labelIssuer, labelResult}, nil)}
}

// Describe implements prometheus.Collector.
func (c issuers) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.tokens
	ch <- c.fetches
}

// Collect implements prometheus.Collector.
func (c issuers) Collect(ch chan<- prometheus.Metric) {
	for _, is := range c.read() {
		for result, n := range is.Tokens {
			ch <- prometheus.MustNewConstMetric(c.tokens, prometheus.CounterValue, float64(n), cmp.Or(is.Name, none), result)
		}
		if is.Name == "" {
			continue
		}
		for result, n := range map[string]int64{"ok": is.Refreshes, "failed": is.Failures} {
			ch <- prometheus.MustNewConstMetric(c.fetches, prometheus.CounterValue, float64(n), is.Name, result)
		}
	}
}
