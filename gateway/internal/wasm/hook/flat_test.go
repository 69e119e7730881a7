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
			Order: -7, Fallback: true, MaxInflight: 18},
		Stats: llm.Stats{Inflight: 8, TTFT: llm.Millis(9 * time.Millisecond), TPS: 10, ErrorRate: 0.25, RemainingRequests: 11, RemainingTokens: -1,
			TTFTP50: llm.Millis(14 * time.Millisecond), TTFTP95: llm.Millis(15 * time.Millisecond), Samples: 16.5, RequestsLeft: 0.75, TokensLeft: -1, ExpectedOutput: 19},
		CachedPrefix: 12, EstCost: 13, Sticky: 1<<63 + 17,
	}}
	req := &llm.Request{Facts: llm.Facts{EstInputTokens: 100, MaxTokens: 200, Stream: true, Features: llm.Vision}}
	b := AppendFlat([]byte("before"), &RouteInput{Request: req, Candidates: c, Part: []byte("s\nk=v\n"), Seed: 42, Now: time.Unix(1, 0)})[len("before"):]
	le := binary.LittleEndian
	u32 := func(at int) uint32 { return le.Uint32(b[at:]) }
	f64 := func(at int) float64 { return math.Float64frombits(le.Uint64(b[at:])) }
	header := []any{le.Uint16(b), le.Uint16(b[2:]), u32(4), u32(8), u32(12), u32(16), u32(20), u32(24), u32(28)}
	if diff := cmp.Diff([]any{uint16(1), uint16(160), uint32(1), uint32(100), uint32(200), uint32(0b101), uint32(192), uint32(13), uint32(0)}, header); diff != "" {
		t.Errorf("header (-want +got)\n%s", diff)
	}
	b = b[32:]
	got := []any{u32(0), u32(4), le.Uint64(b[8:]), le.Uint64(b[16:]), le.Uint64(b[24:]), u32(32), u32(36),
		f64(40), f64(48), f64(56), f64(64), f64(72), int32(u32(80)), u32(84), u32(88), u32(92),
		int64(le.Uint64(b[96:])), f64(104), f64(112), f64(120), f64(128), f64(136), le.Uint64(b[144:]), le.Uint64(b[152:]), string(b[160:])}
	want := []any{uint32(0), uint32(0b1111), uint64(1), uint64(2), uint64(3), uint32(4), uint32(8),
		0.5, 9.0, 10.0, 0.25, 6.0, int32(-7), uint32(11), uint32(math.MaxUint32), uint32(12),
		int64(13), 14.0, 15.0, 16.5, 0.75, -1.0, uint64(1<<63 + 17), uint64(19<<32 + 18), "s\nk=v\nseed=42"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got)\n%s", diff)
	}
}

func TestUnknownCostIsNegative(t *testing.T) {
	for _, c := range []llm.Candidate{{Target: &llm.Target{}, EstCost: 5}, {Target: &llm.Target{Price: llm.Price{Known: true}}, EstCost: -7}} {
		b := AppendFlat(nil, &RouteInput{Request: &llm.Request{}, Candidates: []llm.Candidate{c}})
		if got := int64(binary.LittleEndian.Uint64(b[32+96:])); got != -1 {
			t.Errorf("the cost of %+v is %d, want -1", c, got)
		}
	}
}

func TestRequestSectionLayout(t *testing.T) {
	req := &llm.Request{Session: "abc", Class: "hard", Tags: map[string]string{"z": "", "app": "do\ncs"}}
	in := &RouteInput{Request: req, Part: []byte("s\n"), LastUser: []byte("why?")}
	entry := func(kind byte, text string) string {
		return string([]byte{kind, 0, 0, 0, byte(len(text)), 0, 0, 0}) + text
	}
	session, tags, user, class := entry(1, "abc"), entry(2, "app")+entry(3, "do\ncs")+entry(2, "z")+entry(3, ""), entry(4, "why?"), entry(5, "hard")
	for reads, want := range map[Reads]string{0: "", ReadSession: session, ReadTags: tags, ReadLastUser: user, ReadMessages: "", ReadClass: class, AllReads: session + tags + user + class} {
		in.Reads = reads
		b := AppendFlat([]byte("x"), in)[1:]
		at := binary.LittleEndian.Uint32(b[28:])
		if want == "" {
			if at != 0 || !strings.HasSuffix(string(b), "s\nseed=0") {
				t.Errorf("reads %b: the section is at %d in %q, want none", reads, at, b)
			}
			continue
		}
		if got := string(b[at:]); got != string([]byte{byte(len(want)), 0, 0, 0})+want || at != binary.LittleEndian.Uint32(b[20:])+binary.LittleEndian.Uint32(b[24:]) {
			t.Errorf("reads %b: the section at %d is %q, want %q behind the text", reads, at, got, want)
		}
	}
	in.Request, in.LastUser, in.Reads = &llm.Request{}, nil, AllReads
	if b := AppendFlat(nil, in); binary.LittleEndian.Uint32(b[28:]) != 0 {
		t.Errorf("a request without texts has a section: %q", b)
	}
}

func TestFlatAllocatesNothing(t *testing.T) {
	in := &RouteInput{Request: &llm.Request{Session: "s", Tags: map[string]string{"a": "1", "b": "2"}, Body: []byte(`{"messages":[{"role":"user","content":"a\nb"}]}`)},
		Candidates: make([]llm.Candidate, 8), Part: []byte("s\n"), Seed: 1, Reads: AllReads}
	for i := range in.Candidates {
		in.Candidates[i].Target = &llm.Target{ID: "p/m"}
	}
	var buf []byte
	if n := testing.AllocsPerRun(100, func() {
		in.LastUser = AppendLastUser(in.LastUser[:0], in.Request.Body)
		buf = AppendFlat(buf[:0], in)
	}); n != 0 {
		t.Errorf("AppendFlat allocates %v times, want 0", n)
	}
}

func TestUnknownFiguresAreNull(t *testing.T) {
	req := &llm.Request{ID: "r", Session: "s", Class: "easy", Tags: map[string]string{"b": "\"2\"\n", "a": "1"}, Body: []byte(`{"model":"m","messages":[{"role":"user"}]}`),
		Principal: llm.Principal{KeyID: "k", Team: "t"}, Facts: llm.Facts{Model: "m\xff", EstInputTokens: 5, Features: llm.Tools}}
	c := []llm.Candidate{{Target: &llm.Target{ID: "p/m0", Provider: "p", Model: "m0", Weight: 1, Quality: -1},
		Stats: llm.Stats{RemainingRequests: -1, RemainingTokens: -1, TTFT: llm.Millis(300 * time.Millisecond), TPS: math.Inf(1), RequestsLeft: -1, TokensLeft: 0.5}}}
	in := &RouteInput{Request: req, Candidates: c, Part: []byte(`"strategy":"s","with":{"x":1}`), Now: time.Unix(1, 0), Reads: AllReads, LastUser: []byte("a\nb")}
	got := AppendRouteEnvelope(nil, in)
	want := `{"v":1,"request_id":"r","model":"m�","key":"k","team":"t","user":"","session":"s","tags":{"a":"1","b":"\"2\"\n"},"class":"easy","est_input_tokens":5,` +
		`"max_tokens":null,"stream":false,"features":["tools"],"last_user_chars":0,"last_user_text":"a\nb","messages":[{"role":"user"}],"strategy":"s","with":{"x":1},` +
		`"candidates":[{"i":0,"id":"p/m0","provider":"p","model":"m0","price_in":null,"price_out":null,"price_cached":null,"context":null,` +
		`"quality":null,"ttft_ms":300,"tps":null,"error_rate":0,"inflight":0,"weight":1,"order":0,"healthy":true,"fallback":false,` +
		`"remaining_rpm":null,"remaining_tpm":null,"cached_prefix":0,"est_cost":null,"ttft_p50_ms":null,"ttft_p95_ms":null,"samples":0,` +
		`"requests_left":null,"tokens_left":0.5,"max_inflight":null,"expected_output":null,"sticky":null}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" || !json.Valid(got) {
		t.Errorf("envelope (-want +got)\n%s", diff)
	}
	c[0].CachedPrefix, c[0].EstCost, c[0].Sticky, c[0].Target.Price.Known = 7, 9, 1<<63, true
	in.Reads = 0
	got = AppendRouteEnvelope(nil, in)
	if strings.Contains(string(got), `"messages"`) || strings.Contains(string(got), `"last_user_text"`) {
		t.Errorf("without being read: %s", got)
	}
	if !strings.Contains(string(got), `"cached_prefix":7,"est_cost":9,`) || !strings.HasSuffix(string(got), `"sticky":"9223372036854775808"}]}`) {
		t.Errorf("known figures: %s", got)
	}
}

func TestSeedIsFNV1a(t *testing.T) {
	for in, want := range map[string]uint64{"": 0xcbf29ce484222325, "a": 0xaf63dc4c8601ec8c, "foobar": 0x85944171f73967e8} {
		if got := SeedOf(in); got != want {
			t.Errorf("SeedOf(%q) = %x, want %x", in, got, want)
		}
	}
}
