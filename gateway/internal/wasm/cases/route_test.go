package cases

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// TestAFlatInputIsThatOfTheGateway holds the conversion of cases against the layout.
func TestAFlatInputIsThatOfTheGateway(t *testing.T) {
	const envelope = `{"session":"my session","tags":{"app":"my docs"},"last_user_text":"my question","strategy":"s","candidates":[
		{"price_in":1,"price_out":2,"healthy":true,"cached_prefix":3,"est_cost":4,"ttft_p50_ms":5.5,"ttft_p95_ms":6,"samples":7.5,"requests_left":0.5,"tokens_left":0,"max_inflight":9,"expected_output":10,"sticky":"18446744073709551615"},
		{"price_in":1,"price_out":2,"est_cost":null,"ttft_p50_ms":null,"requests_left":null,"sticky":null}]}`
	b, err := flatInput([]byte(envelope), hook.ReadSession, 1, time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	figures := func(at int) []any {
		f64 := func(k int) float64 { return math.Float64frombits(le.Uint64(b[at+k:])) }
		return []any{le.Uint32(b[at+92:]), int64(le.Uint64(b[at+96:])), f64(104), f64(112), f64(120), f64(128), f64(136), le.Uint64(b[at+144:]), le.Uint64(b[at+152:])}
	}
	if diff := cmp.Diff([]any{uint32(3), int64(4), 5.5, 6.0, 7.5, 0.5, 0.0, uint64(math.MaxUint64), uint64(10<<32 + 9)}, figures(32)); diff != "" {
		t.Errorf("what is known (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]any{uint32(0), int64(-1), 0.0, 0.0, 0.0, -1.0, -1.0, uint64(0), uint64(0)}, figures(32+160)); diff != "" {
		t.Errorf("what is unknown (-want +got)\n%s", diff)
	}
	if text := string(b[32+2*160:]); !strings.HasSuffix(text, "my session") || strings.Contains(text, "docs") || strings.Contains(text, "question") {
		t.Errorf("the texts are %q, want the session alone", text)
	}
	if _, err := flatInput([]byte(`{"candidates":[{"sticky":7}]}`), 0, 1, time.Unix(1, 0)); err == nil {
		t.Error("a sticky hash that is a number is accepted")
	}
}
