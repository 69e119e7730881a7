package telemetry

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// series makes the metrics that every request adds to.
type series struct {
	requests, tokens, cost, saved, promptSaved *prometheus.CounterVec
	duration, firstByte, overhead, perSize     *prometheus.HistogramVec
	perToken                                   *prometheus.HistogramVec
	known                                      table[requestKey, *requestSeries]
	routes, targets                            names
	named                                      func(target string) bool // nil means all
}

// requestKey identifies the series of a request.
type requestKey struct {
	route, target, cache string
	class                int
}

// requestSeries are the metrics of one kind of request, with their labels set.
type requestSeries struct {
	requests, in, out, cost, saved, promptSaved prometheus.Counter
	duration, firstByte, overhead               prometheus.Observer
	inPerReply, outPerReply, perToken           prometheus.Observer
}

// combinations is how many kinds of requests are distinguished for each label value: far
// more than a configuration has, far fewer than all labels multiplied.
const combinations = 25

// seconds returns buckets for durations from a cache hit's to a long stream's.
func seconds() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320}
}

// own returns buckets for what the gateway takes itself.
func own() []float64 {
	return []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .5, 1}
}

func newSeries(r *prometheus.Registry, limit int, known func(string) bool) *series {
	s := &series{
		requests:    counter(r, nameRequests, "Finished requests.", labelRoute, labelTarget, labelStatus, labelCache),
		tokens:      counter(r, nameTokens, "Tokens billed by providers.", labelRoute, labelTarget, labelType),
		cost:        counter(r, nameCost, "What providers charge, in US dollars, where the price is known.", labelRoute, labelTarget),
		saved:       counter(r, nameSaved, "What cache hits would have cost, in US dollars.", labelRoute),
		promptSaved: counter(r, namePromptSaved, "What providers' prompt caches have saved, in US dollars, of requests that cost less by them.", labelRoute, labelTarget),
		duration:    histogram(r, nameDuration, "From arrival to the end of the reply.", seconds(), labelRoute, labelTarget),
		firstByte:   histogram(r, nameFirstByte, "From arrival to the first byte sent.", seconds(), labelRoute, labelTarget),
		overhead: histogram(r, nameOverhead, "The part of the duration not spent waiting for providers or for a turn.",
			own(), labelRoute),
		perToken: histogram(r, nameTimePerToken, "Of a stream, the mean time from one output token to the next, after the first.",
			[]float64{.001, .0025, .005, .01, .02, .04, .08, .16, .32, .64, 1.28, 2.56}, labelRoute, labelTarget),
		perSize: histogram(r, nameTokensPerReply, "Tokens of one request.",
			prometheus.ExponentialBuckets(1, 4, 12), labelTarget, labelType),
	}
	s.named = known
	s.routes.limit, s.targets.limit = limit, limit
	s.known.limit = limit * combinations
	return s
}

func histogram(r *prometheus.Registry, name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	r.MustRegister(v)
	return v
}

// of returns the series of a record. Routes and targets have separate caps, so that many
// values of one do not use up the other's.
func (s *series) of(r *llm.Record) *requestSeries {
	k := requestKey{route: r.Route, target: r.Target, cache: cacheLabel(string(r.Cache)), class: r.Status / 100}
	if v, ok := s.known.find(k); ok {
		return v
	}
	k.route, k.target = s.routes.fold(k.route), s.target(k.target)
	if k.class < 1 || k.class > 5 {
		k.class = 0
	}
	return s.known.get(k, requestKey{other, other, k.cache, k.class}, s.make)
}

// target returns the label of a target.
func (s *series) target(id string) string {
	if id != "" && s.named != nil && !s.named(id) {
		provider, _, _ := strings.Cut(id, "/")
		id = provider + "/" + other
	}
	return s.targets.fold(id)
}

// cacheLabel returns the label of a cache state; none for unknown ones.
func cacheLabel(c string) string {
	switch c {
	case "hit", "similar", "coalesced", "partial", "miss", "off":
		return c
	}
	return none
}

func (s *series) make(k requestKey) *requestSeries {
	route, target := orNone(k.route), orNone(k.target)
	return &requestSeries{
		requests:    s.requests.WithLabelValues(route, target, statusClass(k.class), k.cache),
		in:          s.tokens.WithLabelValues(route, target, tokensIn),
		out:         s.tokens.WithLabelValues(route, target, tokensOut),
		cost:        s.cost.WithLabelValues(route, target),
		saved:       s.saved.WithLabelValues(route),
		promptSaved: s.promptSaved.WithLabelValues(route, target),
		duration:    s.duration.WithLabelValues(route, target),
		firstByte:   s.firstByte.WithLabelValues(route, target),
		overhead:    s.overhead.WithLabelValues(route),
		inPerReply:  s.perSize.WithLabelValues(target, tokensIn),
		outPerReply: s.perSize.WithLabelValues(target, tokensOut),
		perToken:    s.perToken.WithLabelValues(route, target),
	}
}

func statusClass(class int) string {
	if class == 0 {
		return none
	}
	return string(rune('0'+class)) + "xx"
}

// observe adds one record.
func (q *requestSeries) observe(r *llm.Record) {
	q.requests.Inc()
	q.duration.Observe(time.Duration(r.Duration).Seconds())
	q.overhead.Observe(time.Duration(r.Overhead()).Seconds())
	if r.FirstByte > 0 {
		q.firstByte.Observe(time.Duration(r.FirstByte).Seconds())
	}
	if r.Saved > 0 {
		q.saved.Add(usd(r.Saved))
	}
	if r.PromptSaved > 0 {
		q.promptSaved.Add(usd(r.PromptSaved))
	}
	if r.Price.Known && r.Cost > 0 {
		q.cost.Add(usd(r.Cost))
	}
	if r.Usage.Total() <= 0 || r.Cache.Saves() {
		return
	}
	// A counter panics on a negative number, and a provider may report one.
	in, out := float64(max(r.Usage.Input, 0)), float64(max(r.Usage.Output, 0))
	q.in.Add(in)
	q.out.Add(out)
	q.inPerReply.Observe(in)
	q.outPerReply.Observe(out)
	if r.Stream && out > 1 && r.FirstByte > 0 {
		q.perToken.Observe(time.Duration(max(r.Duration-r.FirstByte, 0)).Seconds() / (out - 1))
	}
}

func usd(n llm.NanoUSD) float64 { return float64(n) / float64(llm.USD) }
