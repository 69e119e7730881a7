package wasm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

func TestAStoreSurvivesAReload(t *testing.T) {
	now := time.Unix(1000, 0)
	h, err := NewHost(Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close(context.Background())
	ask := func(name, in string) (int32, string) {
		t.Helper()
		m, err := h.Load(context.Background(), Spec{Name: name, Wasm: asm.Keeping(5).Bytes(), Grants: []string{hook.GrantKV}})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close(context.Background())
		out, err := ask(m, in)
		if err != nil {
			t.Fatal(err)
		}
		n := int32(binary.LittleEndian.Uint32(out))
		return n, string(out[4 : 4+max(min(n, 16), 0)])
	}
	type answer struct {
		n    int32
		text string
	}
	got := func(name, in string) answer {
		n, text := ask(name, in)
		return answer{n, text}
	}
	for _, c := range []struct {
		name, in string
		wait     time.Duration
		want     answer
	}{
		{"a", "one", 0, answer{-1, ""}},
		{"a", "two", 4 * time.Second, answer{3, "one"}},
		{"b", "other", 0, answer{-1, ""}},
		{"a", strings.Repeat("x", 20), 4 * time.Second, answer{3, "two"}},
		{"a", "", 0, answer{20, strings.Repeat("\x00", 16)}}, // does not fit
		{"a", "three", 5 * time.Second, answer{-1, ""}},      // has expired
	} {
		now = now.Add(c.wait)
		if diff := cmp.Diff(c.want, got(c.name, c.in), cmp.AllowUnexported(answer{})); diff != "" {
			t.Errorf("%s keeps %q (-want +got)\n%s", c.name, c.in, diff)
		}
	}
}

func TestWhatGoesBeyondTheStoreIsAFault(t *testing.T) {
	set := func(keyLen, ttl int32) []byte {
		return asm.Cat(asm.I32(0), asm.I32(keyLen), asm.I32(0), asm.I32(8), asm.I32(ttl), asm.Call(1), asm.Op(0x1a))
	}
	getting := func(ptr, n, out, room int32) []byte {
		return asm.Cat(asm.I32(ptr), asm.I32(n), asm.I32(out), asm.I32(room), asm.Call(0), asm.Op(0x1a))
	}
	for _, c := range []struct {
		name string
		code []byte
		want string
	}{
		{"long key", set(maxKey+1, 1), "more than 256 bytes"},
		{"long key to get", getting(0, maxKey+1, 0, 0), "more than 256 bytes"},
		{"long life", set(1, maxTTL+1), "more than 86400 seconds"},
		{"negative life", set(1, -1), "more than 86400 seconds"},
		{"key outside memory", getting(-8, 16, 0, 0), errBadPointer.Error()},
		{"value outside memory", asm.Cat(asm.I32(0), asm.I32(1), asm.I32(-8), asm.I32(16), asm.I32(5), asm.Call(1), asm.Op(0x1a)), errBadPointer.Error()},
		{"room outside memory", asm.Cat(set(1, 5), getting(0, 1, -4, 16)), errBadPointer.Error()},
		{"storm", asm.Loop(set(1, 5), asm.Br(0)), "used up its fuel"},
		{"fine", asm.Cat(set(maxKey, maxTTL), set(maxKey, 0), getting(0, maxKey, 0, 64)), ""},
	} {
		a := asm.Importing([]asm.Import{{Module: "penstock", Name: "kv_get", Params: "iiii", Results: "i"}, {Module: "penstock", Name: "kv_set", Params: "iiiii", Results: "i"}}, c.code, asm.Result(0, 0))
		m, _ := logged(t, a, hook.GrantKV)
		_, err := ask(m, "")
		var f *hook.Fault
		if (c.want == "") != (err == nil) || err != nil && (!errors.As(err, &f) || !strings.Contains(f.Detail, c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestALargeValueIsRefusedAndTheOldOneStays(t *testing.T) {
	// Stores n bytes and returns the result of kv_set.
	a := asm.Importing([]asm.Import{{Module: "penstock", Name: "kv_set", Params: "iiiii", Results: "i"}},
		asm.I32(70_000), asm.I32(0), asm.I32(1), asm.I32(0), asm.Get(0), asm.Mem(0x28, 0), asm.I32(5), asm.Call(0), asm.Mem(0x36, 0), asm.Result(70_000, 4))
	a.Memories = [][]byte{{0, 2}}
	m, _ := logged(t, a, hook.GrantKV)
	for n, want := range map[uint32]uint32{maxValue: 1, maxValue + 1: 0} {
		out, err := ask(m, string(binary.LittleEndian.AppendUint32(nil, n)))
		if err != nil || binary.LittleEndian.Uint32(out) != want {
			t.Errorf("kv_set of %d bytes = %x, %v, want %d", n, out, err, want)
		}
	}
}

func TestMetricsAreCounted(t *testing.T) {
	a := asm.Importing([]asm.Import{{Module: "penstock", Name: "metric_add", Params: "iiF", Results: ""}}, asm.Get(0), asm.Get(1), asm.F64(1.5), asm.Call(0), asm.Result(0, 0))
	m, _ := logged(t, a, hook.GrantMetrics)
	for _, name := range []string{"redactions_total", "a", "redactions_total"} {
		if _, err := ask(m, name); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string]float64{"redactions_total": 3, "a": 1.5}, m.Stats().Metrics); diff != "" {
		t.Errorf("metrics (-want +got)\n%s", diff)
	}
	for _, bad := range []string{"", "A", "1a", "a-b", "é", strings.Repeat("a", maxName+1)} {
		if _, err := ask(m, bad); err == nil || !strings.Contains(err.Error(), "invalid metric name") {
			t.Errorf("the name %q: %v", bad, err)
		}
	}
	for i := range maxMetrics - 2 {
		if _, err := ask(m, fmt.Sprintf("m%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ask(m, "one_more"); err == nil || !strings.Contains(err.Error(), "more than 32 metrics") {
		t.Errorf("a metric too many: %v", err)
	}
	if _, err := ask(m, "a"); err != nil {
		t.Errorf("a metric that is known: %v", err)
	}
}

func TestMetricValuesAreChecked(t *testing.T) {
	for v, fine := range map[float64]bool{0: true, math.MaxFloat64: true, -1: false, math.Inf(1): false} {
		var c counters
		if err := c.add([]byte("a"), v); (err == nil) != fine {
			t.Errorf("add(%v) = %v", v, err)
		}
		if err := c.add([]byte("a"), v); fine && (err != nil || math.IsInf(c.all()["a"], 0)) {
			t.Errorf("add(%v) twice: %v, %v", v, c.all(), err)
		}
	}
	if err := new(counters).add([]byte("a"), math.NaN()); err == nil {
		t.Error("add took NaN")
	}
}

func TestTheLogGrantChangesNothing(t *testing.T) {
	m := load(t, asm.Echo().Bytes(), func(s *Spec) { s.Grants = []string{hook.GrantLog} })
	if out, err := ask(m, "x"); err != nil || string(out) != "x" {
		t.Errorf("%q, %v", out, err)
	}
}
