package httpapi

import (
	"cmp"
	"time"
)

// Limits bounds one server. Zero values mean the defaults given.
type Limits struct {
	// Body is the most bytes a request body may have, decompressed; 32 MiB.
	Body int64
	// Header is how long a client may take to send its headers; 5 s.
	Header time.Duration
	// Bodies is the most bytes that all requests being served may hold together: their
	// bodies, decompressed, and plain replies. 512 MiB. Beyond it requests are refused with
	// 503.
	Bodies int64
	// BodiesPerCaller is the same for one key, or for one address where there is no key;
	// half of Bodies, but no less than Body.
	BodiesPerCaller int64
	// BodyTime is how long a body may take to arrive; 2 min.
	BodyTime time.Duration
	// BodyStall is how long a body may pause, and the grace before a body slower than
	// 8 KiB/s is cut; 10 s.
	BodyStall time.Duration
	// Write is how long a client may go without taking a byte of its reply; 30 s. It
	// holds on a Listener.
	Write time.Duration
	// Idle is how long an unused connection is kept; 2 min.
	Idle time.Duration
	// Requests is how many requests to the data handler may be served at once; 16,384.
	// Beyond it requests wait, or are refused with 503. RequestsPerCaller is how many of them
	// one key may have, waiting ones included, or one address where there is no key; 0 is no
	// limit. Beyond it requests are refused with 429.
	Requests          int64
	RequestsPerCaller int
	// Queue is how many requests may wait, and QueueWait how long each may; with 0 none does.
	Queue     int
	QueueWait time.Duration
}

func (l Limits) withDefaults() Limits {
	l.Body = cmp.Or(l.Body, 32<<20)
	l.Header = cmp.Or(l.Header, 5*time.Second)
	l.Bodies = cmp.Or(l.Bodies, 512<<20)
	l.BodiesPerCaller = cmp.Or(l.BodiesPerCaller, max(l.Bodies/2, l.Body))
	l.BodyTime = cmp.Or(l.BodyTime, 2*time.Minute)
	l.BodyStall = cmp.Or(l.BodyStall, 10*time.Second)
	l.Write = cmp.Or(l.Write, 30*time.Second)
	l.Idle = cmp.Or(l.Idle, 2*time.Minute)
	l.Requests = cmp.Or(l.Requests, 16_384)
	return l
}
