package ollama_test

import (
	"testing"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
	"github.com/penstock/penstock/plugins/dialects/ollama"
)

var host = dialecttest.Host{Dialect: "ollama", Model: "llama3"}

type (
	essence = dialecttest.Reply
	sent    = dialecttest.Outbound
)

func transform(t testing.TB, stream bool, body string) (sent, error) {
	t.Helper()
	s, err := host.Request(t, dialecttest.Target{Model: "llama3"}, stream, body)
	if err == nil && (s.Method != "POST" || s.Path != "/chat" || len(s.Headers) > 0) {
		t.Errorf("the envelope is %+v", s)
	}
	return s, err
}

func TestStateHoldsNoPointers(t *testing.T) { dialecttest.CheckStored(t, ollama.Stored...) }

func TestBrokenStateIsRejected(t *testing.T) {
	p := new(ollama.Provider)
	p.Start(nil)
	whole := p.AppendState(nil)
	if !p.LoadState(whole) || p.LoadState(nil) || p.LoadState(whole[1:]) || p.LoadState(append(whole, 0)) {
		t.Error("a state is taken by anything but its length")
	}
}
