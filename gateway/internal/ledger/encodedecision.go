package ledger

import "github.com/penstock/penstock/gateway/internal/llm"

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
