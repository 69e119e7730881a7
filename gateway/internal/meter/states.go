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
		if c, err := m.peek(key{l.Scope, l.Window, l.Unit}, at); err == nil {
			states[i] = c.state(&l, 0)
		}
	}
	return states
}
