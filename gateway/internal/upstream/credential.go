package upstream

import (
	"math"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/ratelimit"
)

// MaxCredentials bounds the credentials of one provider.
const MaxCredentials = 32

// Credential is one of several keys of a provider.
type Credential struct {
	// ID names it, as "provider#name". It is not secret.
	ID string
	// Weight is its share of the calls among those that can be used; it is more than 0.
	Weight float64
	// Signer puts it on calls.
	Signer Signer
	// account is what is known of it; other versions of the credential may share it.
	account *account
}

// NewCredential returns a credential of which nothing is known yet.
func NewCredential(id string, weight float64, s Signer) *Credential {
	return &Credential{ID: id, Weight: weight, Signer: s, account: &account{}}
}

// Inherit makes the credential go on from what is known of an older one with the same key.
// It must not be in use yet.
func (c *Credential) Inherit(old *Credential) { c.account = old.account }

// account is what all targets of a provider share of one credential: once its key or
// account is refused, none of them can use it.
type account struct {
	mu      sync.Mutex
	circuit circuit
	// refusals are of the key or the account itself.
	refusals refusals
}

// lane is a target with one credential.
type lane struct {
	account *account
	// circuit is for what the credential may not use here, though it is valid.
	circuit  circuit
	throttle throttle
	left     remaining
	// refusals are of the credential for this target alone.
	refusals refusals
}

// block is until when something must not be used, and why. The zero block means that it
// may be used.
type block struct {
	until time.Time
	why   string
}

func blocked(until time.Time, why string) block {
	if until.IsZero() {
		return block{}
	}
	return block{until, why}
}

// and returns the block that ends last.
func (b block) and(other block) block {
	if other.until.After(b.until) {
		return other
	}
	return b
}

// laneOf returns the target's lane of the i-th credential, or of the provider's only one
// when there are none. The target's lock is held.
func (t *target) laneOf(credentials []*Credential, i int) *lane {
	a := &t.of.account
	if len(credentials) > 0 {
		a = credentials[i].account
	}
	for _, l := range t.lanes {
		if l.account == a {
			return l
		}
	}
	if len(t.lanes) >= 2*MaxCredentials {
		t.lanes = t.lanes[1:] // the oldest, which a reload has replaced
	}
	l := &lane{account: a, left: remaining{said: ratelimit.Unknown()}}
	t.lanes = append(t.lanes, l)
	return l
}

// block returns until when a lane must not be used, and why. throttled is until when it
// must not be after a 429. The target's lock is held.
func (l *lane) block(now time.Time, maxProbe time.Duration, throttled time.Time) block {
	b := blocked(l.circuit.blockedUntil(now, maxProbe), l.circuit.why)
	l.account.mu.Lock()
	b = b.and(blocked(l.account.circuit.blockedUntil(now, maxProbe), l.account.circuit.why))
	l.account.mu.Unlock()
	if now.Before(throttled) {
		b = b.and(block{throttled, string(llm.FaultRateLimited)})
	}
	return b
}

// free reports whether nothing speaks against using a lane: no pause after a 429 that the
// provider has set no time for, and no limit that is used up.
func (l *lane) free(now time.Time) bool {
	requests, tokens := l.left.requests(now), l.left.tokens(now)
	return !now.Before(l.throttle.until) && requests.count != 0 && tokens.count != 0
}

// lanes returns how many lanes a target has with these credentials.
func lanes(credentials []*Credential) int { return max(len(credentials), 1) }

// blockOf returns until when the i-th lane must not be used. hint counts a pause, too, that
// the provider has not asked for. The target's lock is held.
func (h *Health) blockOf(t *target, credentials []*Credential, i int, now time.Time, hint bool) block {
	l := t.laneOf(credentials, i)
	throttled := l.throttle.asked
	if hint {
		throttled = l.throttle.until
	}
	b := l.block(now, h.o.MaxOpen, throttled)
	if len(credentials) > 0 {
		b = b.and(h.openings.block(credentials[i].ID, now))
	}
	return b
}

// Asking is a request that asks a target.
type Asking struct {
	// Request is its id. Session is what the requests of one conversation share; empty
	// means none.
	Request, Session string
	// Tokens is how many the provider will probably count for it.
	Tokens int64
	// Credentials are the provider's; none means that it has only one, or needs none.
	Credentials []*Credential
	// Not are the IDs of credentials that it has been refused with.
	Not []string
	// LastResort says that no other target can serve it: the target is asked although its circuit
	// is open, one request at a time and no sooner than a second after it was opened.
	LastResort bool
}

// choose returns the number of the lane that a request uses: of those that can be used and
// are free, else of those that can be used, the one that comes first by a weighted
// rendezvous hash. It hashes the session, so that a conversation keeps to the credential
// whose account has its prompt cached, and without one the request, which spreads requests
// by weight. skip is a set of lanes that are left out. The target's lock is held.
func (h *Health) choose(t *target, a *Asking, now time.Time, skip uint64) (best int, free, ok bool) {
	key, most := a.Session, 0.0
	if key == "" {
		key = a.Request
	}
	for i := range lanes(a.Credentials) {
		if skip&(1<<i) != 0 || a.refused(i) || h.blockOf(t, a.Credentials, i, now, false).why != "" {
			continue
		}
		isFree := t.laneOf(a.Credentials, i).free(now)
		if score := a.score(key, i); !ok || isFree && !free || isFree == free && score > most {
			best, most, free, ok = i, score, isFree, true
		}
	}
	return best, free, ok
}

func (a *Asking) refused(i int) bool {
	if len(a.Credentials) == 0 {
		return false
	}
	for _, id := range a.Not {
		if id == a.Credentials[i].ID {
			return true
		}
	}
	return false
}

// score is the place of a credential in the order of a session or request.
func (a *Asking) score(key string, i int) float64 {
	if len(a.Credentials) < 2 {
		return 1
	}
	hash := llm.StickyHash(key, a.Credentials[i].ID)
	u := (float64(hash>>11) + 0.5) / (1 << 53) // evenly between 0 and 1, both excluded
	return a.Credentials[i].Weight / -math.Log(u)
}

// Spare reports whether another credential than those that a request was refused with is
// free, so that it can ask the target again at once.
func (h *Health) Spare(id string, a Asking) bool {
	t, now := h.findOrAdd(id, h.o.Known), h.now()
	if len(a.Credentials) < 2 || h.openings.block(id, now).why != "" {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.circuit.blockedUntil(now, h.o.MaxOpen).IsZero() {
		return false
	}
	_, free, _ := h.choose(t, &a, now, 0)
	return free
}
