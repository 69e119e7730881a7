package replay

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// PolicyDiff sums up how recorded requests were treated, and how another policy would have
// treated them. Its memory does not grow with the records. It is used by one goroutine.
type PolicyDiff struct {
	report  PolicyReport
	skipped map[string]int64
	changes map[changeKey]*ChangeCount
	groups  map[groupKey]*Group
	limits  map[meterOf]*LimitCount
	// counters is nil where limits are only compared.
	counters *Counters
}

// PolicyReport is the result of a PolicyDiff. Costs are in nano-USD, of the requests whose
// price is known.
type PolicyReport struct {
	Revision string `json:"revision"`
	// Records is how many there were, Compared how many of them were decided again, Different
	// how many of those would have been treated differently.
	Records   int64  `json:"records"`
	Compared  int64  `json:"compared"`
	Different int64  `json:"different"`
	Skipped   []Skip `json:"skipped,omitempty"`
	// Denied is how many would have been denied and were not, Allowed the reverse. Others are
	// Changed: they would have come with other limits, obligations, warnings or reasons.
	Denied  int64 `json:"newly_denied"`
	Allowed int64 `json:"newly_allowed"`
	Changed int64 `json:"changed"`
	// DeniedCost is what the newly denied requests have cost; DeniedUnpriced counts those
	// whose cost is unknown.
	DeniedCost     llm.NanoUSD `json:"newly_denied_cost_nano_usd"`
	DeniedUnpriced int64       `json:"newly_denied_unpriced"`
	Repriced       Repriced    `json:"repriced"`
	// Changes are sorted by their number of requests.
	Changes []ChangeCount `json:"changes"`
	// Limits are those that would have refused requests.
	Limits   []LimitCount `json:"limits,omitempty"`
	Groups   []Group      `json:"groups"`
	Examples []Example    `json:"examples,omitempty"`
}

// Repriced are the requests that another target would have answered, or with less output, by
// the tokens that they used.
type Repriced struct {
	Requests int64 `json:"requests"`
	// Unpriced is how many of them the costs are not of.
	Unpriced int64       `json:"unpriced"`
	Before   llm.NanoUSD `json:"cost_before_nano_usd"`
	After    llm.NanoUSD `json:"cost_after_nano_usd"`
}

// ChangeCount is one kind of change by one rule.
type ChangeCount struct {
	// What is "denied", "allowed", "reasons", "warning added", "warning removed", "limit added", "limit removed",
	// "limit changed", or the name of an obligation. Name is the limit's or the reason's.
	What string `json:"what"`
	Name string `json:"name,omitempty"`
	// Rule is where it comes from; of what is gone, the rule of then. Empty if unknown.
	Rule     string      `json:"rule,omitempty"`
	Requests int64       `json:"requests"`
	Cost     llm.NanoUSD `json:"cost_nano_usd"`
}

type changeKey struct{ what, name, rule string }

// Group is what would have changed for the requests of one key, team or model.
type Group struct {
	By      string `json:"by"`
	Name    string `json:"name"`
	Denied  int64  `json:"newly_denied"`
	Allowed int64  `json:"newly_allowed"`
	Changed int64  `json:"changed"`
	// Cost is what these requests have cost.
	Cost llm.NanoUSD `json:"cost_nano_usd"`
}

type groupKey struct{ by, name string }

// Example is a request that would have been treated differently.
type Example struct {
	ID      string      `json:"id"`
	Time    time.Time   `json:"time"`
	Key     string      `json:"key,omitempty"`
	Team    string      `json:"team,omitempty"`
	Model   string      `json:"model"`
	Cost    llm.NanoUSD `json:"cost_nano_usd"`
	Changes []Change    `json:"changes"`
}

// Change is one difference between two decisions. Before and After are JSON, nil where there
// is nothing.
type Change struct {
	What   string          `json:"what"`
	Name   string          `json:"name,omitempty"`
	Rule   string          `json:"rule,omitempty"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// DiffPolicy returns a PolicyDiff with a policy of this revision. Nil counters count no limits:
// they are only compared.
func DiffPolicy(revision string, counters *Counters) *PolicyDiff {
	return &PolicyDiff{report: PolicyReport{Revision: revision}, counters: counters, limits: map[meterOf]*LimitCount{}, skipped: map[string]int64{}, changes: map[changeKey]*ChangeCount{}, groups: map[groupKey]*Group{}}
}

// Skip counts a record that is not decided again, with the reason.
func (d *PolicyDiff) Skip(why string) {
	d.report.Records++
	count(d.skipped, why)
}

// Add sums up one record; records come in the order of their arrival. explain names the rules of after, and is called only for requests
// that would have been treated differently. route has the targets that after may send the
// request to, in the order of preference. At most so many examples are kept.
func (d *PolicyDiff) Add(r *llm.Record, before, after *llm.Decision, route []*llm.Target, examples int, explain func() error) error {
	d.report.Records++
	d.report.Compared++
	target := servedBy(r, before, after, route)
	full := d.recount(r, before, after, target)
	if len(Changes(before, after)) == 0 {
		return nil
	}
	if err := explain(); err != nil {
		return err
	}
	if full != nil {
		d.countLimit(r, after, full)
	}
	changes := Changes(before, after)
	d.report.Different++
	d.sum(r, before, after)
	if before.Allow && after.Allow {
		d.reprice(r, after, target)
	}
	for _, c := range changes {
		d.count(c, r)
	}
	if len(d.report.Examples) < examples {
		d.report.Examples = append(d.report.Examples, Example{ID: r.ID, Time: r.Time, Key: cmp.Or(r.KeyName, r.KeyID), Team: r.Team, Model: r.Model, Cost: known(r), Changes: changes})
	}
	return nil
}

// known is what a request cost; 0 if its price is unknown.
func known(r *llm.Record) llm.NanoUSD {
	if r.Price.Known {
		return r.Cost
	}
	return 0
}

// sum counts a request as newly denied, newly allowed or changed, and in its groups.
func (d *PolicyDiff) sum(r *llm.Record, before, after *llm.Decision) {
	denied, allowed := before.Allow && !after.Allow, !before.Allow && after.Allow
	add := func(nDenied, nAllowed, nChanged *int64) {
		switch {
		case denied:
			*nDenied++
		case allowed:
			*nAllowed++
		default:
			*nChanged++
		}
	}
	add(&d.report.Denied, &d.report.Allowed, &d.report.Changed)
	if denied {
		d.report.DeniedCost = llm.Add(d.report.DeniedCost, known(r))
		if worked(r) && !r.Price.Known {
			d.report.DeniedUnpriced++
		}
	}
	for by, name := range map[string]string{"key": cmp.Or(r.KeyName, r.KeyID), "team": r.Team, "model": r.Model} {
		g := slot(d.groups, groupKey{by, name}, groupKey{by, others})
		add(&g.Denied, &g.Allowed, &g.Changed)
		g.Cost = llm.Add(g.Cost, known(r))
	}
}

// slot returns the entry of a key; that of rest for a new key when there are too many.
func slot[K comparable, V any](m map[K]*V, key, rest K) *V {
	if m[key] == nil && len(m) >= maxTargets {
		key = rest
	}
	if m[key] == nil {
		m[key] = new(V)
	}
	return m[key]
}

func (d *PolicyDiff) count(c Change, r *llm.Record) {
	n := slot(d.changes, changeKey{c.What, c.Name, c.Rule}, changeKey{c.What, others, ""})
	n.Requests++
	n.Cost = llm.Add(n.Cost, known(r))
}

// servedBy returns the target that would have answered; nil if none would. It denies a
// request that after permits no target for.
func servedBy(r *llm.Record, before, after *llm.Decision, route []*llm.Target) *llm.Target {
	o := &after.Obligations
	if !after.Allow || !restricts(o) && o.Destination() == before.Obligations.Destination() || len(route) == 0 {
		return find(route, r.Target)
	}
	permitted := slices.DeleteFunc(slices.Clone(route), func(t *llm.Target) bool { return !permits(o, t) })
	if t := find(permitted, r.Target); t != nil {
		return t
	}
	for _, i := range r.ByRank() {
		if t := find(permitted, r.Candidates[i].Target); t != nil {
			return t
		}
	}
	if len(permitted) > 0 {
		return permitted[0]
	}
	if before.Allow {
		after.Allow = false
		after.Reasons = []llm.Reason{{Code: string(llm.CodeNoTarget), Message: "The policy permits none of the route's targets."}}
	}
	return nil
}

func find(route []*llm.Target, id string) *llm.Target {
	for _, t := range route {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// restricts reports whether obligations permit some targets only.
func restricts(o *llm.Obligations) bool {
	return len(o.AllowTargets)+len(o.DenyTargets)+len(o.DataClasses) > 0 || o.Regions != nil
}

func permits(o *llm.Obligations, t *llm.Target) bool {
	matches := func(p string) bool { return llm.MatchName(p, t.ID) }
	demands := llm.Demands{Classes: o.DataClasses, Regions: o.Regions}
	return demands.Refuses(t) == "" && (len(o.AllowTargets) == 0 || slices.ContainsFunc(o.AllowTargets, matches)) && !slices.ContainsFunc(o.DenyTargets, matches)
}

// reprice adds what a request would have cost at a target, if that or the output differs.
func (d *PolicyDiff) reprice(r *llm.Record, after *llm.Decision, t *llm.Target) {
	cost, _, changed := costAt(r, after, t)
	if !changed {
		return
	}
	d.report.Repriced.Requests++
	if cost == nil {
		d.report.Repriced.Unpriced++
		return
	}
	d.report.Repriced.Before = llm.Add(d.report.Repriced.Before, r.Cost)
	d.report.Repriced.After = llm.Add(d.report.Repriced.After, *cost)
}

// costAt returns what a request would have cost at a target, nil if a price is unknown, and what
// it would have used. changed is false if neither the target nor the output differs.
func costAt(r *llm.Record, after *llm.Decision, t *llm.Target) (cost *llm.NanoUSD, usage llm.Usage, changed bool) {
	limit := after.Obligations.MaxOutputTokens
	cut := limit > 0 && r.Usage.Output > limit
	if !worked(r) || t == nil || t.ID == r.Target && !cut {
		return nil, r.Usage, false
	}
	price, usage := r.Price, r.Usage
	if t.ID != r.Target { // whose prompt cache is taken not to hold the prompt
		price, usage = t.Price, elsewhere(r.Usage, 0)
	}
	if cut {
		usage.Output, usage.Reasoning, usage.BilledOutput = limit, min(usage.Reasoning, limit), min(usage.BilledOutput, limit)
	}
	if !r.Price.Known || !price.Known {
		return nil, usage, true
	}
	there := price.Cost(usage)
	return &there, usage, true
}

// Report returns what has been summed up.
func (d *PolicyDiff) Report() *PolicyReport {
	r := d.report
	r.Skipped = skips(d.skipped)
	r.Changes, r.Groups, r.Limits = []ChangeCount{}, []Group{}, d.limitCounts()
	for k, n := range d.changes {
		n.What, n.Name, n.Rule = k.what, k.name, k.rule
		r.Changes = append(r.Changes, *n)
	}
	slices.SortFunc(r.Changes, func(a, b ChangeCount) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.What, b.What), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Rule, b.Rule))
	})
	for k, g := range d.groups {
		g.By, g.Name = k.by, k.name
		r.Groups = append(r.Groups, *g)
	}
	slices.SortFunc(r.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(b.Denied+b.Allowed+b.Changed, a.Denied+a.Allowed+a.Changed), cmp.Compare(a.Name, b.Name))
	})
	return &r
}
