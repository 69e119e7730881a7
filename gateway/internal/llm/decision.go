package llm

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
)

// Decision is the admission decision for one request. The policy names the limits that apply
// and the obligations that come with it; the gateway counts and enforces.
type Decision struct {
	Allow       bool        `json:"allow"`
	Reasons     []Reason    `json:"reasons,omitempty"`
	Warnings    []string    `json:"warnings,omitempty"`
	Limits      []Limit     `json:"limits,omitempty"`
	Obligations Obligations `json:"obligations"`
	// Revision identifies the policy that decided, Memoised that an equal input had
	// been decided before.
	Revision string `json:"revision"`
	Memoised bool   `json:"memoised"`
	// Input is what the policy was evaluated on: the parts of the request that it reads, as
	// JSON. It is nil when it is too large to be kept.
	Input json.RawMessage `json:"input,omitempty"`
	// Rules name the rules that the parts beside reasons come from. Only decisions that are
	// explained or replayed have them.
	Rules []RuleOf `json:"rules,omitempty"`
}

// RuleOf is where a part of a decision comes from.
type RuleOf struct {
	// Part is PartLimit, PartObligation or PartWarning, Name the limit's or the obligation's
	// name, or the warning.
	Part string `json:"part"`
	Name string `json:"name"`
	// Rule is a place in the policy, as "file.rego:12".
	Rule string `json:"rule"`
}

// The parts of a decision that a rule gives, beside reasons.
const (
	PartLimit      = "limit"
	PartObligation = "obligation"
	PartWarning    = "warning"
)

// RuleOf returns the rule that a part of the decision comes from; empty when it is unknown.
func (d *Decision) RuleOf(part, name string) string {
	for _, r := range d.Rules {
		if r.Part == part && r.Name == name {
			return r.Rule
		}
	}
	return ""
}

// Reason says why a request was denied, to the caller.
type Reason struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	// Status is the HTTP status; 0 means 403.
	Status int `json:"status,omitempty"`
	// RetryAfterS is in seconds; 0 means unknown.
	RetryAfterS int `json:"retry_after_s,omitempty"`
	// Rule is where it comes from, as "file.rego:12", when known.
	Rule string `json:"rule,omitempty"`
}

// The values of Obligations.Log. Metadata is the default.
const (
	LogNone     = "none"
	LogMetadata = "metadata"
	LogRedacted = "redacted"
	LogFull     = "full"
)

// Obligations come with an allowed request. Zero values oblige to nothing.
type Obligations struct {
	MaxOutputTokens int64    `json:"max_output_tokens,omitempty"`
	AllowTargets    []string `json:"allow_targets,omitempty"`
	DenyTargets     []string `json:"deny_targets,omitempty"`
	// DataClasses are added to the classes of data in the request. Regions are where it may be
	// answered, beside what the request itself demands; nil means anywhere.
	DataClasses []string          `json:"data_classes,omitempty"`
	Regions     []string          `json:"regions,omitempty"`
	Route       string            `json:"route,omitempty"`
	Model       string            `json:"model,omitempty"`
	Cache       CacheObligation   `json:"cache,omitzero"`
	Tags        map[string]string `json:"tags,omitempty"`
	// Headers are added to the reply.
	Headers map[string]string `json:"headers,omitempty"`
	// Log is LogNone, LogMetadata, LogRedacted or LogFull; empty means metadata.
	Log string `json:"log,omitempty"`
}

// KeepsTexts reports whether the texts of the request and its reply are recorded.
func (o *Obligations) KeepsTexts() bool { return o.Log == LogFull || o.Log == LogRedacted }

// Destination is the model that the request is sent on to; empty when it stays where it is.
func (o *Obligations) Destination() string { return cmp.Or(o.Route, o.Model) }

// Names returns the names of the obligations that are set.
func (o *Obligations) Names() (names []string) {
	for _, m := range [...]struct {
		name string
		set  bool
	}{
		{"max_output_tokens", o.MaxOutputTokens > 0}, {"allow_targets", len(o.AllowTargets) > 0}, {"deny_targets", len(o.DenyTargets) > 0},
		{"data_classes", len(o.DataClasses) > 0}, {"regions", len(o.Regions) > 0}, {"route", o.Route != ""}, {"model", o.Model != ""},
		{"cache", o.Cache != CacheObligation{}}, {"tags", len(o.Tags) > 0}, {"headers", len(o.Headers) > 0}, {"log", o.Log != ""},
	} {
		if m.set {
			names = append(names, m.name)
		}
	}
	return names
}

// And combines a decision with the later one about the model or route that this one sends the
// request on to. Limits, warnings and forbidden targets of both hold, and so does what either
// keeps out of the log or the cache. Of other obligations the later one's hold, and this one's
// where the later one has none. Neither decision is changed.
func (d Decision) And(later Decision) Decision {
	out := later
	out.Allow = d.Allow && later.Allow
	out.Memoised = d.Memoised && later.Memoised
	out.Warnings = union(d.Warnings, later.Warnings)
	out.Rules = union(d.Rules, later.Rules)
	out.Limits = union(d.Limits, later.Limits)
	a, b := d.Obligations, later.Obligations
	out.Obligations = Obligations{
		MaxOutputTokens: lowest(a.MaxOutputTokens, b.MaxOutputTokens),
		AllowTargets:    b.AllowTargets, DenyTargets: union(a.DenyTargets, b.DenyTargets),
		DataClasses: union(a.DataClasses, b.DataClasses), Regions: commonRegions(a.Regions, b.Regions),
		Route: a.Route, Model: a.Model, Cache: a.Cache.and(b.Cache), Log: cmp.Or(b.Log, a.Log),
		Tags: overlaid(a.Tags, b.Tags), Headers: overlaid(a.Headers, b.Headers),
	}
	for _, less := range [...]string{LogRedacted, LogNone} { // what keeps less wins over full
		if a.Log == less && (less == LogNone || out.Obligations.Log == LogFull) {
			out.Obligations.Log = less
		}
	}
	if len(b.AllowTargets) == 0 {
		out.Obligations.AllowTargets = a.AllowTargets
	}
	return out
}

// union returns a and what only b holds.
func union[T comparable](a, b []T) []T {
	all := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(all, x) {
			all = append(all, x)
		}
	}
	return all
}

// lowest returns the smaller of two bounds; 0 is no bound.
func lowest(a, b int64) int64 {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// overlaid returns both maps in one; over wins.
func overlaid(under, over map[string]string) map[string]string {
	if len(under) == 0 {
		return over
	}
	all := maps.Clone(under)
	maps.Copy(all, over)
	return all
}

// CacheObligation overrides the caching of a route.
type CacheObligation struct {
	// Mode is "default", "bypass" (neither read nor write) or "force" (even where
	// the route does not cache). Empty means default.
	Mode string `json:"mode,omitempty"`
	// TTLSeconds overrides the route's lifetime when above zero.
	TTLSeconds int `json:"ttl_s,omitempty"`
	// Scope replaces the tenant in the cache key.
	Scope string `json:"scope,omitempty"`
}

// and combines what two decisions oblige to: the shorter lifetime, and no caching if one of
// them forbids it.
func (c CacheObligation) and(later CacheObligation) CacheObligation {
	out := CacheObligation{Mode: cmp.Or(later.Mode, c.Mode), Scope: cmp.Or(later.Scope, c.Scope),
		TTLSeconds: int(lowest(int64(c.TTLSeconds), int64(later.TTLSeconds)))}
	if c.Mode == "bypass" {
		out.Mode = c.Mode
	}
	return out
}
