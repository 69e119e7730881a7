package httpapi

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// memory counts the bytes that all requests being served hold: their decompressed bodies
// and the plain replies that are read whole. It is safe for concurrent use.
type memory struct {
	// limit bounds all callers together, perCaller each of them, in bytes.
	limit, perCaller int64

	mu    sync.Mutex
	total int64
	// used is what each caller holds. A caller that holds nothing has no entry, so there
	// are never more entries than requests.
	used map[string]int64
}

func newMemory(limit, perCaller int64) *memory {
	return &memory{limit: limit, perCaller: perCaller, used: map[string]int64{}}
}

// memoryRetry is when a client should retry that was refused for lack of memory.
const memoryRetry = time.Second

// take counts n more bytes for a caller, or returns the error for a request that may not
// hold them.
func (m *memory) take(caller string, n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(caller, n); err != nil {
		return err
	}
	m.count(caller, n)
	return nil
}

// takeReply counts n more bytes of a reply. The provider has been paid for it, so replies
// may use as much again as requests may; what they use keeps new requests out.
func (m *memory) takeReply(caller string, n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.total+n > 2*m.limit {
		return m.full()
	}
	m.count(caller, n)
	return nil
}

// count adds n bytes that are allowed. The lock must be held.
func (m *memory) count(caller string, n int64) {
	m.total += n
	m.used[caller] += n
}

// fits returns the error of take without taking anything.
func (m *memory) fits(caller string, n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.check(caller, n)
}

// check returns the error if a caller may not hold n more bytes. The lock must be held.
func (m *memory) check(caller string, n int64) error {
	switch {
	case m.total+n > m.limit:
		return m.full()
	case m.used[caller]+n > m.perCaller:
		return &llm.Error{Code: llm.CodeRateLimited, Status: http.StatusTooManyRequests, RetryAfter: memoryRetry, Err: noMemory,
			Message: "Your running requests hold as much memory as one caller may use; try again when some of them have ended."}
	}
	return nil
}

func (m *memory) full() error {
	return &llm.Error{Code: llm.CodeOverloaded, Status: http.StatusServiceUnavailable, RetryAfter: memoryRetry, Err: noMemory,
		Message: "The running requests hold as much memory as the gateway may use for them; try again in a moment."}
}

// free returns n bytes that a caller has taken.
func (m *memory) free(caller string, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total -= n
	if m.used[caller] -= n; m.used[caller] <= 0 {
		delete(m.used, caller)
	}
}

// held returns how many bytes are counted now.
func (m *memory) held() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total
}

// hold counts n more bytes of the exchange's body.
func (x *exchange) hold(n int64) error {
	err := x.api.memory.take(x.memoryHolder(), n)
	if err == nil {
		x.heldBytes.Add(n)
	}
	return err
}

// holdReply counts n more bytes of a plain reply. It may be called by several goroutines.
func (x *exchange) holdReply(n int64) error {
	err := x.api.memory.takeReply(x.memoryHolder(), n)
	if err == nil {
		x.heldBytes.Add(n)
	}
	return err
}

// free returns n of the bytes that the exchange holds.
func (x *exchange) free(n int64) {
	if n > 0 {
		x.heldBytes.Add(-n)
		x.api.memory.free(x.memoryHolder(), n)
	}
}

// memoryHolder returns for whom memory is counted: the holder of the key, else the
// client's network. It is first called after the caller was authenticated.
func (x *exchange) memoryHolder() string {
	switch {
	case x.holder != "":
	case x.who.KeyID != "":
		x.holder = "key " + x.who.KeyID
	default:
		x.holder = clientNetwork(x.r.RemoteAddr)
	}
	return x.holder
}

// clientNetwork returns the address by which clients are told apart. With IPv6 that is
// the whole /64, which is what one customer is given.
func clientNetwork(remote string) string {
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
