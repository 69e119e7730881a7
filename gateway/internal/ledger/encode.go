package ledger

import (
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
