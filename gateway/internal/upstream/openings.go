package upstream

import (
	"maps"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Indefinitely is the time until which something is open that has no end.
func Indefinitely() time.Time { return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }

// maxOpenings bounds how many targets and credentials operators can have open.
const maxOpenings = 1000

// openings are the targets and credentials that operators have opened, by their IDs, and
// until when. They do not depend on calls, nor on whether a target is remembered.
type openings struct {
	mu  sync.RWMutex
	ids map[string]time.Time
}

func (o *openings) block(id string, now time.Time) block {
	o.mu.RLock()
	until, ok := o.ids[id]
	o.mu.RUnlock()
	if !ok || !now.Before(until) {
		return block{}
	}
	return block{until, llm.CoolingForOperator}
}

// Open lets no call through to a target, or with a credential, until the given time or
// until it is closed. Calls in flight go on. It reports whether there was room to note it.
func (h *Health) Open(id string, until time.Time) bool {
	return h.openings.open(h.now(), id, until)
}

func (o *openings) open(now time.Time, id string, until time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.DeleteFunc(o.ids, func(_ string, until time.Time) bool { return !now.Before(until) })
	if _, has := o.ids[id]; !has && len(o.ids) >= maxOpenings {
		return false
	}
	if o.ids == nil {
		o.ids = map[string]time.Time{}
	}
	o.ids[id] = until
	return true
}

func (o *openings) close(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.ids, id)
}

// RetainOpenings drops the openings of what is not to be kept.
func (o *openings) RetainOpenings(keep func(id string) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.DeleteFunc(o.ids, func(id string, _ time.Time) bool { return !keep(id) })
}

// CloseTarget lets calls through to a target at once: it ends what an operator has opened,
// and forgets the failures of the target and of its credentials there. A provider's only
// credential, which has no name of its own, is closed with its targets.
func (h *Health) CloseTarget(id string, credentials ...*Credential) {
	h.openings.close(id)
	t := h.findOrAdd(id, h.o.Known)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.circuit.close()
	t.errors = errorRates{}
	for i := range lanes(credentials) {
		t.laneOf(credentials, i).close()
	}
	if len(credentials) == 0 {
		t.of.account.close()
	}
}

// CloseCredential lets calls through with a credential at once, as CloseTarget does.
func (h *Health) CloseCredential(c *Credential) {
	h.openings.close(c.ID)
	c.account.close()
	for _, t := range h.all() {
		t.closeLanes(c.account)
	}
}

func (t *target) closeLanes(a *account) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.lanes {
		if l.account == a {
			l.close()
		}
	}
}

func (l *lane) close() {
	l.circuit.close()
	l.throttle.clear()
	l.refusals.reset()
}

func (a *account) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.circuit.close()
	a.refusals.reset()
}
