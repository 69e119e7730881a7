package telemetry

import "sync"

// names keeps the first limit values of a label and replaces later ones by other. The
// empty value, whose label is none, does not count.
type names struct {
	limit int
	mu    sync.RWMutex
	seen  map[string]struct{}
}

func (n *names) fold(value string) string {
	if value == "" || value == other {
		return value
	}
	n.mu.RLock()
	_, ok := n.seen[value]
	full := len(n.seen) >= n.limit
	n.mu.RUnlock()
	switch {
	case ok:
		return value
	case full:
		return other
	}
	return n.add(value)
}

func (n *names) add(value string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.seen[value]; ok {
		return value
	}
	if len(n.seen) >= n.limit {
		return other
	}
	if n.seen == nil {
		n.seen = make(map[string]struct{})
	}
	n.seen[value] = struct{}{}
	return value
}
