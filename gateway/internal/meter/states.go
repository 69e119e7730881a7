package meter

import (
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// States returns the limits with their counters at that time, in their order, as Reserve
// would for a request that takes nothing. It takes nothing and changes no counter. A limit that cannot
// be counted is left without counters: Reserve returns what is wrong with it.
func (m *Meter) States(limits []llm.Limit, at time.Time) []llm.LimitState {
	m.mu.Lock()
	defer m.mu.Unlock()
	states := make([]llm.LimitState, len(limits))
	for i, l := range limits {
		states[i].Limit = l
		b, err := m.peek(key{l.Scope, l.Window, l.Unit}, at)
		if err != nil {
			continue
		}
		used := llm.Add(b.spent, b.reserved)
		states[i] = llm.LimitState{Limit: l, WindowID: b.id, Before: used, ResetsAt: b.resetsAt(), Exceeded: used > l.Max}
	}
	return states
}
