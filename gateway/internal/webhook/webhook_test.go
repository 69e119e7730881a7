package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "a secret of more than sixteen bytes"

// receiver takes events, and answers the n-th call, from 1, as answer says.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	calls int
	ids   []string
}

func newReceiver(t *testing.T, answer func(n int, w http.ResponseWriter)) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		var e webhook.Event
		if err := json.Unmarshal(body, &e); err != nil {
			t.Error(err)
		}
		if got := req.Header.Get(webhook.HeaderSignature); got != webhook.Sign(secret, req.Header.Get(webhook.HeaderTimestamp), body) {
			t.Errorf("the signature is %q", got)
		}
		if req.Method != http.MethodPost || req.Header.Get(webhook.HeaderEvent) != e.Type || req.Header.Get(webhook.HeaderID) != e.ID || req.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s with %v", req.Method, req.Header)
		}
		r.mu.Lock()
		r.calls++
		n := r.calls
		r.ids = append(r.ids, e.ID)
		r.mu.Unlock()
		answer(n, w)
	}))
	t.Cleanup(r.Close)
	return r
}

func start(r *receiver, log io.Writer) *webhook.Hook {
	return webhook.Start(webhook.Options{URL: r.URL + "/hook?token=canary", Secret: secret, Private: true, Log: slog.New(slog.NewTextHandler(log, nil)),
		Pause: func(int) time.Duration { return time.Millisecond }})
}

func event(n int) webhook.Event {
	return webhook.Event{ID: fmt.Sprint("evt_", n), Type: "budget.threshold", Time: time.Unix(1, 0), Data: map[string]int{"n": n}}
}

func TestDelivery(t *testing.T) {
	for name, test := range map[string]struct {
		answer             func(n int, w http.ResponseWriter)
		calls              []string
		delivered, dropped uint64
	}{
		"taken": {func(int, http.ResponseWriter) {}, []string{"evt_1", "evt_2"}, 2, 0},
		"retried": {func(n int, w http.ResponseWriter) {
			if n <= 3 {
				w.WriteHeader([...]int{500, 429, 503}[n-1])
			}
		}, []string{"evt_1", "evt_1", "evt_1", "evt_1", "evt_2"}, 2, 0},
		"closes": {func(n int, _ http.ResponseWriter) {
			if n == 1 {
				panic(http.ErrAbortHandler)
			}
		}, []string{"evt_1", "evt_1", "evt_2"}, 2, 0},
		"refused":    {func(_ int, w http.ResponseWriter) { w.WriteHeader(400) }, []string{"evt_1", "evt_2"}, 0, 2},
		"redirected": {func(_ int, w http.ResponseWriter) { w.Header().Set("Location", "/other"); w.WriteHeader(307) }, []string{"evt_1", "evt_2"}, 0, 2},
		"given up": {func(_ int, w http.ResponseWriter) { w.WriteHeader(500) },
			[]string{"evt_1", "evt_1", "evt_1", "evt_1", "evt_1", "evt_1", "evt_1", "evt_1", "evt_2", "evt_2", "evt_2", "evt_2", "evt_2", "evt_2", "evt_2", "evt_2"}, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			r := newReceiver(t, test.answer)
			h := start(r, &log)
			h.Tell(event(1))
			h.Tell(event(2))
			h.Close(t.Context())
			h.Tell(event(3)) // too late
			if d := cmp.Diff(test.calls, r.ids); d != "" {
				t.Error(d)
			}
			if h.Delivered() != test.delivered || h.Dropped() != test.dropped {
				t.Errorf("%d delivered, %d dropped", h.Delivered(), h.Dropped())
			}
			if strings.Contains(log.String(), "canary") || strings.Contains(log.String(), secret) || strings.Count(log.String(), `not delivered" host=`+r.Listener.Addr().String()) != int(test.dropped) {
				t.Errorf("the log is %s", log.String())
			}
		})
	}
}

// TestReceiverThatHangs holds nobody up, and the queue is bounded.
func TestReceiverThatHangs(t *testing.T) {
	asked, hang := make(chan struct{}), make(chan struct{})
	r := newReceiver(t, func(n int, _ http.ResponseWriter) {
		if n == 1 {
			close(asked)
		}
		<-hang
	})
	defer close(hang)
	h := start(r, io.Discard)
	h.Tell(event(0))
	<-asked
	for n := range 300 {
		h.Tell(event(n))
	}
	if h.Dropped() != 44 {
		t.Errorf("%d events are dropped, want 44", h.Dropped())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.Close(ctx)
	if h.Delivered() != 0 || h.Dropped() != 301 {
		t.Errorf("%d delivered, %d dropped", h.Delivered(), h.Dropped())
	}
}

// TestPrivateAddress is not reached by a hook that may not, whatever its name is.
func TestPrivateAddress(t *testing.T) {
	r := newReceiver(t, func(int, http.ResponseWriter) {})
	h := webhook.Start(webhook.Options{URL: r.URL, Secret: secret, Pause: func(int) time.Duration { return 0 }})
	h.Tell(event(1))
	h.Close(t.Context())
	if r.calls != 0 || h.Dropped() != 1 {
		t.Errorf("%d calls, %d dropped", r.calls, h.Dropped())
	}
}

func TestHammer(t *testing.T) {
	r := newReceiver(t, func(int, http.ResponseWriter) {})
	h := start(r, io.Discard)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for n := range 50 {
				h.Tell(event(w*100 + n))
			}
		})
	}
	wg.Wait()
	h.Close(t.Context())
	if h.Delivered()+h.Dropped() != 400 {
		t.Errorf("%d delivered, %d dropped, want 400 in all", h.Delivered(), h.Dropped())
	}
}
