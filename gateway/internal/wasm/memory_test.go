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
)

// keeping is a guest that keeps its input under the key "k" for so many seconds, and
// answers with what it found there before; its result is the length and 16 bytes.
func keeping(ttl int32) asm {
	a := importing([]asmImport{{"penstock", "kv_get", "iiii", "i"}, {"penstock", "kv_set", "iiiii", "i"}},
		i32c(2048), i32c(512), i32c(1), i32c(2052), i32c(16), call(0), mem(0x36, 0),
		i32c(512), i32c(1), get(0), get(1), i32c(ttl), call(1), op(0x1a), result(2048, 20))
	a.data = [][]byte{cat([]byte{0}, i32c(512), []byte{opEnd}, sized([]byte("k")))}
	return a
}

func TestAStoreSurvivesAReload(t *testing.T) {
	now := time.Unix(1000, 0)
	h, err := NewHost(Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close(context.Background())
	ask := func(name, in string) (int32, string) {
		t.Helper()
		m, err := h.Load(context.Background(), Spec{Name: name, Wasm: keeping(5).bytes(), Grants: []string{GrantKV}})
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

func TestTryShowsAndChecksTheStore(t *testing.T) {
	trials := try(t, keeping(5).bytes(), `[
		{"hook":"route","grants":["kv"],"kv":{"k":"old","l":"x"},"input":"new","expect_kv":{"k":"new","l":"x","m":null}},
		{"hook":"route","grants":["kv"],"kv_base64":{"k":"/w=="},"input":"new","expect_base64":"AQAAAP8AAAAAAAAAAAAAAAAAAAA="},
		{"hook":"route","grants":["kv"],"input":"new","expect_kv":{"k":"old"}},
		{"hook":"route","grants":["kv"],"input":"new","expect_kv":{"k":null,"q":"x"}}]`)
	for i, want := range []string{"", "", `holds "k" = "new", want "old"`, `the store lacks "q"`} {
		if got := failureText(trials[i]); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%d: %q, want %q", i, got, want)
		}
	}
}

func TestWhatGoesBeyondTheStoreIsAFault(t *testing.T) {
	set := func(keyLen, ttl int32) []byte {
		return cat(i32c(0), i32c(keyLen), i32c(0), i32c(8), i32c(ttl), call(1), op(0x1a))
	}
	getting := func(ptr, n, out, room int32) []byte {
		return cat(i32c(ptr), i32c(n), i32c(out), i32c(room), call(0), op(0x1a))
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
		{"value outside memory", cat(i32c(0), i32c(1), i32c(-8), i32c(16), i32c(5), call(1), op(0x1a)), errBadPointer.Error()},
		{"room outside memory", cat(set(1, 5), getting(0, 1, -4, 16)), errBadPointer.Error()},
		{"storm", loop(set(1, 5), br(0)), "used up its fuel"},
		{"fine", cat(set(maxKey, maxTTL), set(maxKey, 0), getting(0, maxKey, 0, 64)), ""},
	} {
		a := importing([]asmImport{{"penstock", "kv_get", "iiii", "i"}, {"penstock", "kv_set", "iiiii", "i"}}, c.code, result(0, 0))
		m, _ := logged(t, a, GrantKV)
		_, err := ask(m, "")
		var f *Fault
		if (c.want == "") != (err == nil) || err != nil && (!errors.As(err, &f) || !strings.Contains(f.Detail, c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestALargeValueIsRefusedAndTheOldOneStays(t *testing.T) {
	// Keeps n bytes and answers with what kv_set said.
	a := importing([]asmImport{{"penstock", "kv_set", "iiiii", "i"}},
		i32c(70_000), i32c(0), i32c(1), i32c(0), get(0), mem(0x28, 0), i32c(5), call(0), mem(0x36, 0), result(70_000, 4))
	a.memories = [][]byte{{0, 2}}
	m, _ := logged(t, a, GrantKV)
	for n, want := range map[uint32]uint32{maxValue: 1, maxValue + 1: 0} {
		out, err := ask(m, string(binary.LittleEndian.AppendUint32(nil, n)))
		if err != nil || binary.LittleEndian.Uint32(out) != want {
			t.Errorf("kv_set of %d bytes = %x, %v, want %d", n, out, err, want)
		}
	}
}

func TestMetricsAreCounted(t *testing.T) {
	a := importing([]asmImport{{"penstock", "metric_add", "iiF", ""}}, get(0), get(1), f64c(1.5), call(0), result(0, 0))
	m, _ := logged(t, a, GrantMetrics)
	for _, name := range []string{"redactions_total", "a", "redactions_total"} {
		if _, err := ask(m, name); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string]float64{"redactions_total": 3, "a": 1.5}, m.Stats().Metrics); diff != "" {
		t.Errorf("metrics (-want +got)\n%s", diff)
	}
	for _, bad := range []string{"", "A", "1a", "a-b", "é", strings.Repeat("a", maxName+1)} {
		if _, err := ask(m, bad); err == nil || !strings.Contains(err.Error(), "which is none") {
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

func f64c(v float64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{0x44}, math.Float64bits(v))
}

func TestTheLogGrantChangesNothing(t *testing.T) {
	m := load(t, echo().bytes(), func(s *Spec) { s.Grants = []string{GrantLog} })
	if out, err := ask(m, "x"); err != nil || string(out) != "x" {
		t.Errorf("%q, %v", out, err)
	}
}
