package pipeline

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// fakeCapacity has targets that are full until their name is sent to free.
type fakeCapacity struct {
	mu   sync.Mutex
	full []string
	in   map[string]int
	free chan string
	// refuse is the error of a wait; nil waits.
	refuse error
}

func (c *fakeCapacity) Full(t *llm.Target, _ llm.Priority) bool { return slices.Contains(c.full, t.ID) }

func (c *fakeCapacity) Enter(t *llm.Target, p llm.Priority) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Full(t, p) {
		return false
	}
	c.in[t.ID]++
	return true
}

func (c *fakeCapacity) Leave(t *llm.Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in[t.ID]--
}

func (c *fakeCapacity) Wait(ctx context.Context, _ *llm.Request, _ time.Duration, targets []*llm.Target) (int, error) {
	if c.refuse != nil {
		return 0, c.refuse
	}
	select {
	case id := <-c.free:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.in[id]++
		return slices.IndexFunc(targets, func(t *llm.Target) bool { return t.ID == id }), nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// TestFullTargets has targets without a place: the next one is asked at once, and only when
// none answers does the request wait for one.
func TestFullTargets(t *testing.T) {
	overloaded := &llm.Error{Code: llm.CodeOverloaded, Status: 503, Fault: llm.FaultFull, Message: "no place"}
	for _, test := range []struct {
		name   string
		full   string
		free   []string
		script map[string]action
		refuse error
		asked  string
		status int
		queued time.Duration
	}{
		{name: "the next is asked", full: "a", asked: "b"},
		{name: "it waits for the one that is free first", full: "a b", free: []string{"b"}, asked: "b", queued: 3 * time.Second},
		{name: "it waits when the other fails", full: "a", free: []string{"a"}, script: map[string]action{"b": failing(llm.FaultServer, 500)}, asked: "b b a", queued: 3 * time.Second},
		{name: "it waits for each once", full: "a b", free: []string{"b", "a"}, script: map[string]action{"b": failing(llm.FaultRefused, 400)}, asked: "b a", queued: 6 * time.Second},
		{name: "it is refused", full: "a b", refuse: overloaded, status: 503},
		{name: "it is refused with what the other one said", full: "a", refuse: overloaded, script: map[string]action{"b": failing(llm.FaultServer, 500)}, asked: "b b", status: 500},
		{name: "its time ends while it waits", full: "a b", status: 504, queued: 10 * time.Minute},
		{name: "a wrong request does not wait", full: "a", script: map[string]action{"b": failing(llm.FaultBadRequest, 400)}, asked: "b", status: 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakes("a", "b")
				f.capacity.full, f.capacity.refuse = strings.Fields(test.full), test.refuse
				for id, a := range test.script {
					f.script[id] = []action{a}
				}
				go func() {
					for _, id := range test.free {
						time.Sleep(3 * time.Second)
						f.capacity.free <- id
					}
				}()
				_, err := f.serve(t, t.Context(), request(false))
				status := http.StatusOK
				if err != nil {
					status = llm.AsError(err).HTTPStatus()
				}
				if test.status == 0 {
					test.status = 200
				}
				if asked := strings.Join(f.sent, " "); asked != test.asked || status != test.status {
					t.Errorf("asked %q, status %d (%v); want %q, %d", asked, status, err, test.asked, test.status)
				}
				if r := f.records[0]; time.Duration(r.Queued).Round(time.Second) != test.queued {
					t.Errorf("the record says that it waited %v, want %v", time.Duration(r.Queued), test.queued)
				}
			})
		})
	}
}
