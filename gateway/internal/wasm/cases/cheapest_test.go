package cases

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
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

func cheapestModule(t testing.TB, language string) *wasm.Module {
	t.Helper()
	return load(t, sdkModule(t, language, "cheapest"))
}

// rankWith ranks by a module's JSON hook. A router that has both would be asked in the flat
// form.
func rankWith(t *testing.T, m *wasm.Module, with string, req *llm.Request, c []llm.Candidate) llm.Ranking {
	t.Helper()
	in := hook.AppendRouteEnvelope(nil, &hook.RouteInput{Request: req, Candidates: c, Part: []byte(`"strategy":"cheapest","with":` + with), Now: time.Now()})
	out, _, err := m.Call(t.Context(), hook.Route, 1, in, nil)
	if err != nil {
		return llm.Ranking{Fault: err.Error()}
	}
	var b hook.RankingBuilder
	b.Reset(len(c))
	if err := hook.ReadRanking(&b, out); err != nil {
		t.Fatal(err)
	}
	if err := b.Finish(c, time.Now()); err != nil {
		t.Fatal(err)
	}
	return b.Ranking()
}

func TestTheExampleRoutersRankByCost(t *testing.T) {
	c := fleet(4)
	c[1].Target.Price = llm.Price{Known: true, Input: 1, Output: 9e9} // cheap to ask, dear to hear
	c[2].Target.Price = llm.Price{}
	req := &llm.Request{ID: "r", Facts: llm.Facts{EstInputTokens: 1000}, Tags: map[string]string{"odd": `}]"\{[`}}
	for _, language := range smallSDKs {
		m := cheapestModule(t, language)
		for _, test := range []struct {
			with string
			max  int64
			want []int
		}{
			{`{}`, 0, []int{3, 0, 1, 2}},
			{`{"output_tokens":10}`, 0, []int{1, 3, 0, 2}},
			{`{"other":[{"output_tokens":1}],"output_tokens":10}`, 5000, []int{1, 3, 0, 2}},
		} {
			req.Facts.MaxTokens = test.max
			got := rankWith(t, m, test.with, req, c)
			if diff := cmp.Diff(test.want, got.Order); diff != "" || got.Fault != "" || got.Reason != "cheapest" {
				t.Errorf("%s: Rank with %s: order (-want +got)\n%s%+v", language, test.with, diff, got)
			}
		}
	}
}

func TestTheSDKsRefuseWhatTheyHaveNoRoomFor(t *testing.T) {
	for _, language := range smallSDKs {
		m := load(t, sdkModule(t, language, "cheapest"), func(s *wasm.Spec) { s.MaxMemory = 16 << 20 })
		got := rankWith(t, m, `{"long":"`+strings.Repeat("x", 5<<20)+`"}`, &llm.Request{}, fleet(2))
		if !strings.Contains(got.Fault, "no room for the input") {
			t.Errorf("%s: %+v", language, got)
		}
		long := `{"long":"` + strings.Repeat("x", 5<<20-4096) + `"}`
		if got := rankWith(t, m, long, &llm.Request{}, fleet(2)); got.Fault != "" || len(got.Order) != 2 {
			t.Errorf("%s: just below the bound: %+v", language, got)
		}
	}
}

// TestTheSDKsImportOnlyWhatIsUsed: imports that need a grant must not be in a module
// whose plugin does not use them.
func TestTheSDKsImportOnlyWhatIsUsed(t *testing.T) {
	for _, language := range smallSDKs {
		for plugin := range references {
			s, err := wasm.Inspect(sdkModule(t, language, plugin), CheckTests)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range s.Imports {
				if strings.HasPrefix(i, "penstock.") && i != "penstock.error" {
					t.Errorf("%s/%s imports %s", language, plugin, i)
				}
			}
		}
	}
}

// FuzzCheapest checks that the example routers agree on any JSON, and that they return from
// input that is not JSON.
func FuzzCheapest(f *testing.F) {
	var modules []*wasm.Module
	for _, language := range smallSDKs {
		modules = append(modules, cheapestModule(f, language))
	}
	for _, c := range conformanceCases(f, "cheapest") {
		if h, ok := c.hook(); ok && h == hook.Route {
			if in, err := c.input(); err == nil {
				f.Add(in)
			}
		}
	}
	f.Add([]byte(`{"candidates":[{"i":"\`))
	f.Fuzz(func(t *testing.T, in []byte) {
		var answers [][]byte
		sent := json.Valid(in) // as the host sends it
		for _, m := range modules {
			if !sent {
				answersToGarbage(t, m, hook.Route, in)
				continue
			}
			out, _, err := m.Call(context.Background(), hook.Route, 1, in, nil)
			if r, ok := errors.AsType[*hook.Rejection](err); err != nil && (!ok || r.Code != 400) {
				t.Fatalf("Call(%q): %v", in, err)
			}
			if len(out) > 0 && !json.Valid(out) {
				t.Fatalf("Call(%q) = %q, which is not JSON", in, out)
			}
			answers = append(answers, bytes.Clone(out))
		}
		for _, other := range answers {
			if !sameJSON(answers[0], other) {
				t.Fatalf("Call(%q) = %q", in, answers)
			}
		}
	})
}

// sameJSON compares by value: one number has several spellings.
func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(orNull(a), &x) == nil && json.Unmarshal(orNull(b), &y) == nil && same(x, y)
}

func orNull(b []byte) []byte {
	if len(b) == 0 {
		return []byte("null")
	}
	return b
}
