package upstream

import (
	"slices"
	"sync"
	"time"
)

const (
	// maxChangesOfTarget is how many changes of one target wait to be taken, maxChanges how many
	// of all targets.
	maxChangesOfTarget = 4
	maxChanges         = 4096
)

// Change is a change of the state of a target, as State returns it. From is the To of the
// target's change before.
type Change struct {
	Target, From string
	To           State
	Time         time.Time
}

// changes are the changes of states that have not been taken yet. A change that there is no room
// for is dropped: the target's next one is from the state that was noted last, so that its
// latest state is known in the end.
type changes struct {
	mu sync.Mutex
	// targets are those that are not closed, or for which changes wait. All others are closed.
	targets map[string]notedState
	list    []Change
	dropped uint64
}

// notedState is the state of a target as the latest change in the list, or before it, has it, and
// the one that was seen last. They differ when a change was dropped. waiting counts its changes
// in the list.
type notedState struct {
	noted, seen string
	waiting     int
}

// note notes the state of a target if it has changed. isCurrent reports whether it is still that
// of the target; it is only called if so. It does not wait for I/O.
func (c *changes) note(id string, to State, now time.Time, isCurrent func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.targets[id]
	if !ok {
		t = notedState{noted: Closed, seen: Closed}
	}
	if to.State == t.seen && to.State == t.noted || !isCurrent() {
		return
	}
	switch {
	case to.State == t.noted:
		c.dropped++ // the change to another state was not noted, so this one back is not either
	case to.State == Open && c.withdrawProbe(id):
		t.noted = Open
		t.waiting--
	case t.waiting < maxChangesOfTarget && len(c.list) < maxChanges:
		c.list = append(c.list, Change{Target: id, From: t.noted, To: to, Time: now})
		t.noted = to.State
		t.waiting++
	case to.State != t.seen:
		c.dropped++
	}
	t.seen = to.State
	c.keep(id, t)
}

// withdrawProbe removes the change of a target from open to half-open if that is its latest and
// waits: the probe has failed at once. Else an outage would be two changes for each probe. The
// lock is held.
func (c *changes) withdrawProbe(id string) bool {
	for i, change := range slices.Backward(c.list) {
		if change.Target == id {
			if change.From != Open || change.To.State != HalfOpen {
				return false
			}
			c.list = slices.Delete(c.list, i, i+1)
			return true
		}
	}
	return false
}

// keep remembers a target unless nothing is to be known of it. The lock is held.
func (c *changes) keep(id string, t notedState) {
	switch {
	case t == notedState{noted: Closed, seen: Closed}:
		delete(c.targets, id)
	case c.targets == nil:
		c.targets = map[string]notedState{id: t}
	default:
		c.targets[id] = t
	}
}

// TakeChanges returns the changes of targets' states since it was called last, oldest first, if
// HealthOptions.Changes is set. A change that comes with time, such as from open to half-open, is
// noted by the next call of State or Begin for its target. At most four changes of one target
// wait; what comes after them is summed up in one. A probe that fails before its beginning is taken
// is no change.
func (h *Health) TakeChanges() []Change {
	c := &h.changes
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.list
	c.list = nil
	for id, t := range c.targets {
		t.waiting = 0
		c.keep(id, t)
	}
	return list
}

// DroppedChanges returns how many changes have not been noted, for lack of room, since the start.
func (h *Health) DroppedChanges() uint64 {
	h.changes.mu.Lock()
	defer h.changes.mu.Unlock()
	return h.changes.dropped
}

// Retain drops what is known of providers that are not among these, and of targets that are not to
// be kept, as registry.Retain does; their changes end without being noted.
func (h *Health) Retain(providers []string, keep func(id string) bool) {
	h.registry.Retain(providers, keep)
	h.changes.mu.Lock()
	defer h.changes.mu.Unlock()
	for id := range h.changes.targets {
		if !keep(id) || !slices.Contains(providers, providerOf(id)) {
			delete(h.changes.targets, id)
		}
	}
}

// noteState notes the state of a target if it has changed. The target's lock is held.
func (h *Health) noteState(id string, t *target, credentials []*Credential, now time.Time) {
	if h.o.Changes && !t.shared {
		h.changes.note(id, h.stateOfTarget(id, t, credentials, now), now, func() bool { return h.find(id) == t })
	}
}
