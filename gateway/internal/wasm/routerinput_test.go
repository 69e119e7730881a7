package wasm

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// TestRankWithoutAppendedFields has a module that steps by the record size of the header, and
// reads only what version 1.0 of the contract has.
func TestRankWithoutAppendedFields(t *testing.T) {
	// record is where the next record begins, out where its entry goes; the last comes first.
	const left, record, out = 2, 3, 4
	a := asm.Guest(hook.RouteFlat,
		asm.Get(0), asm.Mem(0x28, 4), asm.Tee(left), asm.Op(0x45, 0x04, 0x40), asm.I64(0), asm.Op(0x0f, asm.End), // without records: no opinion
		asm.Get(0), asm.I32(32), asm.Op(0x6a), asm.Set(record),
		asm.I32(32<<10), asm.Get(left), asm.I32(16), asm.Op(0x6c, 0x6a), asm.Set(out),
		asm.Loop(
			asm.Get(out), asm.I32(-16), asm.Op(0x6a), asm.Tee(out),
			asm.Get(record), asm.Mem(0x28, 0), asm.Mem(0x36, 0), // the index
			asm.Get(out), asm.Get(record), asm.Mem(0x2b, 72), asm.Mem(0x39, 8), // the weight is its score
			asm.Get(record), asm.Get(0), asm.Mem(0x2f, 2), asm.Op(0x6a), asm.Set(record),
			asm.Get(left), asm.I32(-1), asm.Op(0x6a), asm.Tee(left), asm.BrIf(0)),
		asm.I64(32<<42), asm.Get(0), asm.Mem(0x28, 4), asm.I32(16), asm.Op(0x6c, 0xad, 0x84))
	k := ranker(t, a.Bytes(), at(1000))
	c := fleet(5)
	for i := range c {
		c[i].Target.Weight, c[i].Stats.Samples, c[i].Sticky = float64(i)/2, 1e9, 1<<64-1
	}
	got := k.Rank(context.Background(), &llm.Request{Session: "s", Tags: map[string]string{"a": "b"}}, c)
	if diff := cmp.Diff([]int{4, 3, 2, 1, 0}, got.Order) + cmp.Diff([]float64{2, 1.5, 1, 0.5, 0}, got.Scores); diff != "" || got.Fault != "" {
		t.Errorf("ranking (-want +got)\n%s%s", diff, got.Fault)
	}
}

// TestManifestDeclaresHookAndReads has a module with both hooks record what it is called
// with.
func TestManifestDeclaresHookAndReads(t *testing.T) {
	a := asm.Guest(hook.Route, asm.I64(0))
	a.Funcs = append(a.Funcs, asm.Func{Export: hook.RouteFlat.String(), Params: "ii", Results: "I", Code: asm.I64(0)})
	req := &llm.Request{ID: "r", Session: "my session", Class: "my class", Tags: map[string]string{"my": "tag"},
		Body: []byte(`{"messages":[{"role":"system","content":"my rules"},{"role":"user","content":"my question"}]}`)}
	for _, c := range []struct {
		manifest string
		granted  bool
		hook     hook.Hook
		has      string
		hasNot   string
	}{
		{`{}`, false, hook.RouteFlat, "seed=", "my "},
		{`{}`, true, hook.RouteFlat, "seed=", "my "},
		{`{"hook":"route_flat","reads":[]}`, true, hook.RouteFlat, "seed=", "my "},
		{`{"hook":"route_flat","reads":["session"]}`, true, hook.RouteFlat, "my session", "my tag|my question"},
		{`{"reads":["tags"]}`, false, hook.RouteFlat, "tag", "my session|my question"},
		{`{"reads":["last_user_text"],"grants":["read:messages"]}`, true, hook.RouteFlat, "my question", "my session|tag|my rules"},
		{`{"reads":["class"]}`, false, hook.RouteFlat, "my class", "my session|tag|my question"},
		{`{"hook":"route"}`, false, hook.Route, `"session":"my session","tags":{"my":"tag"},"class":"my class"`, "my question"},
		{`{"hook":"route"}`, true, hook.Route, `"messages":[{"role":"system","content":"my rules"}`, "last_user_text"},
		{`{"hook":"route","reads":[]}`, true, hook.Route, `"tags":{"my":"tag"}`, "my question"},
		{`{"hook":"route","reads":["last_user_text"],"grants":["read:messages"]}`, true, hook.Route, `"last_user_text":"my question"`, `"messages"`},
	} {
		wasm, err := WithManifest(a.Bytes(), []byte(c.manifest), anyTests)
		if err != nil {
			t.Fatalf("%s: %v", c.manifest, err)
		}
		var calls []Recorded
		m := load(t, wasm, func(s *Spec) {
			s.Record = func(r Recorded) { calls = append(calls, r) }
			if c.granted {
				s.Grants = []string{hook.GrantMessages}
			}
		})
		r, err := NewRouter(m, at(1000))
		if err != nil {
			t.Fatal(err)
		}
		k, err := r.Prepare("s", nil)
		if err != nil {
			t.Fatal(err)
		}
		k.Rank(context.Background(), req, fleet(1))
		if len(calls) != 1 || calls[0].Hook != c.hook || !strings.Contains(string(calls[0].Input), c.has) {
			t.Errorf("%s: called with %+v, want %s with %q", c.manifest, calls, c.hook, c.has)
			continue
		}
		for _, text := range strings.Split(c.hasNot, "|") {
			if strings.Contains(string(calls[0].Input), text) {
				t.Errorf("%s: the module got %q", c.manifest, text)
			}
		}
	}
}

// TestLastUserTextOfCanonicalForm has the canonical form asked for only where the request's
// own form has no messages.
func TestLastUserTextOfCanonicalForm(t *testing.T) {
	canonical := func(body string, err error) func(context.Context) (*llm.Request, error) {
		return func(context.Context) (*llm.Request, error) { return &llm.Request{Body: []byte(body)}, err }
	}
	for _, c := range []struct {
		req  llm.Request
		want string
	}{
		{llm.Request{Body: []byte(`{"input":"x"}`), Canonical: canonical(`{"messages":[{"role":"user","content":"x"}]}`, nil)}, "x"},
		{llm.Request{Body: []byte(`{"messages":[{"role":"user","content":"y"}]}`), Canonical: canonical(``, errors.New("not asked"))}, "y"},
		{llm.Request{Body: []byte(`{"input":"x"}`), Canonical: canonical(`{"messages":[{"role":"user","content":"x"}]}`, errors.New("untranslatable"))}, ""},
		{llm.Request{Body: []byte(`{"input":"x"}`)}, ""},
	} {
		if got := string(AppendLastUser(context.Background(), nil, &c.req)); got != c.want {
			t.Errorf("of %s: %q, want %q", c.req.Body, got, c.want)
		}
	}
}
