package ratelimit

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxDelay bounds what a provider can ask for.
const MaxDelay = 24 * time.Hour

// Delay reads every form in which a delay is written: seconds ("2", "0.5"), Go
// durations ("1m0.2s"), HTTP and RFC 3339 dates, and Unix times in seconds or
// milliseconds. It is 0 for what it cannot read and for the past.
func Delay(s string, now time.Time) time.Duration {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0
	}
	// This is read off every reply, so nothing is tried that must fail: an error
	// costs more than the number.
	last := s[len(s)-1]
	if '0' <= last && last <= '9' {
		if n, err := strconv.ParseFloat(s, 64); err == nil {
			return DelayNumber(n, now)
		}
	}
	if last == 's' || last == 'm' || last == 'h' {
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0
		}
		return max(d, 0)
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(t.Sub(now), 0)
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return max(t.Sub(now), 0)
	}
	return 0
}

// DelayNumber reads a number as Delay does: a count of seconds, or a Unix time in
// seconds or milliseconds.
func DelayNumber(n float64, now time.Time) time.Duration {
	switch {
	case !(n > 0): // NaN too
		return 0
	case n > 1e11 && n < 1e15:
		return max(time.UnixMilli(int64(n)).Sub(now), 0)
	case n > 1e9 && n < 1e11:
		return max(time.Unix(int64(n), 0).Sub(now), 0)
	}
	return time.Duration(min(n, MaxDelay.Seconds()) * float64(time.Second))
}
