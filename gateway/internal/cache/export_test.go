package cache

import (
	"crypto/sha256"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Wait returns once everything put before is either seen by Get or dropped.
func (c *Cache) Wait() { c.store.Wait() }

// NewKey hashes the parts alone.
func NewKey(parts ...[]byte) Key {
	h := sha256.New()
	for _, p := range parts {
		writePart(h, p)
	}
	return sum(h)
}

// CanonicalRequest appends the form of a body that its key is made of.
func CanonicalRequest(dst, body []byte, f llm.Facts) []byte {
	var w canon
	w.request(body, f, isBookkeeping)
	return append(dst, w.out...)
}

// SlotKey is the key of a request's slot.
func (c *Cache) SlotKey(req *llm.Request, route *llm.Route, d *llm.Decision) Key {
	return c.slotKey(req, route, d)
}
