package module

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

var errNoRust = errors.New("no Rust compiler with the target wasm32-unknown-unknown is installed " +
	"(Debian: apt-get install rustc libstd-rust-dev-wasm32 lld)")

// rustRouter is examples/router-rust, built as its README says.
var rustRouter = sync.OnceValues(func() ([]byte, error) {
	dir := filepath.Join("..", "..", "..", "examples", "router-rust")
	if out, err := exec.Command("make", "-s", "-C", dir, "compiler").Output(); err != nil || len(bytes.TrimSpace(out)) == 0 {
		return nil, errors.Join(errNoRust, err)
	}
	tmp, err := os.MkdirTemp("", "router-rust")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	wasm := filepath.Join(tmp, "cheapest.wasm")
	if out, err := exec.Command("make", "-C", dir, "OUT="+wasm).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(wasm)
})

func rustRanker(t testing.TB, with string) *Ranker {
	t.Helper()
	wasm, err := rustRouter()
	if errors.Is(err, errNoRust) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRouter(load(t, wasm), nil)
	if err != nil {
		t.Fatal(err)
	}
	k, err := r.Prepare("cheapest", []byte(with))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTheRustExampleRanksByCost(t *testing.T) {
	c := fleet(4)
	c[1].Target.Price = llm.Price{Known: true, Input: 1, Output: 9e9} // cheap to ask, dear to hear
	c[2].Target.Price = llm.Price{}
	req := &llm.Request{ID: "r", Facts: llm.Facts{EstInputTokens: 1000}, Tags: map[string]string{"odd": `}]"\{[`}}
	for _, test := range []struct {
		with string
		max  int64
		want []int
	}{
		{`{}`, 0, []int{3, 0, 1, 2}},
		{`{"output_tokens":10}`, 0, []int{1, 3, 0, 2}},
		{`{"other":[{"output_tokens":1}],"output_tokens":10}`, 5000, []int{3, 0, 1, 2}},
	} {
		req.Facts.MaxTokens = test.max
		got := rustRanker(t, test.with).Rank(context.Background(), req, c)
		if diff := cmp.Diff(test.want, got.Order); diff != "" || got.Fault != "" || got.Reason != "cheapest" {
			t.Errorf("Rank with %s: order (-want +got)\n%s%+v", test.with, diff, got)
		}
	}
}

func TestTheRustExampleRefusesWhatItHasNoRoomFor(t *testing.T) {
	k := rustRanker(t, `{"long":"`+strings.Repeat("x", 300<<10)+`"}`)
	got := k.Rank(context.Background(), &llm.Request{}, fleet(2))
	if !strings.Contains(got.Fault, "no room for the input") || len(got.Order) != 2 {
		t.Errorf("%+v", got)
	}
}

// FuzzRustExample shows that the example stands up to any JSON and to what is none.
func FuzzRustExample(f *testing.F) {
	k := rustRanker(f, `{}`)
	f.Add([]byte(`{"candidates":[{"i":0,"price_in":1,"price_out":2,"healthy":true}],"max_tokens":null}`))
	f.Add([]byte(`{"candidates":[{"i":"\`))
	f.Fuzz(func(t *testing.T, in []byte) {
		out, _, err := k.router.module.Call(context.Background(), Route, 1, in, nil)
		if err != nil {
			t.Fatalf("Call(%q): %v", in, err)
		}
		s := scan{b: out}
		if s.raw(); len(out) > 0 && s.end() != nil {
			t.Fatalf("Call(%q) = %q, which is not JSON", in, out)
		}
	})
}

// BenchmarkRankRust ranks 8 candidates with the Rust example through the JSON hook.
func BenchmarkRankRust(b *testing.B) {
	k := rustRanker(b, `{"output_tokens":300}`)
	req, c := &llm.Request{ID: "req-1", Facts: llm.Facts{Model: "m", EstInputTokens: 900}}, fleet(8)
	b.ReportAllocs()
	for b.Loop() {
		if got := k.Rank(context.Background(), req, c); got.Fault != "" {
			b.Fatal(got.Fault)
		}
	}
}
