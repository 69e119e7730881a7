package wasm

import (
	"net/http"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestModulesGetSoundText sends what is not UTF-8, with white space around it, the ways
// that lead from a provider to a module: what arrives is one value in UTF-8.
func TestModulesGetSoundText(t *testing.T) {
	const sent, want = " {\"a\":\"\xff\u00e9\xe2\x82\"}\n", "{\"a\":\"\uFFFD\u00e9\uFFFD\"}"
	echo := func(h Hook) asm { return guest(h, get(0), op(0xad), i64c(32), op(0x86), get(1), op(0xad), op(0x84)) }
	check := func(way, got string, err error) {
		if err != nil || !strings.HasSuffix(got, want) && !strings.HasSuffix(got, ":"+want+"}") {
			t.Errorf("%s: %q, %v, want %q", way, got, err, want)
		}
	}
	var heard string
	silent := load(t, guest(NormaliseResponse, result(0, 0)).bytes(), func(s *Spec) { s.Record = func(r Recorded) { heard = string(r.Input) } })
	tr, err := NewTransform(silent, TransformOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = tr.Response(t.Context(), someExchange(), 200, []byte(sent))
	check("a reply to a transform", heard, err)
	r, err := clientDialect(t, echo(RenderResponse), RenderResponse, nil).Render(t.Context(), Rendering{Status: 200, Body: []byte(sent)})
	check("a reply to a caller's dialect", string(r.Body), err)
	c := carrier{module: load(t, echo(NormaliseEvent).bytes()), hook: NormaliseEvent}
	line, err := c.turn(t.Context(), eventChunk, []byte(sent))
	check("an event", string(line), err)
	in := appendInbound(nil, Inbound{Target: &llm.Target{}, Header: http.Header{}, Body: []byte(sent)})
	check("a reply to a provider's dialect", string(in), nil)
}
