package cache

import (
	"crypto/sha256"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Wait returns when Get finds every entry that was put before, or ristretto has dropped it.
func (c *Cache) Wait() { c.store.Wait() }

// NewKey hashes the parts alone.
func NewKey(parts ...[]byte) Key {
	h := sha256.New()
	for _, p := range parts {
		writePart(h, p)
	}
	return sum(h)
}

// CanonicalRequest appends the canonical form of a body, which its key is made of.
func CanonicalRequest(dst, body []byte, f llm.Facts) []byte {
	var w canon
	w.request(body, f, isBookkeeping)
	return append(dst, w.out...)
}

// SlotKey is the key of a request's slot.
func (c *Cache) SlotKey(req *llm.Request, route *llm.Route, d *llm.Decision) Key {
	return c.slotKey(req, route, d)
}
