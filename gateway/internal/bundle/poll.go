package bundle

import (
	"context"
	"math/rand/v2"
	"time"
)

// Poll calls ask again and again until ctx ends, first after an interval and then after each
// that every returns, a fifth more or less, so that many gateways do not ask at once. A value
// from now lets it ask at once.
func Poll(ctx context.Context, every func() time.Duration, now <-chan struct{}, ask func(ctx context.Context, now bool)) {
	for {
		interval := every()
		next := time.NewTimer(interval*4/5 + rand.N(interval*2/5+1))
		asked := false
		select {
		case <-ctx.Done():
			next.Stop()
			return
		case <-now:
			asked = true
		case <-next.C:
		}
		next.Stop()
		ask(ctx, asked)
	}
}
