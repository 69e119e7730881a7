package dashboard

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestLatest: the first record is there at once, later ones after the pause, and of very many only
// the latest.
func TestLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLatest()
		next := func(want int, last string, wait time.Duration) {
			t.Helper()
			began := time.Now()
			<-l.ready
			got := l.take()
			if len(got) != want || got[want-1].ID != last || time.Since(began) != wait {
				t.Errorf("%d records up to %s after %v, want %d up to %s after %v", len(got), got[len(got)-1].ID, time.Since(began), want, last, wait)
			}
		}
		add := func(n int) {
			for i := range n {
				l.add(&llm.Record{ID: fmt.Sprint(i)})
			}
		}
		add(1)
		next(1, "0", 0)
		add(3)
		next(3, "2", livePause)
		add(1000)
		next(liveRows, "999", livePause)
		time.Sleep(time.Minute)
		add(2)
		synctest.Wait()
		next(2, "1", 0)
	})
}
