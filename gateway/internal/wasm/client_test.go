package wasm

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

var clientHooks = []hook.Hook{hook.AcceptRequest, hook.RenderResponse, hook.RenderEvent}

// clientDialect is a module whose hook runs the code, and whose other two have no opinion.
func clientDialect(t testing.TB, a asm.Module, h hook.Hook, now func() time.Time) *ClientDialect {
	t.Helper()
	for _, other := range clientHooks {
		if other != h {
			a.Funcs = append(a.Funcs, asm.Func{Export: other.String(), Params: "ii", Results: "I", Code: asm.Result(0, 0)})
		}
	}
	d, err := NewClientDialect(load(t, a.Bytes()), now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAcceptGivesTheCanonicalRequest(t *testing.T) {
	d := clientDialect(t, asm.Answering(hook.AcceptRequest, []byte(`{"x":1,"context":{"a":1},"body":{"model":"m", "messages":[]}}`)), hook.AcceptRequest, nil)
	got, err := d.Accept(context.Background(), hook.ClientRequest{Dialect: "anthropic", RequestID: "r", Path: "/messages", Body: []byte(`{}`)})
	if err != nil || string(got.Body) != `{"model":"m", "messages":[]}` || string(got.Context) != `{"a":1}` {
		t.Errorf("Accept = %s, context %s, %v", got.Body, got.Context, err)
	}
}

func TestTheEnvelopeOfACallersRequest(t *testing.T) {
	h := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer x"}, "X-Api-Key": {"k"}, "Cookie": {"a=b"},
		"Anthropic-Version": {"2023-06-01"}, "Anthropic-Beta": {"tools", "more"}, "X-Forwarded-For": {"::1"}, "User-Agent": {"u"}}
	got := hook.AppendClientRequest(nil, hook.ClientRequest{Dialect: "anthropic", RequestID: "r", Path: "/v1/messages", Query: "beta=true", Header: h, Body: []byte(`{"a": 1}`)})
	want := `{"v":1,"dialect":"anthropic","request_id":"r","path":"/v1/messages","query":"beta=true","headers":{"anthropic-beta":"tools",` +
		`"anthropic-version":"2023-06-01","content-type":"application/json","user-agent":"u"},"body":{"a": 1}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("envelope (-want +got)\n%s", diff)
	}
	got = hook.AppendClientReply(nil, hook.ClientReply{Dialect: "anthropic", RequestID: "r", Created: time.Unix(7, 0), Status: 429, Context: []byte(`{"a":1}`), Body: []byte(`{"error":{}}`)})
	want = `{"v":1,"dialect":"anthropic","request_id":"r","created":7,"status":429,"context":{"a":1},"body":{"error":{}}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("envelope (-want +got)\n%s", diff)
	}
}

func TestAcceptChecksTheRequest(t *testing.T) {
	for want, answer := range map[string]string{
		"has no body":                       `{"x":1}`,
		"the body is not an obj":            `{"body":[1]}`,
		"the context is not an obj":         `{"context":1,"body":{}}`,
		"not valid JSON":                    `{"body":{}`,
		"expected an object, found the end": ``,
	} {
		d := clientDialect(t, asm.Answering(hook.AcceptRequest, []byte(answer)), hook.AcceptRequest, nil)
		_, err := d.Accept(context.Background(), hook.ClientRequest{Body: []byte(`{}`)})
		var e *llm.Error
		var f *hook.Fault
		if !errors.As(err, &e) || e.Fault != llm.FaultTransform || !strings.Contains(e.Message, "caller's wire format") || !errors.As(err, &f) || !strings.Contains(f.Detail, want) {
			t.Errorf("%s: %v, want a fault with %q", answer, err, want)
		}
	}
	d := clientDialect(t, asm.Answering(hook.AcceptRequest, []byte(`{"body":{}}`)), hook.AcceptRequest, nil)
	_, err := d.Accept(context.Background(), hook.ClientRequest{Body: []byte(`{"a":`)})
	if e := llm.AsError(err); e.Code != llm.CodeInvalidJSON || e.Status != 400 || d.module.Stats().Calls != 0 {
		t.Errorf("a body that is not JSON: %+v after %d calls", e, d.module.Stats().Calls)
	}
}

func TestAClientsRequestIsRejectedWithTheModulesMessage(t *testing.T) {
	a := asm.Guest(hook.AcceptRequest, asm.I32(413), asm.I32(4096), asm.I32(7), asm.Call(0), asm.Result(0, 0))
	a.Imports = []asm.Import{{Module: "penstock", Name: "error", Params: "iii", Results: ""}}
	a.Data = [][]byte{asm.Data(4096, []byte("too big"))}
	_, err := clientDialect(t, a, hook.AcceptRequest, nil).Accept(context.Background(), hook.ClientRequest{Body: []byte(`{}`)})
	e := llm.AsError(err)
	e.Err = nil
	if diff := cmp.Diff(&llm.Error{Status: 413, Code: llm.CodeInvalidRequest, Message: "too big", Fault: llm.FaultBadRequest}, e); diff != "" {
		t.Errorf("error (-want +got)\n%s", diff)
	}
}

func TestRenderGivesTheCallersReply(t *testing.T) {
	for _, c := range []struct {
		answer string
		want   hook.RenderedReply
	}{
		{`{"status":529,"headers":{"retry-after":"3","anthropic-x":"y"},"body":{"type": "error"}}`,
			hook.RenderedReply{Status: 529, Header: http.Header{"Retry-After": {"3"}, "Anthropic-X": {"y"}}, Body: []byte(`{"type": "error"}`)}},
		{`{"body":[],"status":null}`, hook.RenderedReply{Status: 201, Header: http.Header{}, Body: []byte(`[]`)}},
	} {
		d := clientDialect(t, asm.Answering(hook.RenderResponse, []byte(c.answer)), hook.RenderResponse, nil)
		got, err := d.Render(context.Background(), hook.ClientReply{Status: 201, Body: []byte(`{}`)})
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("Render %v (-want +got)\n%s", err, diff)
		}
	}
	for want, answer := range map[string]string{
		"has no body":                  `{}`,
		"status 700":                   `{"status":700,"body":{}}`,
		"status 100":                   `{"status":100,"body":{}}`,
		"set by the gateway":           `{"headers":{"Set-Cookie":"a=b"},"body":{}}`,
		"\"content-length\" is":        `{"headers":{"content-length":"1"},"body":{}}`,
		"\"access-control-allow":       `{"headers":{"Access-Control-Allow-Origin":"*"},"body":{}}`,
		"\"x-penstock-target\" i":      `{"headers":{"x-penstock-target":"*"},"body":{}}`,
		"invalid header":               `{"headers":{"x-a":"b\r\nc: d"},"body":{}}`,
		"expected the end of the text": `{"body":{}} {}`,
	} {
		d := clientDialect(t, asm.Answering(hook.RenderResponse, []byte(answer)), hook.RenderResponse, nil)
		_, err := d.Render(context.Background(), hook.ClientReply{Status: 200, Body: []byte(`{}`)})
		var f *hook.Fault
		if !errors.As(err, &f) || f.Kind != hook.BadResult || !strings.Contains(f.Detail, want) {
			t.Errorf("%s: %v, want a fault with %q", answer, err, want)
		}
	}
}

func TestAStreamToACallerIsRenderedByteForByte(t *testing.T) {
	// No opinion on frames of at most 100 bytes, such as that of penstock.start; else an echo.
	a := asm.Guest(hook.RenderEvent, asm.Get(1), asm.I32(100), asm.Op(0x48, 0x04, 0x7e), asm.Get(0), asm.Op(0xad), asm.I64(32), asm.Op(0x86), asm.Get(1), asm.Op(0xad, 0x84, 0x05), asm.Result(0, 0), asm.Op(asm.End))
	d := clientDialect(t, a, hook.RenderEvent, nil)
	long := strings.Repeat("x", 80)
	e, err := d.RenderEvents(context.Background(), hook.ClientStream{Dialect: llm.Dialect(long), RequestID: "r", Created: time.Unix(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	got, err := e.Next(context.Background(), []byte("{}\n\n"))
	if err != nil || string(got) != "chunk\n{}" {
		t.Errorf("Next = %q, %v", got, err)
	}
	if got, err := e.End(context.Background()); err != nil || string(got) != "penstock.end\n" {
		t.Errorf("End = %q, %v", got, err)
	}
}

func TestAStreamToACallerCarriesStateAndHoldsItsModule(t *testing.T) {
	d := clientDialect(t, asm.Answering(hook.RenderEvent, []byte(frame("state", ""))), hook.RenderEvent, nil)
	e, err := d.RenderEvents(context.Background(), hook.ClientStream{})
	if err != nil {
		t.Fatal(err)
	}
	if string(e.stream.state) != "state" {
		t.Errorf("state %q", e.stream.state)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := d.module.Close(ctx); err == nil {
		t.Error("the module closed under an open stream")
	}
	e.Close()
	e.Close()
	if err := d.module.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := d.RenderEvents(context.Background(), hook.ClientStream{}); !errors.Is(err, ErrClosed) {
		t.Errorf("a stream through a closed module: %v", err)
	}
	for want, answer := range map[string]string{"before the first": frame("", "x"), "at least 4": "abc", "and 3 follow": "\xff\xff\xff\xffabc"} {
		d := clientDialect(t, asm.Answering(hook.RenderEvent, []byte(answer)), hook.RenderEvent, nil)
		if _, err := d.RenderEvents(context.Background(), hook.ClientStream{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.10q: %v, want %q", answer, err, want)
		}
	}
}

func TestFiveFaultsDisableAClientDialectForAMinute(t *testing.T) {
	now := time.Unix(1000, 0)
	d := clientDialect(t, asm.Guest(hook.RenderResponse, asm.Op(0x00)), hook.RenderResponse, func() time.Time { return now })
	render := func() string {
		_, err := d.Render(context.Background(), hook.ClientReply{Status: 200, Body: []byte(`{}`)})
		return err.Error()
	}
	for range breakAfter {
		if got := render(); !strings.Contains(got, "unreachable") {
			t.Fatal(got)
		}
	}
	calls := d.module.Stats().Calls
	if got := render(); !strings.Contains(got, "disabled until") || d.module.Stats().Calls != calls {
		t.Error(got)
	}
	if _, err := d.RenderEvents(context.Background(), hook.ClientStream{}); err == nil || !strings.Contains(err.Error(), "disabled until") {
		t.Errorf("a stream through a disabled module: %v", err)
	}
	now = now.Add(breakFor)
	if got := render(); !strings.Contains(got, "unreachable") {
		t.Errorf("on probation: %s", got)
	}
}

func TestADialectForCallersNeedsAllThreeHooks(t *testing.T) {
	_, err := NewClientDialect(load(t, asm.Guest(hook.AcceptRequest, asm.Result(0, 0)).Bytes()), nil)
	if err == nil || !strings.Contains(err.Error(), "does not export penstock_render_response") {
		t.Errorf("NewClientDialect = %v", err)
	}
}
