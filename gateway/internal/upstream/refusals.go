package upstream

import (
	"sync/atomic"
	"time"
)

// refusals confirms that a key or an account is refused. One request is not enough,
// however often it is tried: another one must get the same refusal, and no call may
// succeed in between. It is safe for concurrent use.
type refusals struct{ first atomic.Pointer[refusal] }

type refusal struct {
	request string
	at      time.Time
}

// confirm notes a refusal and reports whether it confirms one of another request, at
// most within ago.
func (r *refusals) confirm(now time.Time, request string, within time.Duration) bool {
	had := r.first.Load()
	if had == nil || now.Sub(had.at) > within {
		r.first.Store(&refusal{request, now})
		return false
	}
	if had.request == request {
		return false
	}
	r.reset()
	return true
}

// reset forgets what was noted, because a call has succeeded.
func (r *refusals) reset() {
	if r.first.Load() != nil {
		r.first.Store(nil)
	}
}
