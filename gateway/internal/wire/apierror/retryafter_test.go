package apierror

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	tests := []struct {
		name   string
		header http.Header
		body   string
		want   time.Duration
	}{
		{"nothing", nil, "", 0},
		{"seconds", http.Header{"Retry-After": {"2"}}, "", 2 * time.Second},
		{"fraction", http.Header{"Retry-After": {"0.5"}}, "", 500 * time.Millisecond},
		{"date", http.Header{"Retry-After": {"Sun, 22 Nov 2026 12:00:30 GMT"}}, "", 30 * time.Second},
		{"past date", http.Header{"Retry-After": {"Sun, 22 Nov 2026 11:00:30 GMT"}}, "", 0},
		{"milliseconds first", http.Header{"Retry-After": {"2"}, "Retry-After-Ms": {"1500"}}, "", 1500 * time.Millisecond},
		{"Azure's zero milliseconds", http.Header{"Retry-After": {"1"}, "Retry-After-Ms": {"0"}}, "", time.Second},
		{"Azure's older name", http.Header{"X-Ms-Retry-After-Ms": {"20"}}, "", 20 * time.Millisecond},
		{"reset of what is used up", http.Header{"X-Ratelimit-Remaining-Requests": {"0"}, "X-Ratelimit-Reset-Requests": {"1m0.2s"},
			"X-Ratelimit-Remaining-Tokens": {"9"}, "X-Ratelimit-Reset-Tokens": {"9h"}}, "", 60200 * time.Millisecond},
		{"Anthropic's reset", http.Header{"Anthropic-Ratelimit-Tokens-Remaining": {"0"},
			"Anthropic-Ratelimit-Tokens-Reset": {"2026-11-22T12:00:07Z"}}, "", 7 * time.Second},
		{"OpenRouter's epoch", http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"1795348805000"}}, "", 5 * time.Second},
		{"Google's body", nil, `{"error":{"details":[{"@type":"x"},{"retryDelay":"48s"}]}}`, 48 * time.Second},
		{"Google's array", nil, `[{"error":{"details":[{"retryDelay":"0.5s"}]}}]`, 500 * time.Millisecond},
		{"loading", nil, `{"error":"Model is loading","estimated_time":20.5}`, 20500 * time.Millisecond},
		{"message", nil, `{"error":{"message":"Limit reached. Please try again in 1m2.5s. Visit"}}`, 62500 * time.Millisecond},
		{"nonsense", http.Header{"Retry-After": {"soon"}, "Retry-After-Ms": {"NaN"}}, `{"error":{"details":"x"}}`, 0},
		{"negative", http.Header{"Retry-After": {"-5"}}, "", 0},
		{"forever", http.Header{"Retry-After": {"1e18"}}, "", 24 * time.Hour},
	}
	for _, tt := range tests {
		if got := retryAfter(tt.header, []byte(tt.body), testNow); got != tt.want {
			t.Errorf("%s: RetryAfter = %v, want %v", tt.name, got, tt.want)
		}
	}
}
