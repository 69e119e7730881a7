package hook

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestTheFlatRecordIsLaidOutAsPublished(t *testing.T) {
	c := []llm.Candidate{{
		Target: &llm.Target{Price: llm.Price{Known: true, Input: 1, Output: 2, CacheRead: 3}, Context: 4, Quality: 0.5, Weight: 6,
			Order: -7, Fallback: true},
		Stats: llm.Stats{Inflight: 8, TTFT: llm.Millis(9 * time.Millisecond), TPS: 10, ErrorRate: 0.25, RemainingRequests: 11, RemainingTokens: -1},
	}}
	req := &llm.Request{Facts: llm.Facts{EstInputTokens: 100, MaxTokens: 200, Stream: true, Features: llm.Vision}}
	b := AppendFlat([]byte("before"), req, c, []byte("s\nk=v\n"), 42, time.Unix(1, 0))[len("before"):]
	le := binary.LittleEndian
	u32 := func(at int) uint32 { return le.Uint32(b[at:]) }
	f64 := func(at int) float64 { return math.Float64frombits(le.Uint64(b[at:])) }
	got := []any{le.Uint16(b), le.Uint16(b[2:]), u32(4), u32(8), u32(12), u32(16), u32(20), u32(24), u32(28),
		u32(32), u32(36), le.Uint64(b[40:]), le.Uint64(b[48:]), le.Uint64(b[56:]), u32(64), u32(68),
		f64(72), f64(80), f64(88), f64(96), f64(104), int32(u32(112)), u32(116), u32(120), u32(124), string(b[128:])}
	want := []any{uint16(1), uint16(96), uint32(1), uint32(100), uint32(200), uint32(0b101), uint32(128), uint32(13), uint32(0),
		uint32(0), uint32(0b1111), uint64(1), uint64(2), uint64(3), uint32(4), uint32(8),
		0.5, 9.0, 10.0, 0.25, 6.0, int32(-7), uint32(11), uint32(math.MaxUint32), uint32(0), "s\nk=v\nseed=42"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got)\n%s", diff)
	}
}

func TestUnknownFiguresAreNull(t *testing.T) {
	req := &llm.Request{ID: "r", Tags: map[string]string{"b": "\"2\"\n", "a": "1"}, Body: []byte(`{"model":"m","messages":[{"role":"user"}]}`),
		Principal: llm.Principal{KeyID: "k", Team: "t"}, Facts: llm.Facts{Model: "m\xff", EstInputTokens: 5, Features: llm.Tools}}
	c := []llm.Candidate{{Target: &llm.Target{ID: "p/m0", Provider: "p", Model: "m0", Weight: 1, Quality: -1},
		Stats: llm.Stats{RemainingRequests: -1, RemainingTokens: -1, TTFT: llm.Millis(300 * time.Millisecond), TPS: math.Inf(1)}}}
	got := AppendRouteEnvelope(nil, req, c, []byte(`"strategy":"s","with":{"x":1}`), true, time.Unix(1, 0))
	want := `{"v":1,"request_id":"r","model":"m�","key":"k","team":"t","user":"","tags":{"a":"1","b":"\"2\"\n"},"est_input_tokens":5,` +
		`"max_tokens":null,"stream":false,"features":["tools"],"last_user_chars":0,"messages":[{"role":"user"}],"strategy":"s","with":{"x":1},` +
		`"candidates":[{"i":0,"id":"p/m0","provider":"p","model":"m0","price_in":null,"price_out":null,"price_cached":null,"context":null,` +
		`"quality":null,"ttft_ms":300,"tps":null,"error_rate":0,"inflight":0,"weight":1,"order":0,"healthy":true,"fallback":false,` +
		`"remaining_rpm":null,"remaining_tpm":null,"cached_prefix":0}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" || !json.Valid(got) {
		t.Errorf("envelope (-want +got)\n%s", diff)
	}
	if got := AppendRouteEnvelope(nil, req, c, nil, false, time.Unix(1, 0)); strings.Contains(string(got), "messages") {
		t.Errorf("without the grant: %s", got)
	}
}

func TestSeedIsFNV1a(t *testing.T) {
	for in, want := range map[string]uint64{"": 0xcbf29ce484222325, "a": 0xaf63dc4c8601ec8c, "foobar": 0x85944171f73967e8} {
		if got := SeedOf(in); got != want {
			t.Errorf("SeedOf(%q) = %x, want %x", in, got, want)
		}
	}
}
