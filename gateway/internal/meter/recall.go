package meter

import "github.com/penstock/penstock/gateway/internal/llm"

// Recall notes the maxima that an earlier process knew of limits, for display, where no request has
// told them since. Limits that count nothing are skipped: they are not displayed.
func (m *Meter) Recall(limits []llm.LimitState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range limits {
		l := &limits[i].Limit
		if c := m.counters[key{l.Scope, l.Window, l.Unit}]; c != nil && c.max == 0 && l.Hard() {
			c.max = l.Max - l.Raised
		}
	}
}
