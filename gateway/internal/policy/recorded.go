package policy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// NotReplayable says why a recorded request cannot be decided again.
type NotReplayable struct{ Why string }

func (e *NotReplayable) Error() string { return e.Why }

// kept is the recorded input of a decision. It has only what the policy of then read, so
// that any member may be missing.
type kept struct {
	V    *int64 `json:"v"`
	Time struct {
		UnixMinute  *int64  `json:"unix_minute"`
		Weekday     *string `json:"weekday"`
		MinuteOfDay *int64  `json:"minute_of_day"`
		Date        *string `json:"date"`
	} `json:"time"`
	Key     keptKey     `json:"key"`
	Request keptRequest `json:"request"`
	Route   struct {
		Name    string       `json:"name"`
		Targets []keptTarget `json:"targets"`
	} `json:"route"`
	// Usage is by scope, window and unit, in percent.
	Usage map[string]map[string]map[llm.Unit]int `json:"usage"`
}

type keptKey struct {
	ID     string            `json:"id"`
	Name   string            `json:"name"`
	Team   string            `json:"team"`
	User   string            `json:"user"`
	Roles  []string          `json:"roles"`
	Tags   map[string]string `json:"tags"`
	Models []string          `json:"models"`
	Budget *struct {
		Max    json.Number `json:"max"`
		Window string      `json:"window"`
	} `json:"budget"`
	Expires int64 `json:"expires"`
}

type keptRequest struct {
	Endpoint       llm.Endpoint      `json:"endpoint"`
	Dialect        llm.Dialect       `json:"dialect"`
	Model          string            `json:"model"`
	Stream         *bool             `json:"stream"`
	MaxTokens      int64             `json:"max_tokens"`
	EstInputTokens *int64            `json:"est_input_tokens"`
	EstCost        *int64            `json:"est_cost_usd_micro"`
	Features       []string          `json:"features"`
	Tags           map[string]string `json:"tags"`
	Metadata       map[string]string `json:"metadata"`
	IP             string            `json:"ip"`
	DataClasses    []string          `json:"data_classes"`
	Session        string            `json:"session"`
}

type keptTarget struct {
	ID       string `json:"id"`
	Provider string `json:"provider"`
	Region   string `json:"region"`
	PriceIn  *int64 `json:"price_in"`
	PriceOut *int64 `json:"price_out"`
	Context  int64  `json:"context"`
}

func (t *keptTarget) target() *llm.Target {
	out := &llm.Target{ID: t.ID, Provider: t.Provider, Region: t.Region, Context: t.Context}
	if t.PriceIn != nil && t.PriceOut != nil {
		out.Price = llm.Price{Known: true, Input: fromMicro(*t.PriceIn), Output: fromMicro(*t.PriceOut)}
	}
	return out
}

// fromMicro is the opposite of micro.
func fromMicro(n int64) llm.NanoUSD { return llm.NanoUSD(llm.Times(n, 1000)) }

// readKept parses a recorded input strictly: what this version does not know would be lost.
func readKept(d *llm.Decision) (k kept, err error) {
	if d.Obligations.Log == llm.LogNone && d.Input == nil {
		return k, &NotReplayable{"the policy keeps no input of it (log: none)"}
	}
	if d.Input == nil {
		return k, &NotReplayable{"its input is not kept: it was too large, or an earlier version wrote the record"}
	}
	dec := json.NewDecoder(bytes.NewReader(d.Input))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&k); err != nil {
		return k, &NotReplayable{"another version wrote its input: " + strings.TrimPrefix(err.Error(), "json: ")}
	}
	if k.V != nil && *k.V != 1 {
		return k, &NotReplayable{fmt.Sprintf("its input has version %d, this gateway reads version 1", *k.V)}
	}
	return k, nil
}

// recalled is the input of a recorded decision, put together again. known are the parts
// that are certain; others may not be read.
type recalled struct {
	in     Input
	req    llm.Request
	known  leaf
	kept   kept
	record *llm.Record
	// limits are those that the decision of then named, or its usage was of.
	limits []llm.Limit
	// used is ReplayOptions.Used.
	used func(llm.Limit) int
}

// always are the parts that every record has.
const always = leafVersion | leavesOfTime | leafKeyID | leafKeyName | leafKeyTeam | leafEndpoint | leafDialect | leafModel | leafStream | leafTags | leafSession

// recall puts together the input of the first decision about a recorded request. who is the
// caller's key as it is now, nil if unknown; what the input of then has goes before it.
func recall(r *llm.Record, who *llm.Principal, route *llm.Route) (*recalled, error) {
	first := r.Decision
	if r.FirstDecision != nil {
		first = r.FirstDecision
	}
	k, err := readKept(first)
	if err != nil {
		return nil, err
	}
	c := &recalled{kept: k, record: r, known: always, limits: mergeAll(first.Limits)}
	c.req = llm.Request{ID: r.ID, Endpoint: r.Endpoint, Dialect: r.Dialect, Tags: r.Tags, IP: k.Request.IP, Session: cmp.Or(r.Session, k.Request.Session),
		Facts: llm.Facts{Model: r.Model, Stream: r.Stream}}
	c.in = Input{Request: &c.req, Now: r.Time}
	if c.req.Dialect == "" {
		c.req.Dialect = llm.OpenAI
	}
	if k.Time.UnixMinute != nil {
		c.in.Now = time.Unix(*k.Time.UnixMinute*60, 0)
	}
	c.recallCaller(who)
	c.recallSizes()
	c.recallLabels()
	c.recallRoute(route)
	c.recallUsage()
	return c, nil
}

// note adds parts to those that are known, if they are.
func (c *recalled) note(known bool, parts leaf) bool {
	if known {
		c.known |= parts
	}
	return known
}

const leavesOfGrants = leafKeyUser | leafKeyRoles | leafKeyTags | leafKeyModels | leafKeyBudget | leafKeyExpires

func (c *recalled) recallCaller(who *llm.Principal) {
	p, k, r := &c.req.Principal, &c.kept.Key, c.record
	if who == nil && r.KeyID == "" && r.Team == "" { // an anonymous caller has nothing
		who = &llm.Principal{}
	}
	if c.note(who != nil, leavesOfGrants) {
		*p = *who
	}
	p.KeyID, p.Name, p.Team = r.KeyID, r.KeyName, r.Team
	if c.note(k.User != "", leafKeyUser) {
		p.User = k.User
	}
	if c.note(k.Roles != nil, leafKeyRoles) {
		p.Roles = k.Roles
	}
	if c.note(k.Models != nil, leafKeyModels) {
		p.Models = k.Models
	}
	if c.note(k.Expires != 0, leafKeyExpires) {
		p.Expires = time.Unix(k.Expires*60, 0)
	}
	if who == nil && k.Tags != nil {
		p.Tags = k.Tags
		c.note(c.holds(k.Tags), leafKeyTags)
	}
	if k.Budget != nil {
		if max, err := llm.ParseUSD(k.Budget.Max.String()); c.note(err == nil, leafKeyBudget) {
			p.Budget = llm.Budget{Max: max, Window: k.Budget.Window}
		}
	}
}

// holds reports whether a recorded table has all that it can have had: its policy may have
// read single members of it, but what a caller or key is tagged with is in the record, too.
func (c *recalled) holds(table map[string]string) bool {
	for name := range c.req.Tags {
		if _, ok := table[name]; !ok {
			return false
		}
	}
	return true
}

func (c *recalled) recallSizes() {
	f, k := &c.req.Facts, &c.kept.Request
	if in := c.rankedWith(); c.note(in != nil, leafMaxTokens|leafEstInputTokens|leafFeatures) {
		f.MaxTokens, f.EstInputTokens = in.MaxOutput, in.EstInput
		f.Features, _ = llm.ParseFeatures(in.Features)
	}
	if c.note(k.MaxTokens > 0, leafMaxTokens) {
		f.MaxTokens = k.MaxTokens
	}
	if c.note(k.EstInputTokens != nil, leafEstInputTokens) {
		f.EstInputTokens = *k.EstInputTokens
	}
	if c.note(k.Features != nil, leafFeatures) {
		f.Features, _ = llm.ParseFeatures(k.Features)
	}
	if c.note(k.EstCost != nil, leafEstCost) {
		c.in.EstCost, c.in.CostKnown = fromMicro(*k.EstCost), true
	}
}

// rankedWith is what a router was given of the request; nil if none was asked.
func (c *recalled) rankedWith() *llm.RouterInput {
	if k := c.record.Ranking; k != nil && k.Input.Route != "" {
		return &k.Input
	}
	return nil
}

func (c *recalled) recallLabels() {
	k := &c.kept.Request
	if in := c.rankedWith(); in != nil && c.record.Decision != nil && len(c.record.Decision.Obligations.Tags) > 0 {
		c.req.Tags = in.Tags // without the policy's
	}
	if c.note(k.IP != "", leafIP) {
		c.req.IP = k.IP
	}
	if c.note(k.DataClasses != nil, leafDataClasses) {
		c.in.DataClasses = k.DataClasses
	}
	if _, tagged := c.req.Tags["data_class"]; !tagged { // which is what demands classes
		c.note(true, leafDataClasses)
	}
	if k.Metadata != nil {
		c.req.Facts.Metadata = k.Metadata
	}
	c.note(c.holds(k.Metadata), leafMetadata) // which is among the tags
}

// recallRoute takes the route of then, or as it is now.
func (c *recalled) recallRoute(route *llm.Route) {
	k := &c.kept.Route
	switch {
	case k.Name != "":
		c.in.Route = k.Name
	case c.record.FirstDecision == nil:
		c.in.Route = c.record.Route
	}
	c.note(c.in.Route != "", leafRoute)
	if c.note(k.Targets != nil, leafTargets) {
		for i := range k.Targets {
			c.in.Targets = append(c.in.Targets, k.Targets[i].target())
		}
	} else if c.note(route != nil, leafTargets) {
		c.in.Targets = route.All()
	}
}

// recallUsage takes the limits whose usage is known: by the input, or by what the request
// has reserved.
func (c *recalled) recallUsage() {
	c.note(c.kept.Usage != nil || len(c.limits) == 0 || len(c.record.Limits) > 0, leafUsage)
	var more []llm.Limit
	for scope, windows := range c.kept.Usage {
		for window, units := range windows {
			for unit := range units {
				l := llm.Limit{Scope: scope, Window: window, Unit: unit}
				if unit == llm.UnitConcurrent {
					l.Window = ""
				}
				if !slices.ContainsFunc(c.limits, func(o llm.Limit) bool { return compareMeters(o, l) == 0 }) {
					more = append(more, l)
				}
			}
		}
	}
	c.limits = mergeAll(append(more, c.limits...))
}

// mergeAll returns one limit for every meter, in the order of compareMeters.
func mergeAll(limits []llm.Limit) []llm.Limit {
	merged, _ := mergeLimits(nil, limits)
	return merged
}

// percent returns how much of each limit was used at the time, of its maximum of now. Of a
// limit that did not exist, that is what has been counted since.
func (c *recalled) percent(limits []llm.Limit) []int {
	out := make([]int, len(limits))
	for i, l := range limits {
		out[i] = c.percentOf(l)
	}
	return out
}

func (c *recalled) percentOf(l llm.Limit) int {
	if percent, ok := c.kept.Usage[l.Scope][windowName(l)][l.Unit]; ok {
		for _, old := range c.limits {
			if compareMeters(old, l) == 0 && old.Max > 0 && l.Max > 0 && old.Max != l.Max {
				return int(min(float64(percent)*float64(old.Max)/float64(l.Max), usageUpTo))
			}
		}
		return percent
	}
	for _, s := range c.record.Limits {
		if compareMeters(s.Limit, l) == 0 && l.Max > 0 {
			return int(min(100*float64(s.Before)/float64(l.Max), usageUpTo))
		}
	}
	if c.used == nil {
		return 0
	}
	return min(c.used(l), usageUpTo)
}

// missing names what a policy reads of the input and the record does not have.
func (c *recalled) missing(p *plan) error {
	lacking := plan{wanted: p.wanted &^ c.known, members: p.members}
	for _, l := range []leaf{leafMetadata, leafKeyTags} { // of which single members may do
		if lacking.has(l) && lacking.members[l] != nil && c.hasMembers(l, lacking.members[l]) {
			lacking.wanted &^= l
		}
	}
	if lacking.wanted == 0 {
		return nil
	}
	return &NotReplayable{"the policy reads " + strings.Join(lacking.reads(), ", ") + ", which the record does not have: the policy of then did not read it"}
}

// hasMembers reports whether single members of a table are recorded, or cannot have been
// there.
func (c *recalled) hasMembers(l leaf, names map[string]bool) bool {
	table := c.kept.Request.Metadata
	if l == leafKeyTags {
		table = c.kept.Key.Tags
	}
	for name := range names {
		_, recorded := table[name]
		_, tagged := c.req.Tags[name]
		if tagged && !recorded {
			return false
		}
	}
	return true
}
