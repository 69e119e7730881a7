package upstream

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds what a provider can ask for.
const maxRetryAfter = 24 * time.Hour

// retryAfter is how long a provider asks to be left alone, from the headers or the
// body of an error reply; 0 means that it does not say. It is at most a day.
func retryAfter(h http.Header, body []byte, now time.Time) time.Duration {
	for _, say := range [...]func(http.Header, []byte, time.Time) time.Duration{
		retryHeaders, retryInfo, resetHeaders, retryText,
	} {
		if d := say(h, body, now); d > 0 {
			return min(d, maxRetryAfter)
		}
	}
	return 0
}

// retryHeaders reads the headers that say it outright. Azure sends a retry-after-ms
// of 0 beside a retry-after of 1: zero says nothing.
func retryHeaders(h http.Header, _ []byte, now time.Time) time.Duration {
	for _, name := range [...]string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if ms, err := strconv.ParseFloat(h.Get(name), 64); err == nil && ms > 0 {
			return time.Duration(min(ms, float64(maxRetryAfter/time.Millisecond)) * float64(time.Millisecond))
		}
	}
	return delay(h.Get("Retry-After"), now)
}

// delay reads every form in which a delay is written: seconds ("2", "0.5"), Go
// durations ("1m0.2s"), HTTP and RFC 3339 dates, and Unix times in seconds or
// milliseconds. It is 0 for what it cannot read and for the past.
func delay(s string, now time.Time) time.Duration {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0
	}
	// This is read off every reply, so nothing is tried that must fail: an error
	// costs more than the number.
	last := s[len(s)-1]
	if '0' <= last && last <= '9' {
		if n, err := strconv.ParseFloat(s, 64); err == nil {
			return delayNumber(n, now)
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

func delayNumber(n float64, now time.Time) time.Duration {
	switch {
	case !(n > 0): // NaN too
		return 0
	case n > 1e11 && n < 1e15:
		return max(time.UnixMilli(int64(n)).Sub(now), 0)
	case n > 1e9 && n < 1e11:
		return max(time.Unix(int64(n), 0).Sub(now), 0)
	}
	return time.Duration(min(n, maxRetryAfter.Seconds()) * float64(time.Second))
}

// retryInfo reads Google's RetryInfo, which comes in the body only, and the
// estimate of Hugging Face for a model that is being loaded.
func retryInfo(_ http.Header, body []byte, now time.Time) time.Duration {
	var b struct {
		Error json.RawMessage
		// Estimated is in seconds.
		Estimated float64 `json:"estimated_time"`
		// RetryAfterMS is how plugins' dialects say it.
		RetryAfterMS float64 `json:"retry_after_ms"`
	}
	if list := array(body); len(list) > 0 {
		body = list[0]
	}
	if json.Unmarshal(body, &b) != nil {
		return 0
	}
	var inner struct {
		Details []struct{ RetryDelay string }
	}
	if json.Unmarshal(b.Error, &inner) == nil {
		for _, d := range inner.Details {
			if d.RetryDelay != "" {
				return delay(d.RetryDelay, now)
			}
		}
	}
	if b.RetryAfterMS > 0 {
		return delayNumber(min(b.RetryAfterMS/1000, maxRetryAfter.Seconds()), now)
	}
	return delayNumber(b.Estimated, now)
}

// resetHeaders reads when a limit that is used up is filled again: of several, the
// last. A limit that says nothing about what is left counts as used up, since this
// is asked about refused requests.
func resetHeaders(h http.Header, _ []byte, now time.Time) time.Duration {
	var longest time.Duration
	for _, l := range limitHeaders {
		if left := h.Get(l.remaining); left != "" && left != "0" {
			continue
		}
		longest = max(longest, delay(h.Get(l.reset), now))
	}
	return longest
}

var tryAgain = regexp.MustCompile(`(?i)try again in ((?:\d+(?:\.\d+)?(?:ms|h|m|s))+)`)

// retryText reads the message of OpenAI and Groq, which says it even when no header
// does.
func retryText(_ http.Header, body []byte, now time.Time) time.Duration {
	if m := tryAgain.FindSubmatch(body); m != nil {
		return delay(string(m[1]), now)
	}
	return 0
}
