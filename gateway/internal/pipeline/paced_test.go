package pipeline

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestPace replays three pieces at ten in a second: two pauses of 100 ms. Who leaves is not
// waited for.
func TestPace(t *testing.T) {
	for name, tt := range map[string]struct {
		pace int64
		live bool
		gone bool
		want time.Duration
	}{
		"ten in a second": {pace: 10, want: 200 * time.Millisecond},
		"at once":         {},
		"under way":       {pace: 10, live: true},
		"the caller left": {pace: 1, gone: true, want: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakes("a")
				f.route.CacheTTL, f.route.CachePace = time.Hour, tt.pace
				f.cached = &llm.StoredReply{Stream: &fakeStream{action: stream("one ", "two ", "three")}, Target: "a", Live: tt.live}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.gone {
					time.AfterFunc(time.Millisecond, cancel)
				}
				start := time.Now()
				got, err := f.serve(t, ctx, request(true))
				if took := time.Since(start); took != tt.want || (err != nil) != tt.gone {
					t.Errorf("%q took %s, %v; want %s", got.text, took, err, tt.want)
				}
			})
		})
	}
}
