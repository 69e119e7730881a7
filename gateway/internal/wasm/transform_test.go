package wasm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// someExchange is a request to someTarget.
func someExchange() *llm.Exchange {
	return &llm.Exchange{Target: someTarget, Route: &llm.Route{Name: "smart"}, Request: &llm.Request{
		ID: "r", Tags: map[string]string{"app": "docs"}, Facts: llm.Facts{Model: "smart", Stream: true},
		Principal: llm.Principal{KeyID: "k", Team: "search"}, Received: time.Unix(1700000000, 0)}}
}

// transformer is the transform of a module.
func transformer(t *testing.T, a asm.Module, o TransformOptions) *Transform {
	t.Helper()
	tr, err := NewTransform(load(t, a.Bytes()), o)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

const envelopeOfR = `{"v":1,"stage":"policy","request_id":"r","route":"smart","model":"smart","key":"k","team":"search","user":"",` +
	`"tags":{"app":"docs"},"stream":true,"target":{"id":"a/c","provider":"a","model":"c","max_output":64,"features":["tools","vision"]}`

func TestTransformsGetTheContractsEnvelopes(t *testing.T) {
	var seen string
	tell := func(h hook.Hook) *Transform { // echoes its input, which is not a valid result
		a := asm.Guest(h, asm.Get(0), asm.Op(0xad), asm.I64(32), asm.Op(0x86), asm.Get(1), asm.Op(0xad), asm.Op(0x84))
		return transformer(t, a, TransformOptions{})
	}
	x := someExchange()
	body, err := tell(hook.TransformRequest).Request(t.Context(), x, []byte(`{"a":1}`))
	if err != nil || string(body) != `{"a":1}` {
		t.Errorf("Request = %s, %v: want the envelope's body back", body, err)
	}
	a := asm.Guest(hook.NormalizeResponse, asm.Result(0, 0))
	heard, err := NewTransform(load(t, a.Bytes(), func(s *Spec) { s.Record = func(r Recorded) { seen = string(r.Input) } }), TransformOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = heard.Response(t.Context(), x, 200, []byte(`{"b":2}`))
	if want := envelopeOfR + `,"created":1700000000,"status":200,"body":{"b":2}}`; err != nil || seen != want {
		t.Errorf("Response (-want +got):\n%s %v", cmp.Diff(want, seen), err)
	}
	if _, err := tell(hook.NormalizeResponse).Response(t.Context(), someExchange(), 200, []byte(`{}`)); err == nil {
		t.Error("a completion without choices is taken")
	}
	if len(x.Applied) != 2 || !x.Applied[0].Changed || x.Applied[0].Hook != "request" || x.Applied[1].Fuel == 0 {
		t.Errorf("applied %+v", x.Applied)
	}
}

func TestATransformWithoutOpinionChangesNothing(t *testing.T) {
	tr := transformer(t, asm.Guest(hook.TransformRequest, asm.Result(0, 0)), TransformOptions{})
	x := someExchange()
	for name, ask := range map[string]func() ([]byte, error){
		"no opinion": func() ([]byte, error) { return tr.Request(t.Context(), x, []byte("{}")) },
		"no hook":    func() ([]byte, error) { return tr.Response(t.Context(), x, 200, []byte("{}")) },
	} {
		if out, err := ask(); out != nil || err != nil {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
	if f, err := tr.Events(t.Context(), x); f != nil || err != nil {
		t.Errorf("Events = %v, %v, want none for a module that does not look at streams", f, err)
	}
	if diff := cmp.Diff([]llm.Applied{{Plugin: "test", Hook: "request"}}, x.Applied, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Fuel" }, cmp.Ignore())); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	if _, err := NewTransform(load(t, asm.Guest(hook.Route, asm.Result(0, 0)).Bytes()), TransformOptions{}); err == nil {
		t.Error("a router was taken for a transform")
	}
}

// refusing calls penstock.error with a code.
func refusing(h hook.Hook, code int32) asm.Module {
	a := asm.Guest(h, asm.I32(code), asm.I32(4096), asm.I32(8), asm.Call(0), asm.Result(0, 0))
	a.Imports = []asm.Import{{Module: "penstock", Name: "error", Params: "iii", Results: ""}}
	a.Data = [][]byte{asm.Data(4096, []byte("no audio"))}
	return a
}

func TestOnErrorDecidesAboutFaults(t *testing.T) {
	trap := asm.Guest(hook.TransformRequest, asm.Op(0x00), asm.Result(0, 0))
	failed := llm.Error{Code: llm.CodeInternal, Status: 502, Fault: llm.FaultTransform, Message: "The plugin test failed, and the request can't go on without it."}
	for _, tt := range []struct {
		name string
		a    asm.Module
		skip bool
		want *llm.Error
	}{
		{"a refusal is the caller's to read", refusing(hook.TransformRequest, 451), true, &llm.Error{Code: llm.CodeRejected, Status: 451, Fault: llm.FaultBadRequest, Retried: true, Message: "no audio"}},
		{"a code that is no status", refusing(hook.TransformRequest, 7), false, &llm.Error{Code: llm.CodeRejected, Status: 400, Fault: llm.FaultBadRequest, Retried: true, Message: "no audio"}},
		{"the module blames itself", refusing(hook.TransformRequest, 500), false, &failed},
		{"a trap fails the request", trap, false, &failed},
		{"a trap is skipped", trap, true, nil},
		{"an invalid result fails the request", asm.Answering(hook.TransformRequest, []byte(`{"bodi":{}}`)), false, &failed},
		{"an invalid result is skipped", asm.Answering(hook.TransformRequest, []byte(`{"body":`)), true, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := transformer(t, tt.a, TransformOptions{SkipRequest: tt.skip})
			out, err := tr.Request(t.Context(), someExchange(), []byte("{}"))
			var got *llm.Error
			if err != nil {
				got = llm.AsError(err)
				got.Err = nil
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || out != nil {
				t.Errorf("error (-want +got):\n%s out %q", diff, out)
			}
			if s := tr.module.Stats(); s.Calls != 1 || s.Faults+s.Rejections != 1 {
				t.Errorf("stats %+v, want one call that did not end well", s)
			}
		})
	}
}

func TestATransformThatKeepsFailingIsDisabled(t *testing.T) {
	now := time.Unix(1700000000, 0)
	tr := transformer(t, asm.Guest(hook.TransformRequest, asm.Op(0x00), asm.Result(0, 0)), TransformOptions{Now: func() time.Time { return now }})
	for range breakAfter {
		if _, err := tr.Request(t.Context(), someExchange(), []byte("{}")); err == nil {
			t.Fatal("a trap was no error")
		}
	}
	calls := tr.module.Stats().Calls
	_, err := tr.Request(t.Context(), someExchange(), []byte("{}"))
	var f *hook.Fault
	if !errors.As(err, &f) || f.Kind != hook.Disabled || tr.module.Stats().Calls != calls {
		t.Errorf("after %d faults: %v", breakAfter, err)
	}
	now = now.Add(breakFor)
	if _, err = tr.Request(t.Context(), someExchange(), []byte("{}")); tr.module.Stats().Calls != calls+1 {
		t.Errorf("after the pause the module was not tried: %v", err)
	}
}

// filterOf opens a stream through a module that answers every event like this.
func filterOf(t *testing.T, answer string, o TransformOptions) (*Filter, *llm.Exchange, error) {
	t.Helper()
	// No opinion on penstock.start, whose payload begins with "p"; a chunk's begins with "c".
	a := asm.Answering(hook.NormalizeEvent, []byte(answer))
	last := &a.Funcs[len(a.Funcs)-1]
	last.Code = asm.Cat(asm.Get(0), asm.Mem(0x2d, 4), asm.I32('p'), asm.Op(0x46, 0x04, 0x40), asm.I64(0), asm.Op(0x0f, asm.End), last.Code)
	x := someExchange()
	f, err := transformer(t, a, o).Events(t.Context(), x)
	if err == nil {
		t.Cleanup(f.Close)
	}
	return f, x, err
}

func TestEventsOfATransform(t *testing.T) {
	frame := func(state, payload string) string {
		return string(binary.LittleEndian.AppendUint32(nil, uint32(len(state)))) + state + payload
	}
	for _, tt := range []struct {
		name, answer string
		want         []string
		changed      bool
		fault        string
	}{
		{name: "no opinion", answer: ""},
		{name: "swallowed", answer: frame("s", ""), changed: true},
		{name: "two lines", answer: frame("s", `{"choices":[]}`+"\n"+`{"choices":[{"index":1,"delta":{}}],"a":2}`),
			want: []string{`{"choices":[]}`, `{"choices":[{"index":1,"delta":{}}],"a":2}`}, changed: true},
		{name: "no chunk", answer: frame("", `{"a":1}`), fault: "neither choices nor an error"},
		{name: "usage alone", answer: frame("", `{"usage":{"prompt_tokens":1}}`), fault: "neither choices nor an error"},
		{name: "choices that are none", answer: frame("", `{"choices":{"0":{}}}`), fault: "line 1"},
		{name: "a choice that is none", answer: frame("", `{"choices":["x"]}`), fault: "line 1"},
		{name: "a delta that is text", answer: frame("", `{"choices":[{"index":0,"delta":"x"}]}`), fault: "the delta of a choice"},
		{name: "an index below 0", answer: frame("", `{"choices":[{"index":-1,"delta":{}}]}`), fault: "the index of a choice is -1"},
		{name: "a reason that is a number", answer: frame("", `{"choices":[{"delta":{},"finish_reason":1}]}`), fault: "the finish_reason of a choice"},
		{name: "not JSON", answer: frame("", `{"a":`), fault: "line 1"},
		{name: "the end is not its to say", answer: frame("", `[DONE]`), fault: "ended the stream"},
		{name: "nor an error", answer: frame("", `{"error":{"message":"x"}}`), fault: "ended the stream"},
		{name: "a state over the cap", answer: string(binary.LittleEndian.AppendUint32(nil, (64<<10)+1)) + strings.Repeat("s", (64<<10)+1), fault: "at most 65536"},
		{name: "a state that is cut", answer: string(binary.LittleEndian.AppendUint32(nil, 9)) + "s", fault: "a state of 9 bytes"},
		{name: "half a length", answer: "ab", fault: "at least 4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, x, err := filterOf(t, tt.answer, TransformOptions{})
			if err != nil {
				t.Fatal(err)
			}
			lines, changed, err := f.Next(t.Context(), []byte(`{"choices":[]}`))
			var got []string
			for _, l := range lines {
				got = append(got, string(l))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || changed != tt.changed {
				t.Errorf("lines (-want +got):\n%s changed %v", diff, changed)
			}
			if (err != nil) != (tt.fault != "") || tt.fault != "" && !strings.Contains(fmt.Sprint(x.Applied), tt.fault) {
				t.Errorf("%v, %+v; want a fault with %q", err, x.Applied, tt.fault)
			}
		})
	}
}

func TestAFilterKeepsItsVersionOfTheModule(t *testing.T) {
	f, _, err := filterOf(t, "", TransformOptions{SkipEvent: true})
	if err != nil {
		t.Fatal(err)
	}
	m := f.transform.module
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Close(done); err == nil {
		t.Error("the module was gone while a stream used it")
	}
	if _, _, err := f.Next(t.Context(), []byte("{}")); err != nil {
		t.Errorf("Next after the owner's Close: %v", err)
	}
	f.Close()
	f.Close()
	if err := m.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
