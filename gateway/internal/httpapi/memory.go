package httpapi

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// memory counts the bytes that all requests in hand hold: their bodies as they are
// after inflating, and the plain replies that are read whole. It is safe for
// concurrent use.
type memory struct {
	// limit bounds all callers together, share one caller, in bytes.
	limit, share int64

	mu    sync.Mutex
	total int64
	// used is what each caller holds; one that holds nothing has no entry, so there are
	// never more entries than requests.
	used map[string]int64
}

func newMemory(limit, share int64) *memory {
	return &memory{limit: limit, share: share, used: map[string]int64{}}
}

// memoryRetry is when somebody who was refused for want of memory may come back.
const memoryRetry = time.Second

// take counts n more bytes for a caller, or says why they may not be held.
func (m *memory) take(caller string, n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.room(caller, n); err != nil {
		return err
	}
	m.count(caller, n)
	return nil
}

// takeReply counts n more bytes of a reply. A provider has been paid for it, so it may
// use as much again as requests may; what it uses keeps new requests out.
func (m *memory) takeReply(caller string, n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.total+n > 2*m.limit {
		return m.full()
	}
	m.count(caller, n)
	return nil
}

// count adds what has been allowed. The lock must be held.
func (m *memory) count(caller string, n int64) {
	m.total += n
	m.used[caller] += n
}

// fits reports whether n more bytes could be taken now, without taking them.
func (m *memory) fits(caller string, n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.room(caller, n)
}

// room is take's decision. The lock must be held.
func (m *memory) room(caller string, n int64) error {
	switch {
	case m.total+n > m.limit:
		return m.full()
	case m.used[caller]+n > m.share:
		return &llm.Error{Code: llm.CodeRateLimited, Status: http.StatusTooManyRequests, RetryAfter: memoryRetry,
			Message: "The requests that you have under way hold as much memory as one caller may use; try again when some of them are over."}
	}
	return nil
}

func (m *memory) full() error {
	return &llm.Error{Code: llm.CodeUnavailable, Status: http.StatusServiceUnavailable, RetryAfter: memoryRetry,
		Message: "The requests under way hold as much memory as the gateway may use for them; try again in a moment."}
}

// give returns what a caller has taken.
func (m *memory) give(caller string, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total -= n
	if m.used[caller] -= n; m.used[caller] <= 0 {
		delete(m.used, caller)
	}
}

// held is how many bytes are counted now.
func (m *memory) held() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total
}

// hold counts n more bytes of the exchange's body.
func (x *exchange) hold(n int64) error {
	err := x.api.memory.take(x.caller(), n)
	if err == nil {
		x.holding += n
	}
	return err
}

// holdReply counts n more bytes of a plain reply.
func (x *exchange) holdReply(n int64) error {
	err := x.api.memory.takeReply(x.caller(), n)
	if err == nil {
		x.holding += n
	}
	return err
}

// letGo gives back n bytes of what the exchange holds.
func (x *exchange) letGo(n int64) {
	if n > 0 {
		x.holding -= n
		x.api.memory.give(x.caller(), n)
	}
}

// caller is who shares a share of the memory: the holder of a key, else an address. It
// is first asked once it is known who that is.
func (x *exchange) caller() string {
	switch {
	case x.sharer != "":
	case x.who.KeyID != "":
		x.sharer = "key " + x.who.KeyID
	default:
		x.sharer = network(x.r.RemoteAddr)
	}
	return x.sharer
}

// network is the address that a connection comes from, as somebody is told apart by
// it. With IPv6 that is the whole /64, which is what one customer is given.
func network(remote string) string {
	addr, err := netip.ParseAddrPort(remote)
	if err != nil {
		return ""
	}
	ip := addr.Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, _ := ip.Prefix(64) // an IPv6 address has 128 bits
	return prefix.String()
}
