package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestInvalidKeysSlowDownTheirAddress(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	f := newAuthThrottle()
	for i := range freeFailures {
		if d := f.fail("a", now); d != 0 {
			t.Fatalf("failure %d waits %v", i, d)
		}
	}
	if d := f.fail("a", now); d != delayPerFailure {
		t.Errorf("the first beyond waits %v, want %v", d, delayPerFailure)
	}
	for range 200 {
		f.fail("a", now)
	}
	if d := f.fail("a", now); d != maxDelay {
		t.Errorf("after many: %v, want %v", d, maxDelay)
	}
	if d := f.fail("b", now); d != 0 {
		t.Errorf("another address waits %v", d)
	}
	if d := f.fail("a", now.Add(time.Hour)); d != 0 {
		t.Errorf("an hour later: %v", d)
	}
}

func TestDelayedAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newAuthThrottle()
		start := time.Now()
		for range maxDelayed {
			go f.wait(t.Context(), time.Second)
		}
		synctest.Wait()
		f.wait(t.Context(), time.Second)
		if took := time.Since(start); took != 0 {
			t.Errorf("one more waits %v", took)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		gone, stop := context.WithCancel(t.Context())
		stop()
		f.wait(gone, time.Second)
		if took := time.Since(start); took != time.Second {
			t.Errorf("the answer to a client that is gone waits %v", took)
		}
		f.wait(t.Context(), time.Second)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("waited until %v, want 2s", took)
		}
	})
}

func TestFailuresAreLoggedNowAndThen(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	f := newAuthThrottle()
	for i, want := range []int{1, 0, 0} {
		if n := f.toLog(now); n != want {
			t.Errorf("failure %d: %d to log, want %d", i, n, want)
		}
	}
	if n := f.toLog(now.Add(failureLogInterval)); n != 3 {
		t.Errorf("later: %d, want 3", n)
	}
}

// TestManyInvalidKeysBlockTheirAddress has so many wrong keys sent that the address is refused without
// a look at them. A key in use works on, and so do other addresses.
func TestManyInvalidKeysBlockTheirAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := complete()
		refused := map[string]int{}
		f.Admin = &FakeAdmin{Refused: refused}
		a := newAPI(t, f)
		asked := 0
		a.service = countingService{a.service, &asked}
		get := func(remote, key string) *httptest.ResponseRecorder {
			r := httptest.NewRequest("GET", "/v1/models", nil)
			r.RemoteAddr = remote
			r.Header.Set("Authorization", "Bearer "+key)
			w := httptest.NewRecorder()
			a.Data.ServeHTTP(w, r)
			return w
		}
		const attacker, neighbor = "[2001:db8::1]:5", "[2001:db8::ffff]:6" // one network
		if w := get(attacker, "bad"); w.Code != 401 {
			t.Errorf("the first invalid key: %d", w.Code)
		}
		for range maxFailures { // of calls at the same time: after one another, they wait
			a.throttle.fail(clientNetwork(attacker), time.Now())
		}
		before := asked
		w := get(neighbor, "bad")
		if w.Code != 429 || asked != before || refused[RefusedThrottled] == 0 {
			t.Errorf("one more invalid key: %d, %d keys were looked at, refused %v", w.Code, asked-before, refused)
		}
		if seconds, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || seconds < 1 || seconds > 5 {
			t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
		}
		for addr, key := range map[string]string{attacker: "member", "[2001:db8:0:1::1]:5": "admin", "192.0.2.7:5": "admin"} {
			if w := get(addr, key); w.Code != 200 {
				t.Errorf("the key %s from %s: %d %s", key, addr, w.Code, w.Body)
			}
		}
		if w := get("192.0.2.7:5", "bad"); w.Code != 401 {
			t.Errorf("another address: %d", w.Code)
		}
		time.Sleep(2 * time.Second)
		if w := get(neighbor, "admin"); w.Code != 200 {
			t.Errorf("a key that is new, a little later: %d", w.Code)
		}
	})
}

// countingService counts the keys that it is asked for.
type countingService struct {
	Service
	asked *int
}

func (s countingService) Authenticate(ctx context.Context, token string) (llm.Principal, error) {
	*s.asked++
	return s.Service.Authenticate(ctx, token)
}

// TestSignInIsThrottled tries keys on the dashboard's sign-in page: they count as those of
// requests do.
func TestSignInIsThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := completeWithKeys(t).Options()
		o.AdminAuth = AdminKey
		var a *API
		o.Dashboard = dashboard.New(dashboard.Options{Gateway: nobodysGateway{}, Authenticate: func(r *http.Request, key string) (llm.Principal, error) { return a.Authenticate(r, key) }})
		a, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		signIn := func(key string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, "/sign-in", strings.NewReader("key="+key))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			a.Admin.ServeHTTP(w, r)
			return w
		}
		begun := time.Now()
		var tries sync.WaitGroup
		for range maxFailures {
			tries.Go(func() { signIn("bad") })
		}
		synctest.Wait()                                // the answers are delayed now
		for _, key := range []string{"bad", "admin"} { // the second is valid, and not in use
			if w := signIn(key); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
				t.Errorf("after %d invalid keys %s gets %d %v, want 429 and when to try again", maxFailures, key, w.Code, w.Header())
			}
		}
		if w := signIn("member"); w.Code != http.StatusSeeOther {
			t.Errorf("a key that is in use, from the same address: %d", w.Code)
		}
		if tries.Wait(); time.Since(begun) != maxDelay {
			t.Errorf("the last of %d invalid keys was answered after %v, want %v", maxFailures, time.Since(begun), maxDelay)
		}
	})
}

// nobodysGateway is shown by pages without figures.
type nobodysGateway struct{ dashboard.Gateway }

func (nobodysGateway) Version() string      { return "1" }
func (nobodysGateway) Zone() *time.Location { return time.UTC }
