package policy

import (
	"cmp"
	"slices"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxNamed bounds the limits that are remembered for equal requests. Further ones are
// enforced, but the policy does not see their usage.
const maxNamed = 32

// usageUpTo is the largest percentage in input.usage.
const usageUpTo = 1000

// compareMeters orders limits by their meters.
func compareMeters(a, b llm.Limit) int {
	return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Window, b.Window), cmp.Compare(a.Unit, b.Unit))
}

// compareStrictness orders limits on the same meter: those that deny before those that
// warn, then the tighter one.
func compareStrictness(a, b llm.Limit) int {
	if a.Hard() != b.Hard() {
		if a.Hard() {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.Max, b.Max)
}

// mergeLimits adds the limits that a decision named to those known, one per meter, and
// reports whether anything changed. It does not change known. A limit that was named once
// stays, so that a policy that names it only sometimes does not alternate.
func mergeLimits(known, named []llm.Limit) ([]llm.Limit, bool) {
	merged, changed := known, false
	for _, l := range strictest(named) {
		at, ok := slices.BinarySearchFunc(merged, l, compareMeters)
		switch {
		case ok && merged[at] == l:
			continue
		case !ok && len(merged) >= maxNamed:
			continue
		}
		if !changed {
			merged, changed = slices.Clone(merged), true
		}
		if ok {
			merged[at] = l
		} else {
			merged = slices.Insert(merged, at, l)
		}
	}
	return merged, changed
}

// strictest keeps one limit for every meter. Names do not matter for usage.
func strictest(limits []llm.Limit) []llm.Limit {
	kept := slices.Clone(limits)
	slices.SortFunc(kept, func(a, b llm.Limit) int {
		return cmp.Or(compareMeters(a, b), compareStrictness(a, b))
	})
	return slices.CompactFunc(kept, func(a, b llm.Limit) bool { return compareMeters(a, b) == 0 })
}

// usage appends input.usage. Limits are in the order of compareMeters.
func (c *encoder) usage(p *plan, limits []llm.Limit, percent []int) {
	c.open(nameUsage)
	var scope, window string
	var scopeOpen, windowOpen bool
	for i, l := range limits {
		if i >= len(percent) || percent[i] < 0 || !p.hasMember(leafUsage, l.Scope) {
			continue
		}
		if windowOpen && (l.Scope != scope || l.Window != window) {
			c.close()
			windowOpen = false
		}
		if scopeOpen && l.Scope != scope {
			c.close()
			scopeOpen = false
		}
		if !scopeOpen {
			c.member(l.Scope)
			scope, scopeOpen = l.Scope, true
		}
		if !windowOpen {
			c.member(windowName(l))
			window, windowOpen = l.Window, true
		}
		c.string(string(l.Unit))
		c.int(int64(min(percent[i], usageUpTo)))
	}
	if windowOpen {
		c.close()
	}
	if scopeOpen {
		c.close()
	}
	c.close()
}

// member begins an object under a name that is not in names.
func (c *encoder) member(name string) {
	c.string(name)
	c.mark(markObject)
}

// windowName returns the window's name in input.usage.
func windowName(l llm.Limit) string {
	if l.Unit == llm.UnitConcurrent {
		return "now"
	}
	return l.Window
}
