package wasm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// rejector is a module whose hook rejects with this status and message.
func rejector(h hook.Hook, code int32, message string) asm.Module {
	a := asm.Guest(h, asm.I32(code), asm.I32(2048), asm.I32(int32(len(message))), asm.Call(0), asm.Result(0, 0))
	a.Imports = []asm.Import{{Module: "penstock", Name: "error", Params: "iii", Results: ""}}
	a.Data = [][]byte{asm.Data(2048, []byte(message))}
	return a
}

// TestARejectionWithAnInvalidStatusStillRejects: the caller gets 400 and the message, a fault is
// counted, and on_error: skip does not let the request pass.
func TestARejectionWithAnInvalidStatusStillRejects(t *testing.T) {
	for _, code := range []int32{499, 0, 1, -1, 100, 200, 204, 304, 399, 600, 999, 1000, 1 << 30, -1 << 31} {
		a := rejector(hook.TransformRequest, code, "not like this")
		tr, err := NewTransform(load(t, a.Bytes()), TransformOptions{SkipRequest: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = tr.Request(t.Context(), someExchange(), []byte(`{}`))
		var e *llm.Error
		var f *hook.Fault
		if !errors.As(err, &e) || e.Status != 400 || e.Message != "not like this" || !errors.As(err, &f) || f.Kind != hook.BadResult {
			t.Errorf("error(%d): %v, want 400 with the message and a fault", code, err)
		}
		if s := tr.module.Stats(); s.Faults != 1 || s.Rejections != 0 || s.Discarded != 0 {
			t.Errorf("error(%d): %d faults, %d rejections, %d instances discarded; want 1, 0, 0", code, s.Faults, s.Rejections, s.Discarded)
		}
	}
	for code, want := range map[int32]int{400: 400, 451: 451, 498: 498, 500: 502, 599: 502} {
		a := rejector(hook.AcceptRequest, code, "no")
		d := clientDialect(t, a, hook.AcceptRequest, nil)
		_, err := d.Accept(t.Context(), hook.ClientRequest{Body: []byte(`{}`)})
		var e *llm.Error
		var f *hook.Fault
		if !errors.As(err, &e) || e.Status != want || errors.As(err, &f) {
			t.Errorf("error(%d): %v, want %d and no fault", code, err, want)
		}
	}
}

func TestFiveInvalidRejectionsDisableAClientDialect(t *testing.T) {
	d := clientDialect(t, rejector(hook.AcceptRequest, 499, "no"), hook.AcceptRequest, nil)
	for range breakAfter {
		if _, err := d.Accept(t.Context(), hook.ClientRequest{Body: []byte(`{}`)}); llm.AsError(err).Status != 400 {
			t.Fatalf("Accept: %v", err)
		}
	}
	if _, err := d.Accept(t.Context(), hook.ClientRequest{Body: []byte(`{}`)}); !strings.Contains(fmt.Sprint(err), "disabled") {
		t.Errorf("after %d faults: %v, want that it is disabled", breakAfter, err)
	}
}

func TestARenderedStatusIsOneThatHasABody(t *testing.T) {
	for _, status := range []int{-1, 0, 1, 99, 100, 101, 103, 199, 204, 205, 304, 499, 600, 999, 1000} {
		answer := fmt.Sprintf(`{"status":%d,"body":{}}`, status)
		_, err := clientDialect(t, asm.Answering(hook.RenderResponse, []byte(answer)), hook.RenderResponse, nil).Render(t.Context(), hook.ClientReply{Status: 200, Body: []byte(`{}`)})
		var f *hook.Fault
		if !errors.As(err, &f) || f.Kind != hook.BadResult {
			t.Errorf("status %d: %v, want a fault", status, err)
		}
	}
}

// TestGuestTextCannotControlATerminal sends characters on which a terminal acts through every
// way that a guest's text takes into messages.
func TestGuestTextCannotControlATerminal(t *testing.T) {
	const nasty = "a\x1b]0;own\x07b\u009b31m\u202ec\x7f\u2066d\u2028e\U000e0041f\r"
	const tame = `a\u{1b}]0;own\u{7}b\u{9b}31m\u{202e}c\u{7f}\u{2066}d\u{2028}e\u{e0041}f\u{d}`
	if got := hook.Printable(nasty); got != tame {
		t.Errorf("printable = %q, want %q", got, tame)
	}
	if got := hook.Printable("zwei\nZeilen\tü 日本 🎉"); got != "zwei\nZeilen\tü 日本 🎉" {
		t.Errorf("what harms nobody becomes %q", got)
	}
	_, _, err := load(t, rejector(hook.Route, 400, nasty).Bytes()).Call(context.Background(), hook.Route, 1, nil, nil)
	var r *hook.Rejection
	if !errors.As(err, &r) || r.Message != tame {
		t.Errorf("a rejection says %q", err)
	}
	a := rejector(hook.Route, 400, nasty)
	a.Funcs[2].Export = "x"
	a.Funcs = append(a.Funcs, asm.Func{Export: hook.ExportInit, Params: "ii", Results: "I", Code: a.Funcs[2].Code},
		asm.Func{Export: hook.Route.String(), Params: "ii", Results: "I", Code: asm.Result(0, 0)})
	a.Funcs[3].Locals = "iiiI"
	if got := refusal(t, Spec{Wasm: a.Bytes()}); hook.Printable(got) != got || !strings.Contains(got, tame) {
		t.Errorf("a refused init says %q", got)
	}
	var b hook.RankingBuilder
	b.Reset(1)
	if err := hook.ReadRanking(&b, []byte(`{"reason":"x\u001b[2J\u009b1m\u202e"}`)); err != nil || b.Ranking().Reason != `x\u{1b}[2J\u{9b}1m\u{202e}` {
		t.Errorf("the reason is %q, %v", b.Ranking().Reason, err)
	}
	named := asm.Guest(hook.Route, asm.Result(0, 0))
	named.Imports = []asm.Import{{Module: "penstock", Name: "lo\x1bg", Params: "", Results: ""}}
	if got := refusal(t, Spec{Wasm: named.Bytes()}); hook.Printable(got) != got || !strings.Contains(got, "control characters") {
		t.Errorf("an import's name: %q", got)
	}
	if _, err := parseManifest([]byte(`{"name":"x\u001b[2J"}`)); err == nil || hook.Printable(err.Error()) != err.Error() {
		t.Errorf("a manifest's name: %v", err)
	}
}
