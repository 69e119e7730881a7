package cohere_test

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects/cohere"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

var host = dialecttest.Host{Dialect: "cohere", Model: "command-test"}

type (
	essence = dialecttest.Reply
	call    = dialecttest.Call
	sent    = dialecttest.Outbound
)

func transform(t testing.TB, model string, stream bool, body string) (sent, error) {
	t.Helper()
	s, err := host.Request(t, dialecttest.Target{Model: model, MaxOutput: 8000}, stream, body)
	if err == nil && (s.Method != "POST" || s.Path != "/chat" || len(s.Headers) > 0) {
		t.Errorf("the envelope is %+v", s)
	}
	return s, err
}

// recordings are those of version 2 of the API.
func recordings(t testing.TB) (v2 []dialecttest.Recording) {
	t.Helper()
	for _, rec := range dialecttest.Recordings(t, "cohere", "cohere.chat") {
		if rec.URLPath == "/v2/chat" {
			v2 = append(v2, rec)
		}
	}
	return v2
}

func TestStateHoldsNoPointers(t *testing.T) { dialecttest.CheckStored(t, cohere.Stored...) }

func TestBrokenStateIsRejected(t *testing.T) {
	p := new(cohere.Provider)
	p.Start(nil)
	whole := p.AppendState(nil)
	if !p.LoadState(whole) {
		t.Fatal("its own state is rejected")
	}
	for _, state := range []string{"", "x", string(whole[:len(whole)-1]), string(whole) + "x", strings.Repeat("\xff", len(whole))} {
		if p.LoadState([]byte(state)) {
			t.Errorf("state of %d bytes was taken", len(state))
		}
	}
}
