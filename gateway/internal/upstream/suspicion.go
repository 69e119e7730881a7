package upstream

import (
	"sync/atomic"
	"time"
)

// suspicion is that a key or an account is refused. One request's word does not
// suffice, however often it is tried: another one must meet the same refusal before it
// is confirmed, and no call may have succeeded in between. It is safe for concurrent
// use.
type suspicion struct{ first atomic.Pointer[accusation] }

type accusation struct {
	request string
	at      time.Time
}

// confirm notes a refusal and reports whether it is confirmed. Older ones than within
// do not count.
func (s *suspicion) confirm(now time.Time, request string, within time.Duration) bool {
	had := s.first.Load()
	if had == nil || now.Sub(had.at) > within {
		s.first.Store(&accusation{request, now})
		return false
	}
	if had.request == request {
		return false
	}
	s.dismiss()
	return true
}

// dismiss forgets what was noted: a call has succeeded.
func (s *suspicion) dismiss() {
	if s.first.Load() != nil {
		s.first.Store(nil)
	}
}
