package labels

import (
	"sync"
	"time"
)

// failures is after how many failures in a row an endpoint is left alone, rest for how long.
// One request asks it then, and those that come meanwhile do not.
const (
	failures = 3
	rest     = 10 * time.Second
)

// breakers are those of all endpoints, by what is asked. There are as many as the
// configuration names.
type breakers struct {
	mu sync.Mutex
	of map[string]breaker
}

type breaker struct {
	failed int
	until  time.Time
}

// wait returns how long an endpoint is not to be asked; 0 when it may be. Once its rest is
// over, the first request that asks keeps the others away until it is done.
func (b *breakers) wait(name string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := b.of[name]
	if one.failed < failures {
		return 0
	}
	if left := one.until.Sub(now); left > 0 {
		return left
	}
	one.until = now.Add(rest)
	b.of[name] = one
	return 0
}

// done notes what came of asking an endpoint.
func (b *breakers) done(name string, now time.Time, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of == nil {
		b.of = map[string]breaker{}
	}
	one := b.of[name]
	if one.failed++; ok {
		one = breaker{}
	}
	if one.failed >= failures {
		one.until = now.Add(rest)
	}
	b.of[name] = one
}

// released lets the next request ask an endpoint whose answer was not waited for.
func (b *breakers) released(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if one, ok := b.of[name]; ok {
		one.until = time.Time{}
		b.of[name] = one
	}
}
