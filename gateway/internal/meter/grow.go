package meter

import "github.com/penstock/penstock/gateway/internal/llm"

// Grow raises a reservation that a request has outrun to what it has used, ask.Least, and as
// far beyond as hard limits have room for, up to ask.Most. It returns the output that is
// reserved then. Limits that deny are overdrawn by what was used, and deny
// later requests. The states are those that Reserve has returned.
//
// The error is an *llm.Error that names a limit that cuts and has no room for what was used.
// Then nothing has changed. What is reserved is never lowered.
func (m *Meter) Grow(name string, states []llm.LimitState, ask llm.Ask) (output int64, err error) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.leases[name]
	if l == nil {
		return ask.Most, nil
	}
	output, least, want := ask.Most, ask.Amounts(ask.Least), ask.Amounts(ask.Most)
	for i := range states {
		limit := &states[i].Limit
		h := l.find(key{limit.Scope, limit.Window, limit.Unit})
		if h == nil || !limit.Hard() {
			continue
		}
		need, left := least.Of(limit.Unit), limit.Max-(h.total().used()-h.amount)
		if need > h.amount && need > left && limit.Cuts() {
			return 0, cut(limit, h, now.In(h.of.zone(m.loc)))
		}
		if allowed := max(need, left, h.amount); want.Of(limit.Unit) > allowed {
			output = min(output, mostOutput(ask, limit.Unit, allowed))
		}
	}
	want = ask.Amounts(output)
	for i := range l.holds {
		h := &l.holds[i]
		h.grow(want.Of(h.of.unit))
	}
	return output, nil
}
