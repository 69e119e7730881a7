package apierror

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/penstock/penstock/gateway/internal/ratelimit"
)

// retryAfter is how long a provider asks to be left alone, from the headers or the
// body of an error reply; 0 means that it does not say. It is at most a day.
func retryAfter(h http.Header, body []byte, now time.Time) time.Duration {
	for _, say := range [...]func(http.Header, []byte, time.Time) time.Duration{
		retryHeaders, retryInfo, resetHeaders, retryText,
	} {
		if d := say(h, body, now); d > 0 {
			return min(d, ratelimit.MaxDelay)
		}
	}
	return 0
}

// retryHeaders reads the headers that say it outright. Azure sends a retry-after-ms
// of 0 beside a retry-after of 1: zero says nothing.
func retryHeaders(h http.Header, _ []byte, now time.Time) time.Duration {
	for _, name := range [...]string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if ms, err := strconv.ParseFloat(h.Get(name), 64); err == nil && ms > 0 {
			return time.Duration(min(ms, float64(ratelimit.MaxDelay/time.Millisecond)) * float64(time.Millisecond))
		}
	}
	return ratelimit.Delay(h.Get("Retry-After"), now)
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
				return ratelimit.Delay(d.RetryDelay, now)
			}
		}
	}
	if b.RetryAfterMS > 0 {
		return ratelimit.DelayNumber(min(b.RetryAfterMS/1000, ratelimit.MaxDelay.Seconds()), now)
	}
	return ratelimit.DelayNumber(b.Estimated, now)
}

// resetHeaders reads when a limit that is used up is filled again.
func resetHeaders(h http.Header, _ []byte, now time.Time) time.Duration {
	return ratelimit.Reset(h, now)
}

var tryAgain = regexp.MustCompile(`(?i)try again in ((?:\d+(?:\.\d+)?(?:ms|h|m|s))+)`)

// retryText reads the message of OpenAI and Groq, which says it even when no header
// does.
func retryText(_ http.Header, body []byte, now time.Time) time.Duration {
	if m := tryAgain.FindSubmatch(body); m != nil {
		return ratelimit.Delay(string(m[1]), now)
	}
	return 0
}
