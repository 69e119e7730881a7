package ledger

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// appendRecord writes a record as JSON that encoding/json reads back to the same
// record. Members that are zero are left out, also where the type would write them:
// every byte is copied and checksummed again on its way to the disk. It is written
// out by hand because it is on the path of every request.
func appendRecord(b []byte, r *llm.Record) []byte {
	o := object{append(b, '{')}
	o.text("id", r.ID)
	o.time("time", r.Time)
	o.yes("dry", r.Dry)
	o.text("endpoint", string(r.Endpoint))
	o.text("dialect", string(r.Dialect))
	o.yes("stream", r.Stream)
	o.text("model", r.Model)
	o.text("route", r.Route)
	o.text("target", r.Target)
	o.text("provider", r.Provider)
	o.text("served", r.Served)
	list(&o, "chosen", r.Chosen, choice)
	o.text("key_id", r.KeyID)
	o.text("key_name", r.KeyName)
	o.text("team", r.Team)
	o.text("user", r.User)
	o.text("session", r.Session)
	o.texts("tags", r.Tags)
	o.whole("status", int64(r.Status))
	o.text("code", string(r.Code))
	o.text("error", r.Error)
	o.text("finish", r.Finish)
	o.text("cache", string(r.Cache))
	o.text("cache_source", r.CacheSource)
	if r.Similar != nil {
		o.inner("similar", func(o *object) { similarLookup(o, r.Similar) })
	}
	if r.Decision != nil {
		o.inner("decision", func(o *object) { decision(o, r.Decision) })
	}
	if r.FirstDecision != nil {
		o.inner("first_decision", func(o *object) { decision(o, r.FirstDecision) })
	}
	list(&o, "limits", r.Limits, limitState)
	list(&o, "candidates", r.Candidates, considered)
	if r.Classified != nil {
		o.inner("classified", func(o *object) { classified(o, r.Classified) })
	}
	if r.Ranking != nil {
		o.inner("ranking", func(o *object) { ranking(o, r.Ranking) })
	}
	if r.Escalated != nil {
		o.inner("escalated", func(o *object) { escalated(o, r.Escalated) })
	}
	if r.Mirrored != nil {
		o.inner("mirrored", func(o *object) { mirrored(o, r.Mirrored) })
	}
	o.text("mirror_of", r.MirrorOf)
	list(&o, "attempts", r.Attempts, attempt)
	o.inner("usage", func(o *object) { usage(o, &r.Usage) })
	o.inner("price", func(o *object) { price(o, &r.Price) })
	o.whole("cost_nano_usd", int64(r.Cost))
	o.whole("saved_nano_usd", int64(r.Saved))
	o.whole("prompt_saved_nano_usd", int64(r.PromptSaved))
	o.millis("duration_ms", r.Duration)
	o.millis("first_byte_ms", r.FirstByte)
	o.millis("upstream_ms", r.Upstream)
	if r.Priority != llm.PriorityNormal {
		o.text("priority", r.Priority.String())
	}
	o.millis("queued_ms", r.Queued)
	o.inner("stages", func(o *object) {
		stage(o, "admit", r.Stages.Admit)
		stage(o, "cache", r.Stages.Cache)
		stage(o, "rank", r.Stages.Rank)
	})
	list(&o, "charges", r.Charges, charge)
	o.text("request_text", r.RequestText)
	o.text("reply_text", r.ReplyText)
	o.yes("text_cut", r.TextCut)
	return append(o.b, '}')
}

func choice(o *object, c *llm.Choice) {
	o.text("model", c.Model)
	o.text("use", c.Use)
	o.text("by", c.By)
	o.whole("line", int64(c.Line))
	o.text("why", c.Why)
}

func similarLookup(o *object, s *llm.SimilarLookup) {
	o.text("mode", string(s.Mode))
	o.text("skipped", s.Skipped)
	o.text("id", s.ID)
	o.text("source", s.Source)
	o.float("similarity", s.Similarity)
	o.text("refused", s.Refused)
	if s.Agreement != nil {
		o.name("agreement")
		o.b = appendFloat(o.b, *s.Agreement)
	}
	o.yes("agreed", s.Agreed)
}

func decision(o *object, v *llm.Decision) {
	o.yes("allow", v.Allow)
	list(o, "reasons", v.Reasons, reason)
	o.strings("warnings", v.Warnings)
	list(o, "limits", v.Limits, limit)
	o.inner("obligations", func(o *object) { obligations(o, &v.Obligations) })
	o.text("revision", v.Revision)
	o.yes("memoised", v.Memoised)
	o.json("input", v.Input)
	list(o, "rules", v.Rules, ruleOf)
}

func ruleOf(o *object, r *llm.RuleOf) {
	o.text("part", r.Part)
	o.text("name", r.Name)
	o.text("rule", r.Rule)
}

func reason(o *object, r *llm.Reason) {
	o.text("code", r.Code)
	o.text("message", r.Message)
	o.whole("status", int64(r.Status))
	o.whole("retry_after_s", int64(r.RetryAfterS))
	o.text("rule", r.Rule)
}

func limit(o *object, l *llm.Limit) {
	o.text("name", l.Name)
	o.text("scope", l.Scope)
	o.text("unit", string(l.Unit))
	o.text("window", l.Window)
	o.whole("max", l.Max)
	o.whole("raised", l.Raised)
	o.text("on_exceed", string(l.OnExceed))
}

func limitState(o *object, s *llm.LimitState) {
	limit(o, &s.Limit)
	o.text("window_id", s.WindowID)
	o.whole("before", s.Before)
	o.whole("held", s.Held)
	o.whole("reserved", s.Reserved)
	o.whole("resets_at", s.ResetsAt)
	o.yes("exceeded", s.Exceeded)
}

func obligations(o *object, d *llm.Obligations) {
	o.whole("max_output_tokens", d.MaxOutputTokens)
	o.strings("allow_targets", d.AllowTargets)
	o.strings("deny_targets", d.DenyTargets)
	o.strings("data_classes", d.DataClasses)
	o.strings("regions", d.Regions)
	o.text("route", d.Route)
	o.text("model", d.Model)
	o.inner("cache", func(o *object) {
		o.text("mode", d.Cache.Mode)
		o.whole("ttl_s", int64(d.Cache.TTLSeconds))
		o.text("scope", d.Cache.Scope)
	})
	o.texts("tags", d.Tags)
	o.texts("headers", d.Headers)
	o.text("log", d.Log)
}

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

func classified(o *object, c *llm.Classified) {
	o.text("label", c.Label)
	o.text("by", c.By)
	o.yes("cached", c.Cached)
	o.millis("duration_ms", c.Duration)
	o.inner("usage", func(o *object) { usage(o, &c.Usage) })
	o.whole("cost_nano_usd", int64(c.Cost))
	o.text("fault", c.Fault)
}

func scored(o *object, s *llm.Scored) {
	o.text("by", s.By)
	if s.Score != nil && finite(*s.Score) {
		o.name("score")
		o.b = appendFloat(o.b, *s.Score)
	}
	o.millis("duration_ms", s.Duration)
	o.inner("usage", func(o *object) { usage(o, &s.Usage) })
	o.whole("cost_nano_usd", int64(s.Cost))
	o.text("fault", s.Fault)
}

func escalated(o *object, e *llm.Escalated) {
	on := make([]string, len(e.On))
	for i, c := range e.On {
		on[i] = string(c)
	}
	o.strings("on", on)
	o.text("unchecked", e.Unchecked)
	o.yes("passed", e.Passed)
}

func mirrored(o *object, m *llm.Mirrored) {
	o.text("to", m.To)
	o.text("id", m.ID)
	o.text("skipped", m.Skipped)
}

func stage(o *object, name string, s llm.Stage) {
	o.inner(name, func(o *object) {
		o.millis("start_ms", s.Start)
		o.millis("duration_ms", s.Duration)
	})
}

func attempt(o *object, a *llm.Attempt) {
	o.text("target", a.Target)
	o.text("credential", a.Credential)
	o.whole("try", int64(a.Try))
	o.whole("status", int64(a.Status))
	o.text("fault", string(a.Fault))
	o.text("error", a.Error)
	o.millis("start_ms", a.Start)
	o.millis("wait_ms", a.Wait)
	o.millis("transform_ms", a.Transform)
	o.millis("reserve_ms", a.Reserve)
	o.millis("duration_ms", a.Duration)
	o.millis("first_token_ms", a.FirstToken)
	o.text("failed", string(a.Failed))
	if a.Scored != nil {
		o.inner("scored", func(o *object) { scored(o, a.Scored) })
	}
	o.text("resumes", a.Resumes)
	o.yes("hedge", a.Hedge)
	o.inner("usage", func(o *object) { usage(o, &a.Usage) })
	o.whole("cost_nano_usd", int64(a.Cost))
	list(o, "transforms", a.Transforms, applied)
	o.whole("cache_marks", int64(a.CacheMarks))
	o.strings("dropped", a.Dropped)
}

func applied(o *object, a *llm.Applied) {
	o.text("plugin", a.Plugin)
	o.text("hook", a.Hook)
	o.yes("changed", a.Changed)
	o.whole("fuel", a.Fuel)
	o.text("fault", a.Fault)
}

func usage(o *object, u *llm.Usage) {
	o.whole("input", u.Input)
	o.whole("cache_read", u.CacheRead)
	o.whole("cache_write", u.CacheWrite)
	o.whole("cache_write_long", u.CacheWriteLong)
	o.whole("audio_input", u.AudioInput)
	o.whole("image_input", u.ImageInput)
	o.whole("images", u.Images)
	o.whole("output", u.Output)
	o.whole("reasoning", u.Reasoning)
	o.whole("audio_output", u.AudioOutput)
	o.whole("image_output", u.ImageOutput)
	o.whole("searches", u.Searches)
	o.whole("advisor", u.Advisor)
	o.whole("billed_input", u.BilledInput)
	o.whole("billed_output", u.BilledOutput)
	o.text("tier", string(u.Tier))
	o.yes("estimated", u.Estimated)
}

func price(o *object, p *llm.Price) {
	o.yes("known", p.Known)
	o.whole("input", int64(p.Input))
	o.whole("output", int64(p.Output))
	o.whole("cache_read", int64(p.CacheRead))
	o.whole("cache_write", int64(p.CacheWrite))
	o.whole("cache_write_long", int64(p.CacheWriteLong))
	o.whole("audio_input", int64(p.AudioInput))
	o.whole("audio_output", int64(p.AudioOutput))
	o.whole("image_input", int64(p.ImageInput))
	o.whole("image_output", int64(p.ImageOutput))
	o.whole("image", int64(p.Image))
	o.whole("web_search", int64(p.WebSearch))
	o.whole("long_above", p.LongAbove)
	if p.Long != nil {
		o.inner("long", func(o *object) { price(o, p.Long) })
	}
	o.text("tier", string(p.Tier))
	o.text("row", p.Row)
}

func charge(o *object, c *llm.Charge) {
	o.text("scope", c.Scope)
	o.text("unit", string(c.Unit))
	o.text("window", c.Window)
	o.text("window_id", c.WindowID)
	o.whole("amount", c.Amount)
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

func appendFloat(b []byte, f float64) []byte { return strconv.AppendFloat(b, f, 'g', -1, 64) }

// float leaves out zero, and what JSON has no number for.
func (o *object) float(name string, f float64) {
	if f != 0 && finite(f) {
		o.name(name)
		o.b = appendFloat(o.b, f)
	}
}

// json writes a value that is JSON already.
func (o *object) json(name string, value json.RawMessage) {
	if len(value) > 0 {
		o.name(name)
		o.b = append(o.b, value...)
	}
}

func (o *object) time(name string, t time.Time) {
	o.name(name)
	o.b = append(o.b, '"')
	o.b = t.AppendFormat(o.b, time.RFC3339Nano)
	o.b = append(o.b, '"')
}

// millis writes what Millis.AppendJSON would, without the detour over floats.
func (o *object) millis(name string, m llm.Millis) {
	if m < 0 || m > math.MaxInt64/2 {
		o.name(name)
		o.b = m.AppendJSON(o.b)
		return
	}
	micros := (int64(m) + 500) / 1000
	if micros == 0 {
		return
	}
	o.name(name)
	o.b = strconv.AppendInt(o.b, micros/1000, 10)
	if frac := micros % 1000; frac != 0 {
		o.b = append(o.b, '.', byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
	}
}
