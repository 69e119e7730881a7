package wasm

import (
	"net/http"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// TestModulesGetCleanText sends bytes that are not UTF-8, with white space around them, through
// every hook that gets a provider's text.
func TestModulesGetCleanText(t *testing.T) {
	const sent, want = " {\"a\":\"\xff\u00e9\xe2\x82\"}\n", "{\"a\":\"\uFFFD\u00e9\uFFFD\"}"
	echo := func(h hook.Hook) asm.Module {
		return asm.Guest(h, asm.Get(0), asm.Op(0xad), asm.I64(32), asm.Op(0x86), asm.Get(1), asm.Op(0xad), asm.Op(0x84))
	}
	check := func(way, got string, err error) {
		if err != nil || !strings.HasSuffix(got, want) && !strings.HasSuffix(got, ":"+want+"}") {
			t.Errorf("%s: %q, %v, want %q", way, got, err, want)
		}
	}
	var heard string
	silent := load(t, asm.Guest(hook.NormalizeResponse, asm.Result(0, 0)).Bytes(), func(s *Spec) { s.Record = func(r Recorded) { heard = string(r.Input) } })
	tr, err := NewTransform(silent, TransformOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = tr.Response(t.Context(), someExchange(), 200, []byte(sent))
	check("a reply to a transform", heard, err)
	r, err := clientDialect(t, echo(hook.RenderResponse), hook.RenderResponse, nil).Render(t.Context(), hook.ClientReply{Status: 200, Body: []byte(sent)})
	check("a reply to a caller's dialect", string(r.Body), err)
	c := streamState{module: load(t, echo(hook.NormalizeEvent).Bytes()), hook: hook.NormalizeEvent}
	line, err := c.next(t.Context(), hook.EventChunk, []byte(sent))
	check("an event", string(line), err)
	in := hook.AppendProviderReply(nil, hook.ProviderReply{Target: &llm.Target{}, Header: http.Header{}, Body: []byte(sent)})
	check("a reply to a provider's dialect", string(in), nil)
}
