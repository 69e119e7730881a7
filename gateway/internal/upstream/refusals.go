package upstream

import "time"

// refusals confirms that a key or an account is refused. One request is not enough,
// however often it is tried: another one must get the same refusal, and no call may
// succeed in between.
type refusals struct {
	// request is the first one that was refused, and at when that was; zero means none.
	request string
	at      time.Time
}

// confirm notes a refusal and reports whether it confirms one of another request, at
// most within ago.
func (r *refusals) confirm(now time.Time, request string, within time.Duration) bool {
	if r.at.IsZero() || now.Sub(r.at) > within {
		*r = refusals{request, now}
		return false
	}
	if r.request == request {
		return false
	}
	r.reset()
	return true
}

// reset forgets what was noted, because a call has succeeded.
func (r *refusals) reset() { *r = refusals{} }
