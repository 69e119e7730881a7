package upstream

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func bound(id string, max, provider int) *llm.Target {
	return &llm.Target{ID: "p/" + id, Provider: "p", MaxInflight: max, ProviderMaxInflight: provider}
}

// TestCapacity takes the places of two targets and of their provider, one of which another
// route bounds otherwise.
func TestCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCapacity(2, 10*time.Second)
		a, b, unbound := bound("a", 2, 3), bound("b", 2, 3), bound("a", 0, 0)
		if !c.Enter(a, 0) || !c.Enter(unbound, 0) || c.Enter(a, 0) || !c.Full(a, 0) || c.Full(unbound, 0) {
			t.Error("two places: those whom another route does not bound count as well")
		}
		if c.Full(b, 0) || !c.Enter(b, 0) || !c.Full(b, 0) || !c.Full(bound("b", 0, 3), 0) {
			t.Error("the provider has three places")
		}
		granted := make(chan int, 1)
		go func() {
			i, err := c.Wait(t.Context(), &llm.Request{Principal: llm.Principal{KeyID: "k"}}, 0, []*llm.Target{a, b})
			if err != nil {
				t.Error(err)
			}
			granted <- i
		}()
		synctest.Wait()
		if n := c.Waiting(llm.PriorityNormal); n != 1 {
			t.Errorf("%d wait", n)
		}
		for who, want := range map[string]struct {
			message string
			after   time.Duration
		}{"k": {"of yours", 0}, "l": {"none of them ended", time.Second}} {
			from := time.Now()
			_, err := c.Wait(t.Context(), &llm.Request{Principal: llm.Principal{KeyID: who}}, 9*time.Second, []*llm.Target{a})
			var e *llm.Error
			if !errors.As(err, &e) || e.Fault != llm.FaultFull || e.RetryAfter < time.Second || !strings.Contains(e.Message, want.message) ||
				!strings.HasPrefix(e.Message, "p/a has") || time.Since(from) != want.after {
				t.Errorf("%s: %v after %v, want %+v", who, err, time.Since(from), want)
			}
		}
		c.Leave(b)
		if i := <-granted; i != 1 {
			t.Errorf("let in at %d, want the target that became free", i)
		}
		for _, target := range []*llm.Target{a, unbound, b} {
			c.Leave(target)
		}
		if c.Full(bound("a", 1, 1), llm.PriorityLow) {
			t.Error("something is still counted")
		}
	})
}
