package intake_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

func TestScanFacts(t *testing.T) {
	in := `{"model":"smart", "stream": true,"stream_options":{"include_usage":true},"max_tokens":64,"n":2,` +
		`"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"a\n\u00e9"},` +
		`{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}],"tools":[{"type":"function"}],` +
		`"response_format":{"type":"json_schema"},"reasoning_effort":"low","logprobs":true,"user":"u-1",` +
		`"metadata":{"usecase":"support","n":1},"cache":{"ttl":60,"no-store":true,"namespace":"x"},"top_p":1}`
	got, cache, err := intake.Scan([]byte(in), intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	show := func(s llm.Span) string { return in[s.Start:s.End] }
	spans := map[string]string{
		"model":  show(got.ModelAt),
		"stream": show(got.StreamAt),
		"opts":   show(got.StreamOptionsAt),
		"max":    show(got.MaxTokensAt),
		"cache":  show(got.CacheAt),
		"end":    in[got.End:],
	}
	want := map[string]string{
		"model": `"smart"`, "stream": "true", "opts": `{"include_usage":true}`, "max": "64",
		"cache": `,"cache":{"ttl":60,"no-store":true,"namespace":"x"}`, "end": "}",
	}
	if d := cmp.Diff(want, spans); d != "" {
		t.Errorf("spans (-want +got):\n%s", d)
	}
	got.ModelAt, got.StreamAt, got.StreamOptionsAt, got.MaxTokensAt, got.CacheAt = llm.Span{}, llm.Span{}, llm.Span{}, llm.Span{}, llm.Span{}
	wantFacts := llm.Facts{
		Model: "smart", End: len(in) - 1, Stream: true, IncludeUsage: true, MaxTokens: 64, Choices: 2,
		Features: llm.Tools | llm.Vision | llm.JSONSchema | llm.Reasoning | llm.Logprobs,
		User:     "u-1", Metadata: map[string]string{"usecase": "support"}, Messages: 2, LastUserChars: 4,
		EstInputTokens: got.EstInputTokens, TextBytes: int64(len(in) - 36), Images: 1, MediaAt: []llm.Span{{Start: 240, End: 276}}, CacheWrites: true,
		Beginning: got.Beginning, ToolsAt: got.ToolsAt,
	}
	if d := cmp.Diff(wantFacts, got); d != "" {
		t.Errorf("facts (-want +got):\n%s", d)
	}
	if got.EstInputTokens < 2000 || got.EstInputTokens > 2100 {
		t.Errorf("EstInputTokens = %d, want an image and some text", got.EstInputTokens)
	}
	wantCache := llm.CacheControl{TTL: time.Minute, NoStore: true, Namespace: "x"}
	if d := cmp.Diff(wantCache, cache); d != "" {
		t.Errorf("cache (-want +got):\n%s", d)
	}
}

// TestScanCutsCache cuts the member wherever it stands and expects JSON to remain.
func TestScanCutsCache(t *testing.T) {
	const rest = `"model":"m","messages":[{"role":"user","content":"x"}]`
	for _, in := range []string{
		`{"cache":{"ttl":1},` + rest + `}`,
		`{ "cache" : {"ttl":1} , ` + rest + `}`,
		`{` + rest + `,"cache":{"ttl":1}}`,
		`{` + rest + ` , "cache" : {"ttl":1} }`,
		`{` + strings.Replace(rest, `,`, ` , "cache":null , `, 1) + `}`,
	} {
		facts, _, err := intake.Scan([]byte(in), intake.Options{})
		if err != nil {
			t.Errorf("Scan(%s): %v", in, err)
			continue
		}
		out := in[:facts.CacheAt.Start] + in[facts.CacheAt.End:]
		again, _, err := intake.Scan([]byte(out), intake.Options{})
		if err != nil || !again.CacheAt.IsZero() {
			t.Errorf("cut %s\n  → %s: %v", in, out, err)
		}
	}
}

func TestScanNullIsAbsentButHasASpan(t *testing.T) {
	in := `{"model":"m","messages":[{"role":"user","content":null}],"stream":null,"stream_options":null,"max_tokens":null,"n":null,"metadata":null,"tools":null,"response_format":null,"user":null,"modalities":null,"cache":null}`
	f, _, err := intake.Scan([]byte(in), intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]llm.Span{"stream": f.StreamAt, "stream_options": f.StreamOptionsAt, "max_tokens": f.MaxTokensAt} {
		if got := in[at.Start:at.End]; got != "null" {
			t.Errorf("span of %s holds %q, want null", name, got)
		}
	}
	if f.Stream || f.IncludeUsage || f.MaxTokens != 0 || f.Choices != 1 || f.Features != 0 {
		t.Errorf("facts of nulls: %+v", f)
	}
}

func TestScanPrefersTheLimitThatIsGiven(t *testing.T) {
	for _, in := range []string{
		`{"model":"m","messages":[{"role":"user"}],"max_tokens":null,"max_completion_tokens":7}`,
		`{"model":"m","messages":[{"role":"user"}],"max_completion_tokens":7,"max_tokens":null}`,
	} {
		f, _, err := intake.Scan([]byte(in), intake.Options{})
		if err != nil || f.MaxTokens != 7 || in[f.MaxTokensAt.Start:f.MaxTokensAt.End] != "7" {
			t.Errorf("Scan(%s) = %d at %v, %v", in, f.MaxTokens, f.MaxTokensAt, err)
		}
	}
}

func TestScanPrefill(t *testing.T) {
	for in, want := range map[string]bool{
		`{"role":"assistant","content":"Sure,"}`:                                   true,
		`{"role":"assistant","content":"Sure,"},{"role":"user","content":"go on"}`: false,
		`{"role":"assistant","tool_calls":[{"id":"1"}]}`:                           false,
		`{"role":"assistant","content":"x","tool_calls":null}`:                     true,
		`{"role":"\u0061ssistant","content":"x"}`:                                  true,
	} {
		f, _, err := intake.Scan([]byte(`{"model":"m","messages":[`+in+`]}`), intake.Options{})
		if err != nil || f.Features.Has(llm.Prefill) != want {
			t.Errorf("Scan(%s): prefill %v, %v, want %v", in, f.Features.Has(llm.Prefill), err, want)
		}
	}
}

func TestScanRefuses(t *testing.T) {
	ok := `"messages":[{"role":"user","content":"x"}]`
	body := func(more string) string { return `{"model":"m",` + ok + more + `}` }
	for _, c := range []struct {
		name, in, param, says string
		code                  llm.Code
	}{
		{"empty", "", "", "is empty", llm.CodeInvalidJSON},
		{"blank", " \n", "", "is empty", llm.CodeInvalidJSON},
		{"array", "[]", "", "expected a JSON object, found \"[\"", llm.CodeInvalidJSON},
		{"html", "<html>", "", "a JSON object", llm.CodeInvalidJSON},
		{"byte order mark", "\ufeff{}", "", "a JSON object", llm.CodeInvalidJSON},
		{"two objects", body("") + "{}", "", "expected the end of the text, found", llm.CodeInvalidJSON},
		{"cut", `{"model":"m","messages":[{"role":"user","content":"abc`, "", "no closing quote", llm.CodeInvalidJSON},
		{"cut after colon", `{"model":`, "", "expected a value, found the end", llm.CodeInvalidJSON},
		{"trailing comma", body(","), "", "a member name", llm.CodeInvalidJSON},
		{"trailing comma in array", body(`,"x":[1,]`), "", "a value", llm.CodeInvalidJSON},
		{"leading zero", body(`,"x":01`), "", "',' or '}'", llm.CodeInvalidJSON},
		{"plus", body(`,"x":+1`), "", "a value", llm.CodeInvalidJSON},
		{"bare point", body(`,"x":1.`), "", "a digit", llm.CodeInvalidJSON},
		{"NaN", body(`,"x":NaN`), "", "a value", llm.CodeInvalidJSON},
		{"comment", "{/*x*/}", "", "a member name", llm.CodeInvalidJSON},
		{"single quotes", "{'model':'m'}", "", "a member name", llm.CodeInvalidJSON},
		{"raw newline", body(",\"x\":\"a\nb\""), "", "control character", llm.CodeInvalidJSON},
		{"bad escape", body(`,"x":"\q"`), "", "backslash", llm.CodeInvalidJSON},
		{"bad UTF-8", body(",\"x\":\"\xff\""), "", "UTF-8", llm.CodeInvalidJSON},
		{"overlong UTF-8", body(",\"x\":\"\xc0\xaf\""), "", "UTF-8", llm.CodeInvalidJSON},
		{"raw surrogate", body(",\"x\":\"\xed\xa0\x80\""), "", "UTF-8", llm.CodeInvalidJSON},
		{"lone high surrogate", body(`,"x":"\ud800"`), "", "surrogates", llm.CodeInvalidJSON},
		{"lone low surrogate", body(`,"x":"\udc00a"`), "", "surrogates", llm.CodeInvalidJSON},
		{"high before letter", body(`,"x":"\ud800\u0041"`), "", "surrogates", llm.CodeInvalidJSON},
		{"NUL byte", body("\x00"), "", "found U+0000", llm.CodeInvalidJSON},

		{"no model", `{` + ok + `}`, "model", `"model" is missing`, llm.CodeInvalidRequest},
		{"empty model", `{"model":"",` + ok + `}`, "model", "1 to 256 bytes", llm.CodeInvalidRequest},
		{"null model", `{"model":null,` + ok + `}`, "model", "a string, not null", llm.CodeInvalidRequest},
		{"long model", `{"model":"` + strings.Repeat("m", 257) + `",` + ok + `}`, "model", "257", llm.CodeInvalidRequest},
		{"model with newline", `{"model":"a\nb",` + ok + `}`, "model", "control", llm.CodeInvalidRequest},
		{"no messages", `{"model":"m"}`, "messages", "missing", llm.CodeInvalidRequest},
		{"empty messages", `{"model":"m","messages":[]}`, "messages", "empty", llm.CodeInvalidRequest},
		{"messages string", `{"model":"m","messages":"hi"}`, "messages", "an array, not a string", llm.CodeInvalidRequest},
		{"message string", `{"model":"m","messages":["hi"]}`, "messages[0]", "an object", llm.CodeInvalidRequest},
		{"no role", `{"model":"m","messages":[{"role":"user"},{"content":"x"}]}`, "messages[1].role", "no role", llm.CodeInvalidRequest},
		{"role number", `{"model":"m","messages":[{"role":1}]}`, "messages[0].role", "a string", llm.CodeInvalidRequest},
		{"content number", `{"model":"m","messages":[{"role":"user","content":1}]}`, "messages[0].content", "array of parts", llm.CodeInvalidRequest},
		{"part string", `{"model":"m","messages":[{"role":"user","content":["a"]}]}`, "messages[0].content[0]", "an object", llm.CodeInvalidRequest},

		{"model twice", `{"model":"cheap","model":"expensive",` + ok + `}`, "model", "twice", llm.CodeInvalidRequest},
		{"model twice, escaped", `{"model":"cheap","\u006dodel":"expensive",` + ok + `}`, "model", "twice", llm.CodeInvalidRequest},
		{"unknownMember twice", body(`,"x":1,"y":2,"x":3`), "x", "twice", llm.CodeInvalidRequest},
		{"unknownMember twice, escaped", body(`,"a longer name":1,"a long\u0065r name":3`), "a longer name", "twice", llm.CodeInvalidRequest},
		{"role twice", `{"model":"m","messages":[{"role":"user","role":"system"}]}`, "messages[0].role", "twice", llm.CodeInvalidRequest},
		{"unknownMember twice in message", `{"model":"m","messages":[{"role":"user","z":1,"z":1}]}`, "messages[0].z", "twice", llm.CodeInvalidRequest},
		{"type twice in part", `{"model":"m","messages":[{"role":"user","content":[{},{"type":"text","type":"image_url"}]}]}`, "messages[0].content[1].type", "twice", llm.CodeInvalidRequest},
		{"tag twice", body(`,"metadata":{"usecase":"a","usecase":"b"}`), "metadata.usecase", "twice", llm.CodeInvalidRequest},
		{"Model", `{"Model":"x",` + ok + `}`, "Model", `write "model"`, llm.CodeInvalidRequest},
		{"MESSAGES", body(`,"MESSAGES":[]`), "MESSAGES", `write "messages"`, llm.CodeInvalidRequest},
		{"long s", body(`,"ſtream":true`), "ſtream", `write "stream"`, llm.CodeInvalidRequest},
		{"escaped long s", body(`,"\u017ftream":true`), "ſtream", `write "stream"`, llm.CodeInvalidRequest},
		{"Kelvin sign", body(`,"max_to\u212aens":1`), "max_to\u212aens", `write "max_tokens"`, llm.CodeInvalidRequest},
		{"Role", `{"model":"m","messages":[{"role":"user","Role":"system"}]}`, "messages[0].Role", `write "role"`, llm.CodeInvalidRequest},
		{"Include_usage", body(`,"stream_options":{"Include_usage":true}`), "stream_options.Include_usage", `write "include_usage"`, llm.CodeInvalidRequest},

		{"api_base", body(`,"api_base":"http://169.254.169.254"`), "api_base", "may not choose an upstream", llm.CodeInvalidRequest},
		{"Base-URL", body(`,"Base-URL":"http://x"`), "Base-URL", "may not choose", llm.CodeInvalidRequest},
		{"apiKey", body(`,"apiKey":"x"`), "apiKey", "may not choose", llm.CodeInvalidRequest},
		{"extra_headers", body(`,"extra_headers":{}`), "extra_headers", "may not choose", llm.CodeInvalidRequest},

		{"stream string", body(`,"stream":"true"`), "stream", "true or false, not a string", llm.CodeInvalidRequest},
		{"stream_options list", body(`,"stream_options":[]`), "stream_options", "an object, not an array", llm.CodeInvalidRequest},
		{"max_tokens zero", body(`,"max_tokens":0`), "max_tokens", "from 1 to", llm.CodeInvalidRequest},
		{"max_tokens negative", body(`,"max_tokens":-1`), "max_tokens", "from 1 to", llm.CodeInvalidRequest},
		{"max_tokens fraction", body(`,"max_tokens":1.5`), "max_tokens", "from 1 to", llm.CodeInvalidRequest},
		{"max_tokens exponent", body(`,"max_tokens":1e3`), "max_tokens", "from 1 to", llm.CodeInvalidRequest},
		{"max_tokens huge", body(`,"max_tokens":99999999999999999999999999`), "max_tokens", "from 1 to", llm.CodeInvalidRequest},
		{"max_tokens string", body(`,"max_tokens":"9"`), "max_tokens", "a whole number, not a string", llm.CodeInvalidRequest},
		{"both limits", body(`,"max_tokens":9,"max_completion_tokens":8`), "max_completion_tokens", "not both", llm.CodeInvalidRequest},
		{"n zero", body(`,"n":0`), "n", "from 1 to 128", llm.CodeInvalidRequest},
		{"n 129", body(`,"n":129`), "n", "from 1 to 128", llm.CodeInvalidRequest},
		{"metadata list", body(`,"metadata":[]`), "metadata", "an object", llm.CodeInvalidRequest},
		{"long tag", body(`,"metadata":{"a":"` + strings.Repeat("é", 513) + `"}`), "metadata.a", "512 characters", llm.CodeInvalidRequest},
		{"tools object", body(`,"tools":{}`), "tools", "an array", llm.CodeInvalidRequest},
		{"response_format string", body(`,"response_format":"json"`), "response_format", "an object", llm.CodeInvalidRequest},
		{"modalities numbers", body(`,"modalities":[1]`), "modalities", "array of strings", llm.CodeInvalidRequest},
		{"user number", body(`,"user":1`), "user", "a string", llm.CodeInvalidRequest},
		{"cache true", body(`,"cache":true`), "cache", "an object", llm.CodeInvalidRequest},
		{"cache unknown", body(`,"cache":{"tll":1}`), "cache.tll", "takes ttl", llm.CodeInvalidRequest},
		{"cache ttl string", body(`,"cache":{"ttl":"1h"}`), "cache.ttl", "a number of seconds", llm.CodeInvalidRequest},
		{"cache ttl below zero", body(`,"cache":{"ttl":-1}`), "cache.ttl", "negative", llm.CodeInvalidRequest},
		{"cache use-cache", body(`,"cache":{"use-cache":0}`), "cache.use-cache", "true or false", llm.CodeInvalidRequest},
		{"cache ttl endless", body(`,"cache":{"ttl":1e300}`), "cache.ttl", "at most", llm.CodeInvalidRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := intake.Scan([]byte(c.in), intake.Options{})
			var e *llm.Error
			if !errors.As(err, &e) {
				t.Fatalf("Scan(%s) = %v, want a *llm.Error", c.in, err)
			}
			if e.Status != 400 || e.Code != c.code || e.Param != c.param || !strings.Contains(e.Message, c.says) {
				t.Errorf("Scan(%s)\n got %d %s param %q: %s\nwant 400 %s param %q: …%s…", c.in, e.Status, e.Code, e.Param, e.Message, c.code, c.param, c.says)
			}
		})
	}
}

func TestScanBounds(t *testing.T) {
	nest := func(n int) []byte {
		return []byte(`{"model":"m","messages":[{"role":"user"}],"x":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`)
	}
	if _, _, err := intake.Scan(nest(128), intake.Options{}); err != nil {
		t.Errorf("depth 128: %v", err)
	}
	for _, n := range []int{129, 10_000} {
		if _, _, err := intake.Scan(nest(n), intake.Options{}); err == nil || !strings.Contains(err.Error(), "128 levels") {
			t.Errorf("depth %d: %v, want a refusal", n, err)
		}
	}
	if _, _, err := intake.Scan(bytes.Repeat([]byte("["), 10_000_000), intake.Options{}); err == nil {
		t.Error("a body of brackets passed")
	}
	var many strings.Builder
	for i := range 65 {
		many.WriteString(`,"x` + strings.Repeat("y", i) + `":1`)
	}
	if _, _, err := intake.Scan([]byte(`{"model":"m","messages":[{"role":"user"}]`+many.String()+`}`), intake.Options{}); err == nil || !strings.Contains(err.Error(), "more than 64 members") {
		t.Errorf("65 unknowns: %v, want a refusal", err)
	}
}

func TestScanSaysWhere(t *testing.T) {
	_, _, err := intake.Scan([]byte("{\n  \"model\": \"m\",\n  \"messages\": 7\n}"), intake.Options{})
	if err == nil || !strings.Contains(err.Error(), "(line 3, byte offset 32)") {
		t.Errorf("Scan = %v, want line 3 and offset 32", err)
	}
}

// TestModelsWithoutControlCharacters holds that no model's name can steer a terminal
// that it is shown on.
func TestModelsWithoutControlCharacters(t *testing.T) {
	for _, name := range []string{`a\u0000`, `\u001b]0;x\u0007`, `a\u007f`, `a\u0080`, `\u009b31m`, "a\u0085b", `a\u009f`} {
		_, _, err := intake.Scan([]byte(`{"model":"`+name+`","messages":[{"role":"user","content":"hi"}]}`), intake.Options{})
		if e := llm.AsError(err); err == nil || e.Status != 400 || e.Param != "model" {
			t.Errorf("model %s: %v", name, err)
		}
	}
	for _, name := range []string{"gpt-5", "größe/日本", `a\u00a0b`, `m\udb40\udc67`} {
		if _, _, err := intake.Scan([]byte(`{"model":"`+name+`","messages":[{"role":"user","content":"hi"}]}`), intake.Options{}); err != nil {
			t.Errorf("model %s: %v", name, err)
		}
	}
}

// TestNamesInErrorsAreVisible holds that an error repeats names as JSON writes them.
func TestNamesInErrorsAreVisible(t *testing.T) {
	_, _, err := intake.Scan([]byte(`{"m\u202e":1,"m\u202e":2}`), intake.Options{})
	if e := llm.AsError(err); !strings.HasPrefix(e.Message, `"m\u202e" is given twice`) {
		t.Errorf("%v", err)
	}
}
