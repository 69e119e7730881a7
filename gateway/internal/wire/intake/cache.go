package intake

import (
	"strconv"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxCacheAge bounds ttl and s-maxage.
const maxCacheAge = 366 * 24 * time.Hour

// cacheMember reads the gateway's own member "cache", in the form that LiteLLM
// clients send, and notes its span so that it can be cut.
func (s *scanner) cacheMember(m *members) bool {
	first, start := m.count == 1, m.at
	if !s.cacheObject() {
		return false
	}
	s.facts.CacheAt = s.cut(start, first)
	return true
}

func (s *scanner) cacheObject() bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	c := &s.cache
	m, ok := s.open(cacheControl)
	for ok && s.next(&m) {
		switch m.field {
		case fTTL:
			ok = s.seconds("cache.ttl", &c.TTL, &c.NoStore)
		case fSMaxAge:
			ok = s.seconds("cache.s-maxage", &c.MaxAge, &c.NoCache)
		case fNoCache:
			ok = s.forbid("cache.no-cache", true, &c.NoCache)
		case fNoStore:
			ok = s.forbid("cache.no-store", true, &c.NoStore)
		case fNamespace:
			c.Namespace, ok = s.bounded("cache.namespace", maxNamespaceBytes)
		case fUseCache:
			ok = s.forbid("cache.use-cache", false, &c.NoCache, &c.NoStore) // only a route turns the cache on
		default:
			return s.refuse(m.at, s.path(cacheControl, m.name.String()),
				"cache takes ttl, s-maxage, no-cache, no-store, use-cache and namespace only.")
		}
	}
	return s.OK()
}

// forbid reads a flag that forbids something when it has a value. What another member forbids
// stays forbidden.
func (s *scanner) forbid(param string, when bool, what ...*bool) bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	var set bool
	var ignored llm.Span
	ok := s.flag(param, &set, &ignored)
	for _, w := range what {
		*w = *w || set == when
	}
	return ok
}

// seconds reads a duration. Zero sets the flag instead: kept for no time is not
// kept, of no age is fresh.
func (s *scanner) seconds(param string, to *time.Duration, zero *bool) bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	at := s.Pos()
	if s.Peek() == '-' {
		return s.refuse(at, param, "%s may not be negative.", param)
	}
	if !isDigit(s.Peek()) {
		return s.wrongType(param, "a number of seconds")
	}
	if !s.value() {
		return false
	}
	n, err := strconv.ParseFloat(string(s.body[at:s.Pos()]), 64)
	if err != nil || n > maxCacheAge.Seconds() {
		return s.refuse(at, param, "%s may be at most %.0f seconds.", param, maxCacheAge.Seconds())
	}
	*to = time.Duration(n * float64(time.Second))
	*zero = *zero || *to == 0
	return true
}

// cut widens the span of a member that starts at start and ends at pos by one
// comma: the one before it, or the one after it when it is the first.
func (s *scanner) cut(start int, first bool) llm.Span {
	if !first {
		for start--; s.body[start] != ','; start-- {
		}
		return s.span(start)
	}
	end := s.Pos()
	for end < len(s.body) && s.body[end] != ',' && s.body[end] != '}' {
		end++
	}
	if end < len(s.body) && s.body[end] == ',' {
		end++
	}
	return llm.Span{Start: start, End: end}
}
