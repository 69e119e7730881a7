package activity

import "time"

// Outage is a time in which a target's circuit was not closed.
type Outage struct {
	// To is zero while it lasts.
	From, To time.Time
	// Why is the kind of failure that it began with, or operator.
	Why string
}

const (
	// maxOutages bounds the outages of one target; the oldest are dropped.
	maxOutages = 100
	// maxFailing bounds the targets with outages that are kept.
	maxFailing = 1000
	// sameOutage is the time closed up to which two outages are one: a circuit that opens again
	// and again has one band in a chart, not hundreds.
	sameOutage = time.Minute
)

// SetCircuits notes which targets' circuits are not closed now, each with its cause.
func (a *Activity) SetCircuits(open map[string]string) {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, list := range a.outages {
		last := &list[len(list)-1]
		if _, is := open[id]; !is && last.To.IsZero() {
			last.To = now
		}
		if !last.To.IsZero() && now.Sub(last.To) > Steps*Step {
			delete(a.outages, id)
		}
	}
	for id, why := range open {
		a.addOutage(id, why, now)
	}
}

func (a *Activity) addOutage(id, why string, now time.Time) {
	list := a.outages[id]
	if n := len(list); n > 0 && (list[n-1].To.IsZero() || now.Sub(list[n-1].To) <= sameOutage) {
		list[n-1].To = time.Time{}
		return
	}
	if list == nil && len(a.outages) >= maxFailing {
		return
	}
	list = append(list, Outage{From: now, Why: why})
	a.outages[id] = list[max(len(list)-maxOutages, 0):]
}

// Outages returns the outages of each target that were not over 24 hours ago, the oldest first.
func (a *Activity) Outages() map[string][]Outage {
	a.mu.Lock()
	defer a.mu.Unlock()
	oldest := a.starts()[0]
	all := map[string][]Outage{}
	for id, list := range a.outages {
		for _, o := range list {
			if o.To.IsZero() || o.To.After(oldest) {
				all[id] = append(all[id], o)
			}
		}
	}
	return all
}
