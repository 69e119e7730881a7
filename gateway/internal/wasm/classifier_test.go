package wasm

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
	"github.com/penstock/penstock/plugins/strategies"
	"github.com/penstock/penstock/plugins/strategies/classify"
)

// classifierRanker is that of the built-in module with these settings of the module.
func classifierRanker(t testing.TB, h *Host, settings json.RawMessage) *Ranker {
	t.Helper()
	m, err := h.Load(t.Context(), Spec{Name: "test", Wasm: builtin(t), Grants: []string{hook.GrantMessages}, Config: settings})
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRouter(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	reads, err := hook.ParseReads(strategies.Reads(strategies.Classifier))
	if err != nil {
		t.Fatal(err)
	}
	k, err := r.WithReads(reads).Prepare(strategies.Classifier, nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// asked is a request with a prompt in the form of chat completions.
func asked(t testing.TB, prompt string) *llm.Request {
	t.Helper()
	body, err := json.Marshal(map[string]any{"messages": []any{map[string]any{"role": "user", "content": prompt}}})
	if err != nil {
		t.Fatal(err)
	}
	return &llm.Request{ID: "r", Body: body, Facts: llm.Facts{EstInputTokens: 900}}
}

// TestTheClassifierIsTheSameInWasm compares the built-in module with the same code natively.
func TestTheClassifierIsTheSameInWasm(t *testing.T) {
	m, err := classify.Parse(classify.Shipped())
	if err != nil {
		t.Fatal(err)
	}
	k := classifierRanker(t, newTestHost(t), nil)
	prompts := []string{"hi", "Write a Go function, please.", "Übersetze das ins Englische: 你好世界", "2+2=? 1,234.5", strings.Repeat("long \"text\" with 12 words and more\n", 400)}
	for i := range 60 {
		prompts = append(prompts, strings.Repeat(fmt.Sprintf("Question %d: which of these %d is right? ", i*i, i), i%7+1))
	}
	var f classify.Features
	for _, prompt := range prompts {
		f.Read([]byte(prompt))
		got := k.Rank(t.Context(), asked(t, prompt), fleet(2))
		terms := map[string]float64{}
		if got.Fault == "" {
			for _, term := range got.Terms[0] {
				terms[term.Name] = term.Value
			}
		}
		if terms["difficulty"] != m.Score(&f) || terms["unknown_share"] != m.Unknown(&f) || terms["threshold"] != m.Threshold(.3) || !strings.HasPrefix(got.Reason, "class "+f.Category.String()+"-") {
			t.Errorf("%.30q: terms %v and reason %q, natively %v, %v, %v and %s; %s", prompt, terms, got.Reason, m.Score(&f), m.Unknown(&f), m.Threshold(.3), f.Category, got.Fault)
		}
	}
}

// TestReadsNeedTheirGrant has a router without the grant.
func TestReadsNeedTheirGrant(t *testing.T) {
	r, err := NewRouter(load(t, asm.Echo().Bytes()), nil)
	if err != nil {
		t.Fatal(err)
	}
	before := r.reads
	if got := r.WithReads(hook.AllReads).reads; got != hook.ReadTags|hook.ReadSession|hook.ReadClass || r.reads != before {
		t.Errorf("a module without the grant reads %b, and the router that it is from %b", got, r.reads)
	}
}

// TestOwnWeightsAreTheModulesSettings loads weights by which all prompts are hard.
func TestOwnWeightsAreTheModulesSettings(t *testing.T) {
	w := new(classify.Weights)
	w.Surface[classify.Strong][0], w.Surface[classify.Weak][0] = 4, -4
	settings := json.RawMessage(`{"weights":"` + hex.EncodeToString(w.Encode()) + `"}`)
	c := fleet(2)
	c[1].Target.Order = 1
	h := newTestHost(t)
	k := classifierRanker(t, h, settings)
	got := k.Rank(t.Context(), asked(t, "What is the capital of France?"), c)
	if got.Fault != "" || got.Order[0] != 1 || got.Reason != "class question-hard, by unknown words" {
		t.Errorf("ranking %+v", got)
	}
	_, err := h.Load(t.Context(), Spec{Name: "x", Wasm: builtin(t), Config: json.RawMessage(`{"weights":"00"}`)})
	if err == nil || !strings.Contains(err.Error(), "weights: not a file of weights") {
		t.Errorf("bad weights: %v", err)
	}
}

// BenchmarkClassifier ranks eight targets by prompts of several lengths, in bytes.
func BenchmarkClassifier(b *testing.B) {
	k := classifierRanker(b, newTestHost(b), nil)
	for _, n := range []int{400, 2000, 8192} {
		req, c := asked(b, strings.Repeat("Which of the following 12 statements about the economy is true? ", 200)[:n]), fleet(8)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := k.Rank(b.Context(), req, c); got.Fault != "" {
					b.Fatal(got.Fault)
				}
			}
		})
	}
}
