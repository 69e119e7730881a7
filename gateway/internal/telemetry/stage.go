package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// stages are the histograms of the gateway's own steps.
type stages struct{ admit, cache, rank, transform, reserve prometheus.Observer }

func newStages(r *prometheus.Registry) stages {
	v := histogram(r, nameStage, "How long the gateway's own steps took: transform and reserve for each attempt, the others for each request. Transform includes fetching media.", own(), labelStage)
	return stages{v.WithLabelValues("policy"), v.WithLabelValues("cache"), v.WithLabelValues("route"), v.WithLabelValues("transform"), v.WithLabelValues("reserve")}
}

// observe adds the steps of a request that it has come to.
func (s *stages) observe(r *llm.Record) {
	for _, step := range [...]struct {
		to prometheus.Observer
		of llm.Stage
	}{{s.admit, r.Stages.Admit}, {s.cache, r.Stages.Cache}, {s.rank, r.Stages.Rank}} {
		if step.of != (llm.Stage{}) {
			step.to.Observe(seconds64(step.of.Duration))
		}
	}
	for i := range r.Attempts {
		s.transform.Observe(seconds64(r.Attempts[i].Transform))
		s.reserve.Observe(seconds64(r.Attempts[i].Reserve))
	}
}

func seconds64(m llm.Millis) float64 { return time.Duration(max(m, 0)).Seconds() }
