package dashboard

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// follow starts to follow the requests as the holder of a key that may read, and returns the
// reply, and a channel that is closed at its end.
func follow(t *testing.T, g Gateway, holder func() (llm.Principal, error)) (*httptest.ResponseRecorder, chan struct{}) {
	t.Helper()
	d := New(Options{Gateway: g, Holder: func(context.Context, string) (llm.Principal, error) { return holder() }})
	secret, _ := d.sessions.begin(llm.Principal{KeyID: "k", Roles: []string{roleViewer}})
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, "/requests/live", nil)
	req.AddCookie(&http.Cookie{Name: cookieName, Value: secret})
	reply, ended := httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(ended)
		d.signedIn(d.live)(reply, req)
		stop()
	}()
	synctest.Wait()
	return reply, ended
}

// TestLiveEndsWithTheSession: a page that stays open shows nothing more once its key is revoked.
func TestLiveEndsWithTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var revoked atomic.Bool
		reply, ended := follow(t, &fake{follow: make(chan *llm.Record)}, func() (llm.Principal, error) {
			if revoked.Load() {
				return llm.Principal{}, &llm.Error{Code: llm.CodeUnauthenticated, Status: http.StatusUnauthorized, Message: "revoked"}
			}
			return llm.Principal{KeyID: "k", Roles: []string{roleViewer}}, nil
		})
		time.Sleep(10 * liveBeat)
		synctest.Wait()
		select {
		case <-ended:
			t.Fatalf("the feed has ended with the session open: %q", reply.Body)
		default:
		}
		revoked.Store(true)
		time.Sleep(recheckEvery + liveBeat)
		synctest.Wait()
		select {
		case <-ended:
		default:
			t.Fatal("the feed goes on after the key was revoked")
		}
		if got := reply.Body.String(); !strings.HasSuffix(got, "event: end\ndata: The session has ended. Sign in again.\n\n") {
			t.Errorf("the feed ends with %q", got)
		}
	})
}

// full is a gateway that too many follow.
type full struct{ *fake }

func (full) Follow(context.Context, func(*llm.Record)) error {
	return &llm.Error{Code: llm.CodeOverloaded, Status: http.StatusServiceUnavailable, Message: "Too many\rpages\nfollow."}
}

func TestLiveSaysThatTooManyFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reply, ended := follow(t, full{&fake{}}, func() (llm.Principal, error) { return llm.Principal{KeyID: "k", Roles: []string{roleViewer}}, nil })
		<-ended
		if got := reply.Body.String(); got != ": open\n\nevent: end\ndata: Too many pages follow.\n\n" {
			t.Errorf("the feed is %q", got)
		}
	})
}

// TestRowEventsAreOneLine: text with ends of lines, of which server-sent events have three, cannot
// begin an event of its own.
func TestRowEventsAreOneLine(t *testing.T) {
	d := New(Options{Gateway: &fake{}})
	r := hostileRecord()
	r.Model, r.KeyName = "a\r\revent: end\rdata: x", "b\n\nevent: end\ndata: x\r\n\r\n"
	if got := string(d.rowEvent(r, time.UTC)); strings.ContainsAny(strings.TrimSuffix(got, "\n\n"), "\r\n") || !strings.HasPrefix(got, "data: <tr") {
		t.Errorf("the event is %q", got)
	}
}
