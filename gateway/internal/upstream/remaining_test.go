package upstream

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

// limitsLeft are the headers of a reply that says how many requests of 100 and tokens of 10,000
// are left.
func limitsLeft(requests, tokens int) http.Header {
	return http.Header{
		"X-Ratelimit-Remaining-Requests": {strconv.Itoa(requests)}, "X-Ratelimit-Limit-Requests": {"100"},
		"X-Ratelimit-Remaining-Tokens": {strconv.Itoa(tokens)}, "X-Ratelimit-Limit-Tokens": {"10000"},
	}
}

func (w *testHealth) wantLeft(when string, requests, tokens int64) {
	w.t.Helper()
	s := w.Stats("p/m")
	share := func(n, most int64) float64 {
		if n < 0 {
			return -1
		}
		return float64(n) / float64(most)
	}
	if s.RemainingRequests != requests || s.RemainingTokens != tokens ||
		!about(s.RequestsLeft, share(requests, 100)) || !about(s.TokensLeft, share(tokens, 10_000)) {
		w.t.Errorf("%s: left are %d requests (%v) and %d tokens (%v), want %d and %d", when,
			s.RemainingRequests, s.RequestsLeft, s.RemainingTokens, s.TokensLeft, requests, tokens)
	}
}

func about(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }

// TestRequestsInFlightUseLimits begins attempts behind the one whose reply says what is left.
func TestRequestsInFlightUseLimits(t *testing.T) {
	w := newTestHealth(t)
	begin := func() Flight {
		f, ok := w.Begin("p/m", Asking{Request: "r", Tokens: 1000})
		if !ok {
			t.Fatal("Begin refuses")
		}
		return f
	}
	first, second := begin(), begin()
	w.wantLeft("before any reply", -1, -1)
	first.FirstToken(time.Millisecond, limitsLeft(50, 5000))
	w.wantLeft("with one request behind the reply", 49, 4000)
	third := begin()
	w.wantLeft("with two", 48, 3000)
	third.Done(Outcome{Header: limitsLeft(47, 2500)})
	w.wantLeft("after the last one's reply", 47, 2500)
	second.Done(Outcome{Header: limitsLeft(49, 4000)})
	first.Done(Outcome{Header: limitsLeft(50, 5000)})
	w.wantLeft("after replies to earlier ones", 47, 2500)
	for range 60 {
		begin()
	}
	w.wantLeft("when more were sent than were left", 0, 0)
	w.now = w.now.Add(time.Minute)
	w.wantLeft("after the reset", -1, -1)
}

// TestOneLimitIsSaidAtATime has replies that speak of one limit only.
func TestOneLimitIsSaidAtATime(t *testing.T) {
	w := newTestHealth(t)
	say := func(h http.Header) {
		f, _ := w.Begin("p/m", Asking{Request: "r", Tokens: 100})
		f.Done(Outcome{Header: h})
	}
	say(limitsLeft(50, 5000))
	say(http.Header{"X-Ratelimit-Remaining-Requests": {"20"}, "X-Ratelimit-Limit-Requests": {"100"}})
	w.wantLeft("after a reply without tokens", 20, 4900)
	say(http.Header{})
	w.wantLeft("after a reply without limits", 19, 4800)
}
