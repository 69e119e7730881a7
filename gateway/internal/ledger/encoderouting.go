package ledger

import (
	"slices"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func considered(o *object, c *llm.Considered) {
	o.text("target", c.Target)
	o.text("refused", c.Refused)
	o.text("for", string(c.For))
	if c.Score != nil && finite(*c.Score) {
		o.name("score")
		o.b = appendFloat(o.b, *c.Score)
	}
	list(o, "terms", c.Terms, term)
	o.whole("est_cost_nano_usd", int64(c.EstCost))
	o.whole("cached_prefix", c.CachedPrefix)
	o.inner("stats", func(o *object) { stats(o, &c.Stats) })
	o.yes("unpriced", c.Unpriced)
	o.strings("dropped", c.Dropped)
}

func term(o *object, t *llm.Term) {
	o.text("name", t.Name)
	if finite(t.Value) {
		o.name("value")
		o.b = appendFloat(o.b, t.Value)
	}
}

func stats(o *object, s *llm.Stats) {
	o.whole("inflight", s.Inflight)
	o.millis("ttft_ms", s.TTFT)
	o.millis("ttft_p50_ms", s.TTFTP50)
	o.millis("ttft_p95_ms", s.TTFTP95)
	o.float("tps", s.TPS)
	o.float("error_rate", s.ErrorRate)
	o.text("failing_by", string(s.FailingBy))
	o.float("samples", s.Samples)
	if !s.CoolingUntil.IsZero() {
		o.time("cooling_until", s.CoolingUntil)
	}
	o.text("cooling_for", s.CoolingFor)
	o.whole("remaining_requests", s.RemainingRequests)
	o.whole("remaining_tokens", s.RemainingTokens)
	o.float("requests_left", s.RequestsLeft)
	o.float("tokens_left", s.TokensLeft)
	o.whole("expected_output", s.ExpectedOutput)
}

func ranking(o *object, r *llm.Ranking) {
	if len(r.Order) > 0 {
		o.name("order")
		o.b = appendInts(o.b, r.Order)
	}
	// A score that is not a number cannot be written; without all of them, the rest
	// could not be told apart.
	if len(r.Scores) > 0 && !slices.ContainsFunc(r.Scores, func(f float64) bool { return !finite(f) }) {
		o.name("scores")
		o.b = appendFloats(o.b, r.Scores)
	}
	o.text("reason", r.Reason)
	o.text("router", r.Router)
	o.text("fault", r.Fault)
	if r.Seed != 0 {
		o.name("seed")
		o.b = append(strconv.AppendUint(append(o.b, '"'), r.Seed, 10), '"')
	}
	o.whole("fuel", r.Fuel)
	o.inner("input", func(o *object) { routerInput(o, &r.Input) })
}

func routerInput(o *object, in *llm.RouterInput) {
	o.text("route", in.Route)
	if len(in.Ranked) > 0 {
		o.name("ranked")
		o.b = appendInts(o.b, in.Ranked)
	}
	o.whole("after_ns", in.AfterNS)
	o.whole("est_input", in.EstInput)
	o.whole("max_output", in.MaxOutput)
	o.strings("features", in.Features)
	o.whole("last_user_chars", int64(in.LastUserChars))
	o.texts("tags", in.Tags)
	o.yes("body_user", in.BodyUser)
}
