package cache

import (
	"crypto/sha256"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Wait returns when Get finds every entry that was put before, or ristretto has dropped it.
func (c *Cache) Wait() { c.store.Wait() }

// NewKey hashes the parts alone.
func NewKey(parts ...[]byte) Key {
	var w canon
	for _, p := range parts {
		w.part(string(p))
	}
	return sha256.Sum256(w.out)
}

// CanonicalRequest appends the canonical text of a request's body, which its key is made of.
func CanonicalRequest(dst []byte, req *llm.Request) []byte {
	var w canon
	w.request(req.Body, formOf(req))
	return append(dst, w.out...)
}

// WholeRequest is the canonical text of a body on a route with transforms.
func WholeRequest(body []byte) []byte {
	var w canon
	w.request(body, wholeForm)
	return w.out
}

// SlotKey is the key of a request's slot.
func (c *Cache) SlotKey(req *llm.Request, route *llm.Route, d *llm.Decision) Key {
	return c.read(req, route, d).key
}

// Flights returns how many keys have a reply under way.
func (c *Cache) Flights() int {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	return len(c.flights.byKey)
}
