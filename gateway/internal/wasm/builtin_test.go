package wasm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// These tests run the built-in module as the gateway does.

func builtinRanker(t testing.TB, strategy, with string) *Ranker {
	t.Helper()
	r, err := NewRouter(load(t, builtin(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	k, err := r.Prepare(strategy, json.RawMessage(with))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTheBuiltInStrategiesRank(t *testing.T) {
	req := &llm.Request{ID: "r", Facts: llm.Facts{EstInputTokens: 900, MaxTokens: 300}}
	for strategy, want := range map[string][]int{"ordered": {0, 1, 2, 3}, "cost": {3, 2, 1, 0}} {
		got := builtinRanker(t, strategy, `{}`).Rank(context.Background(), req, fleet(4))
		if diff := cmp.Diff(want, got.Order); diff != "" || got.Fault != "" {
			t.Errorf("%s: order (-want +got)\n%s%+v", strategy, diff, got)
		}
	}
	k := builtinRanker(t, "cost", `{"min_qualty":1}`)
	if got := k.Rank(context.Background(), req, fleet(2)); !strings.Contains(got.Fault, "min_qualty") {
		t.Errorf("a misspelt setting: %+v", got)
	}
	if err := k.Check(context.Background()); err == nil || !strings.Contains(err.Error(), "min_qualty") {
		t.Errorf("Check of a misspelt setting = %v", err)
	}
	if err := builtinRanker(t, "cost", `{"min_quality":1}`).Check(context.Background()); err != nil {
		t.Errorf("Check = %v", err)
	}
}

func builtinDialects(t testing.TB) *ProviderDialect {
	t.Helper()
	d, err := NewProviderDialect(load(t, builtin(t)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var claude = &llm.Target{ID: "anthropic/c", Provider: "anthropic", Model: "c", Dialect: llm.Anthropic, MaxOutput: 4096}

func TestTheBuiltInDialectTranslates(t *testing.T) {
	d := builtinDialects(t)
	ctx := context.Background()
	call, _, err := d.TransformRequest(ctx, hook.ProviderRequest{Dialect: llm.Anthropic, Target: claude, RequestID: "r",
		Body: []byte(`{"model":"x","messages":[{"role":"user","content":"hello"}]}`)})
	if err != nil || call.Path != "/messages" || !bytes.Contains(call.Body, []byte(`"model":"c"`)) {
		t.Fatalf("TransformRequest = %+v %s, %v", call, call.Body, err)
	}
	reply, err := d.NormalizeResponse(ctx, hook.ProviderReply{Dialect: llm.Anthropic, Target: claude, RequestID: "r", Status: 200, Created: time.Unix(1, 0),
		Body: []byte(`{"id":"m","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":1}}`)})
	if err != nil || !bytes.Contains(reply, []byte(`"hi"`)) {
		t.Fatalf("NormaliseResponse = %s, %v", reply, err)
	}
	_, err = d.NormalizeResponse(ctx, hook.ProviderReply{Dialect: llm.Anthropic, Target: claude, RequestID: "r", Status: 529,
		Body: []byte(`{"type":"error","error":{"type":"overloaded_error","message":"busy"}}`)})
	var e *llm.Error
	if !errors.As(err, &e) || e.Status != 529 || !bytes.Contains(e.Body, []byte("busy")) {
		t.Errorf("an overloaded provider: %+v", err)
	}
}

func TestTheBuiltInDialectStreams(t *testing.T) {
	e, err := builtinDialects(t).Events(context.Background(), hook.ProviderStream{Dialect: llm.Anthropic, Target: claude, RequestID: "r", IncludeUsage: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var all []string
	for _, ev := range [][2]string{
		{"message_start", `{"type":"message_start","message":{"id":"m","model":"c","usage":{"input_tokens":3,"output_tokens":1}}}`},
		{"content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`},
		{"content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}`},
		{"content_block_stop", `{"type":"content_block_stop","index":0}`},
		{"message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}`},
		{"message_stop", `{"type":"message_stop"}`},
	} {
		lines, err := e.Next(context.Background(), ev[0], []byte(ev[1]))
		if err != nil {
			t.Fatalf("%s: %v", ev[0], err)
		}
		for _, l := range lines {
			all = append(all, string(l))
		}
	}
	end, err := e.End(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range end {
		all = append(all, string(l))
	}
	text := strings.Join(all, "\n")
	if !strings.Contains(text, `"hi"`) || !strings.HasSuffix(text, hook.StreamDone) || !strings.Contains(text, `"completion_tokens":2`) {
		t.Errorf("stream:\n%s", text)
	}
}

// TestFuelSufficesForLargeBodies: a request with an image of 4 MiB must not run out of fuel.
func TestFuelSufficesForLargeBodies(t *testing.T) {
	d := builtinDialects(t)
	body := `{"model":"x","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` +
		strings.Repeat("QUJD", 1<<20) + `"}}]}]}`
	in := hook.AppendProviderRequest(nil, hook.ProviderRequest{Dialect: llm.Anthropic, Target: claude, RequestID: "r", Body: []byte(body)})
	began := time.Now()
	_, fuel, err := d.module.Call(context.Background(), hook.TransformRequest, 1, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes took %v and %d fuel, %d a byte", len(in), time.Since(began), fuel, fuel/int64(len(in)))
}
