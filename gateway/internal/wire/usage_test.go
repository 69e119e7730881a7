package wire

import (
	"context"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestUsage reads usage objects as providers send them, and as they should not: what says
// nothing readable is none, and an estimate takes its place.
func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		name, usage string
		want        *llm.Usage // nil: the provider has scriptedTurn nothing
	}{
		{"OpenAI's", `{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}`, &llm.Usage{Input: 9, Output: 4}},
		{"nothing", `{}`, nil},
		{"null", `null`, nil},
		{"nulls", `{"prompt_tokens":null,"completion_tokens":null}`, nil},
		{"zeros", `{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`, nil},
		{"strings", `{"prompt_tokens":"9","completion_tokens":"4"}`, nil},
		{"negative", `{"prompt_tokens":-9,"completion_tokens":-4}`, nil},
		{"fractions", `{"prompt_tokens":9.5,"completion_tokens":4.0}`, nil},
		{"1e30", `{"prompt_tokens":1e30,"completion_tokens":1e30}`, nil},
		{"objects", `{"prompt_tokens":{},"completion_tokens":[]}`, nil},
		{"beyond belief", `{"prompt_tokens":1000000000000000000,"completion_tokens":9223372036854775807}`, nil},
		{"beyond int64", `{"prompt_tokens":99999999999999999999,"completion_tokens":1}`, &llm.Usage{Output: 1}},
		{"one side", `{"prompt_tokens":9}`, &llm.Usage{Input: 9}},
		{"Anthropic's spelling", `{"input_tokens":9,"output_tokens":4,"cache_read_input_tokens":100,"cache_creation_input_tokens":10}`, &llm.Usage{Input: 119, CacheRead: 100, CacheWrite: 10, Output: 4}},
		{"that of OpenAI's responses", `{"input_tokens":9,"output_tokens":4,"input_tokens_details":{"cached_tokens":5},"output_tokens_details":{"reasoning_tokens":2}}`, &llm.Usage{Input: 9, CacheRead: 5, Output: 4, Reasoning: 2}},
		{"Bedrock's", `{"inputTokens":9,"outputTokens":4,"cacheReadInputTokens":3}`, &llm.Usage{Input: 12, CacheRead: 3, Output: 4}},
		{"Gemini's", `{"promptTokenCount":9,"candidatesTokenCount":4,"thoughtsTokenCount":6,"cachedContentTokenCount":3}`, &llm.Usage{Input: 9, CacheRead: 3, Output: 10, Reasoning: 6}},
		{"Ollama's", `{"prompt_eval_count":9,"eval_count":4}`, &llm.Usage{Input: 9, Output: 4}},
		{"both spellings", `{"prompt_tokens":9,"completion_tokens":4,"input_tokens":9,"output_tokens":4}`, &llm.Usage{Input: 9, Output: 4}},
		{"DeepSeek's cache", `{"prompt_tokens":9,"completion_tokens":4,"prompt_cache_hit_tokens":5}`, &llm.Usage{Input: 9, CacheRead: 5, Output: 4}},
		{"more cached than there was", `{"prompt_tokens":5,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":1000000}}`, &llm.Usage{Input: 5, CacheRead: 5, Output: 4}},
		{"more reasoning than there was", `{"prompt_tokens":5,"completion_tokens":4,"completion_tokens_details":{"reasoning_tokens":1000,"audio_tokens":90}}`, &llm.Usage{Input: 5, Output: 4, Reasoning: 4, AudioOutput: 4}},
		{"searches", `{"prompt_tokens":5,"completion_tokens":4,"server_tool_use":{"web_search_requests":2}}`, &llm.Usage{Input: 5, Output: 4, Searches: 2}},
		{"billed units", `{"prompt_tokens":1591,"completion_tokens":38,"prompt_tokens_details":{"cached_tokens":992},"billed_units":{"input_tokens":68,"output_tokens":8}}`,
			&llm.Usage{Input: 1591, CacheRead: 992, Output: 38, BilledInput: 68, BilledOutput: 8}},
		{"billed units beyond belief", `{"prompt_tokens":5,"completion_tokens":4,"billed_units":{"input_tokens":6800000000,"output_tokens":8}}`, &llm.Usage{Input: 5, Output: 4}},
		{"OpenAI's pictures", `{"input_tokens":50,"output_tokens":40,"input_tokens_details":{"image_tokens":30,"text_tokens":20},"output_tokens_details":{"image_tokens":39}}`,
			&llm.Usage{Input: 50, ImageInput: 30, Output: 40, ImageOutput: 39}},
		{"Gemini's pictures", `{"promptTokenCount":300,"candidatesTokenCount":1300,"promptTokensDetails":[{"modality":"TEXT","tokenCount":42},{"modality":"IMAGE","tokenCount":258}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1290}]}`,
			&llm.Usage{Input: 300, ImageInput: 258, Output: 1300, ImageOutput: 1290}},
		{"more pictures than there was", `{"prompt_tokens":5,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2,"image_tokens":9},"completion_tokens_details":{"audio_tokens":3,"image_tokens":9}}`,
			&llm.Usage{Input: 5, CacheRead: 2, ImageInput: 3, Output: 4, AudioOutput: 3, ImageOutput: 1}},
		{"a service tier", `{"input_tokens":9,"output_tokens":4,"service_tier":"priority"}`, &llm.Usage{Input: 9, Output: 4, Tier: llm.TierPriority}},
		{"fast mode beside one", `{"input_tokens":9,"output_tokens":4,"speed":"fast","service_tier":"standard"}`, &llm.Usage{Input: 9, Output: 4, Tier: llm.TierFast}},
		{"a tier that is no word", `{"input_tokens":9,"output_tokens":4,"service_tier":7,"speed":null}`, &llm.Usage{Input: 9, Output: 4}},
		{"an advisor's tokens", `{"prompt_tokens":5,"completion_tokens":4,"advisor_tokens":2540}`, &llm.Usage{Input: 5, Output: 4, Advisor: 2540}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for way, got := range usages(t, tt.usage) {
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s: usage (-want +got):\n%s", way, diff)
				}
			}
		})
	}
}

// usages reads one usage object in every way in which a reply may carry it.
func usages(t *testing.T, usage string) map[string]*llm.Usage {
	chunk := func(rest string) string { return `data: {"choices":[` + rest + "}\n\n" }
	text := `{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]`
	streams := map[string]string{
		"in a chunk of its own":      chunk(text) + chunk(`],"usage":`+usage) + end,
		"in the last chunk":          chunk(text+`,"usage":`+usage) + end,
		"in Groq's place":            chunk(text+`,"x_groq":{"usage":`+usage+`}`) + end,
		"in Moonshot's place":        chunk(`{"index":0,"delta":{"content":"hi"},"finish_reason":"stop","usage":`+usage+`}]`) + end,
		"without choices":            chunk(text) + `data: {"choices":null,"usage":` + usage + "}\n\n" + end,
		"twice, the second time nil": chunk(text+`,"usage":`+usage) + chunk(`],"usage":{"prompt_tokens":0,"completion_tokens":0}`) + end,
	}
	got := map[string]*llm.Usage{}
	for way, body := range streams {
		_, _, info, err := read(t, false, answer(200, "text/event-stream", body))
		if err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		got[way] = info.Usage
	}
	for way, body := range map[string]string{
		"plain":                      `{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":` + usage + `}`,
		"plain, in Moonshot's place": `{"choices":[{"message":{"content":"hi"},"finish_reason":"stop","usage":` + usage + `}]}`,
	} {
		s, err := dialects().Read(t.Context(), exchange(&llm.Request{}), answer(200, "application/json", body))
		if err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		got[way] = s.Info().Usage
	}
	return got
}

func TestUsageNobodyAskedForIsHidden(t *testing.T) {
	for _, chunk := range []string{`{"choices":[],"usage":{"prompt_tokens":1}}`, `{"choices":null,"usage":{"prompt_tokens":1}}`, `{"usage":{"prompt_tokens":1}}`, `{"choices":[],"usage":{}}`} {
		shown, hidden, _, err := read(t, false, answer(200, "text/event-stream", role+finish+"data: "+chunk+"\n\n"+end))
		if err != nil || shown != role+finish+end || hidden == "" {
			t.Errorf("%s: shown %q, hidden %q, %v", chunk, shown, hidden, err)
		}
		if shown, _, _, _ = read(t, true, answer(200, "text/event-stream", role+finish+"data: "+chunk+"\n\n"+end)); shown == role+finish+end {
			t.Errorf("%s is kept from a client that asked for it", chunk)
		}
	}
}

// TestCountsAreBounded by the context window where it is known, or by what was sent.
func TestCountsAreBounded(t *testing.T) {
	for _, tt := range []struct {
		name    string
		context int64
		text    int64
		dialect llm.Dialect
		input   int64
		want    int64
		passes  string
	}{
		{name: "within the window", context: 8192, input: 8192, want: 8192},
		{name: "beyond it", context: 8192, input: 8193},
		{name: "a window that is configured too small", context: 8192, text: 100_000, input: 30_000, want: 30_000},
		{name: "an unknown window", input: 1_000_000, want: 1_000_000},
		{name: "beyond an unknown one", input: 1_000_065},
		{name: "a search reads the prompt again", context: 8192, input: 16_000, want: 16_000, passes: `,"server_tool_use":{"web_search_requests":1}`},
		{name: "several passes of a translated reply", context: 8192, input: 30_000, want: 30_000, dialect: llm.Anthropic},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := exchange(&llm.Request{Facts: llm.Facts{TextBytes: tt.text}})
			x.Target = &llm.Target{Dialect: llm.OpenAI, Context: tt.context}
			if tt.dialect != "" {
				x.Target.Dialect = tt.dialect
			}
			got := usageOf(fmt.Appendf(nil, `{"prompt_tokens":%d,"completion_tokens":1%s}`, tt.input, tt.passes), boundsOf(x))
			if got == nil || got.Input != tt.want {
				t.Errorf("usage = %+v, want %d tokens in", got, tt.want)
			}
		})
	}
}

// scriptedModule is a module that says these lines at the first event, and nothing after it.
type scriptedModule []string

func (s scriptedModule) Request(context.Context, Envelope, []byte) (llm.Call, Notes, error) {
	return llm.Call{}, Notes{}, nil
}
func (s scriptedModule) Response(context.Context, Envelope, *llm.Answer, []byte) ([]byte, error) {
	return nil, io.EOF
}
func (s scriptedModule) Events(context.Context, Envelope) (Translation, error) {
	return &scriptedTurn{lines: s}, nil
}

type scriptedTurn struct{ lines []string }

func (s *scriptedTurn) Next(context.Context, string, []byte) (out [][]byte, err error) {
	for _, line := range s.lines {
		out = append(out, []byte(line))
	}
	s.lines = nil
	return out, nil
}
func (s *scriptedTurn) End(context.Context) ([][]byte, error) { return nil, nil }
func (s *scriptedTurn) Close()                                {}

// TestEarlyUsage: what a module says of usage before the end is read, reaches no client,
// and is kept when the stream breaks off.
func TestEarlyUsage(t *testing.T) {
	d := dialects()
	d.Modules = scriptedModule{
		`{"choices":[{"index":0,"delta":{"role":"assistant"}}]}`,
		`{"id":"x","usage":{"prompt_tokens":100010,"completion_tokens":0,"prompt_tokens_details":{"cached_tokens":100000}}}`,
		`{"choices":[{"index":0,"delta":{"content":"one two three"}}]}`,
	}
	x := exchange(&llm.Request{Facts: llm.Facts{Stream: true, IncludeUsage: true}})
	x.Target = &llm.Target{Dialect: llm.Anthropic}
	s, err := d.Read(t.Context(), x, answer(200, "text/event-stream", "data: {}\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	events := 0
	for err == nil {
		var ev llm.Event
		if ev, err = s.Next(); err == nil && !ev.Hidden {
			events++
		}
	}
	if events != 2 || faultOf(err) != llm.FaultCut {
		t.Errorf("%d events and %v, want two and a cut", events, err)
	}
	want := llm.Usage{Input: 100_010, CacheRead: 100_000, Output: 4, Estimated: true}
	if diff := cmp.Diff(want, s.Info().Billed(300_000, false)); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
}

// TestRepeatedMessage: a provider that sends the whole message so far beside each delta
// has produced it once.
func TestRepeatedMessage(t *testing.T) {
	body, text := "", ""
	for range 100 {
		text += "word "
		body += `data: {"choices":[{"index":0,"delta":{"content":"word "},"message":{"role":"assistant","content":"` + text + `"}}]}` + "\n\n"
	}
	_, _, info, err := read(t, false, answer(200, "text/event-stream", body+finish+end))
	if err != nil || info.TextBytes != 500 || info.Pieces != 100 {
		t.Errorf("%d bytes in %d pieces, %v; want 500 in 100", info.TextBytes, info.Pieces, err)
	}
}

func FuzzUsage(f *testing.F) {
	f.Add([]byte(`{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":5,"cache_write_tokens":3},"total_tokens":9223372036854775807}`))
	f.Add([]byte(`{"input_tokens":9223372036854775807,"cache_read_input_tokens":9223372036854775807,"output_tokens":1}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		u := usageOf(in, bounds{1000, 2000})
		if u == nil {
			return
		}
		most := int64(1000 * (maxSearches + 1))
		details := u.CacheRead + u.CacheWrite + u.CacheWriteLong + u.AudioInput
		if u.Input < 0 || u.Input > most || u.Output < 0 || u.Output > 2*most || details > u.Input ||
			min(u.CacheRead, u.CacheWrite, u.CacheWriteLong, u.AudioInput, u.Reasoning, u.Searches, u.Advisor) < 0 || max(u.Reasoning, u.AudioOutput) > u.Output {
			t.Errorf("%s is read as %+v", in, *u)
		}
		price := llm.Price{Known: true, Input: math.MaxInt64 / 2, Output: math.MaxInt64 / 2}
		if price.Cost(*u) < 0 {
			t.Errorf("%s costs %v", in, price.Cost(*u))
		}
	})
}
