package pipeline

import (
	"context"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestTimeoutsOfPhases has a first target that never answers. Each of the limits ends the
// wait for it, the shortest first, and the second target answers.
func TestTimeoutsOfPhases(t *testing.T) {
	for name, c := range map[string]struct {
		set       func(f *fakes, r *llm.Request)
		connected bool
		after     time.Duration
		says      string
	}{
		"first token":         {set: func(*fakes, *llm.Request) {}, after: 15 * time.Second, says: "timeout.first_token"},
		"connect":             {set: func(f *fakes, _ *llm.Request) { f.route.Timeout.Connect = time.Second }, after: time.Second, says: "timeout.connect"},
		"connected":           {set: func(f *fakes, _ *llm.Request) { f.route.Timeout.Connect = time.Second }, connected: true, after: 15 * time.Second, says: "timeout.first_token"},
		"first byte":          {set: func(f *fakes, _ *llm.Request) { f.route.Timeout.FirstByte = 2 * time.Second }, after: 2 * time.Second, says: "timeout.first_byte"},
		"of a target":         {set: func(f *fakes, _ *llm.Request) { f.route.Targets[0].Timeout.FirstByte = 3 * time.Second }, after: 3 * time.Second, says: "timeout.first_byte"},
		"the caller's own":    {set: func(_ *fakes, r *llm.Request) { r.FirstTimeout = 4 * time.Second }, after: 4 * time.Second, says: "headers"},
		"a longer one of its": {set: func(_ *fakes, r *llm.Request) { r.FirstTimeout = time.Hour }, after: 15 * time.Second, says: "timeout.first_token"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakes("p/a", "p/b")
				f.script["p/a"] = []action{{hang: true, connected: c.connected}}
				f.script["p/b"] = []action{stream("hello")}
				req := request(true)
				c.set(f, req)
				start := time.Now()
				got, err := f.serve(t, t.Context(), req)
				if err != nil || got.text != "role hello[DONE]" || time.Since(start) != c.after {
					t.Fatalf("%q, %v after %s", got.text, err, time.Since(start))
				}
				if a := f.records[0].Attempts[0]; a.Fault != llm.FaultTimeout || !strings.Contains(a.Error, c.says) {
					t.Errorf("the attempt is recorded as %s: %s", a.Fault, a.Error)
				}
				blamed := f.outcomes["p/a"][0].Fault == llm.FaultTimeout
				if own := c.says == "headers"; blamed == own {
					t.Errorf("the target is blamed: %t", blamed)
				}
			})
		})
	}
}

// TestTimeoutOfTheCaller ends the request when its caller gives up, attempts and all.
func TestTimeoutOfTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakes("p/a")
		f.script["p/a"] = []action{{hang: true}}
		req := request(false)
		req.Timeout = 7 * time.Second
		start := time.Now()
		_, err := f.serve(t, t.Context(), req)
		e := llm.AsError(err)
		if e.Code != llm.CodeUpstreamTimeout || e.Status != 504 || time.Since(start) != 7*time.Second || !strings.Contains(e.Message, "7s") {
			t.Fatalf("%v after %s", err, time.Since(start))
		}
	})
}

// connect tells whoever traces the connection that there is one.
func connect(ctx context.Context) {
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
}
