package wire

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// embedding is a request for embeddings on its way to a target.
func embedding(t *testing.T, body string, target *llm.Target) *llm.Exchange {
	t.Helper()
	c, ok := ClientAt("/v1/embeddings", "req_1")
	if !ok {
		t.Fatal("nothing is served at /v1/embeddings")
	}
	req, err := c.Request(t.Context(), llm.Incoming{Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return &llm.Exchange{Request: req, Route: &llm.Route{Transforms: []string{"for conversations only"}}, Target: target}
}

func TestEmbeddingsCall(t *testing.T) {
	tests := []struct {
		name, body    string
		target        llm.Target
		path, want    string
		unsupportedOf string
	}{
		{name: "only the model differs", body: `{"model":"m", "input":["a",  "b"],"dimensions":3,"encoding_format":"base64"}`, target: llm.Target{Model: "e", Dialect: llm.OpenAI},
			path: "/embeddings", want: `{"model":"e", "input":["a",  "b"],"dimensions":3,"encoding_format":"base64"}`},
		{name: "tokens", body: `{"model":"e","input":[1,2]}`, target: llm.Target{Model: "e", Dialect: llm.OpenAI}, path: "/embeddings", want: `{"model":"e","input":[1,2]}`},
		{name: "Mistral", body: `{"model":"e","input":"a" ,"dimensions":3}`, target: llm.Target{Model: "e", Dialect: llm.OpenAI, Catalog: "mistral"},
			path: "/embeddings", want: `{"model":"e","input":"a" ,"output_dimension":3}`},
		{name: "Gemini", body: `{"model":"m","input":["a","\u00e9"],"dimensions":3}`, target: llm.Target{Model: "e", Dialect: llm.Gemini}, path: "/models/e:batchEmbedContents",
			want: `{"requests":[{"model":"models/e","content":{"parts":[{"text":"a"}]},"outputDimensionality":3},{"model":"models/e","content":{"parts":[{"text":"\u00e9"}]},"outputDimensionality":3}]}`},
		{name: "Cohere", body: `{"model":"m","input":"a","input_type":"search_query"}`, target: llm.Target{Model: "e", Dialect: llm.Cohere}, path: "/embed",
			want: `{"model":"e","texts":["a"],"input_type":"search_query","embedding_types":["float"]}`},
		{name: "Cohere without a purpose", body: `{"model":"m","input":"a","dimensions":3}`, target: llm.Target{Model: "e", Dialect: llm.Cohere}, path: "/embed",
			want: `{"model":"e","texts":["a"],"input_type":"search_document","output_dimension":3,"embedding_types":["float"]}`},
		{name: "Ollama", body: `{"model":"m","input":["a"],"dimensions":3}`, target: llm.Target{Model: "e", Dialect: llm.Ollama}, path: "/embed",
			want: `{"model":"e","input":["a"],"dimensions":3}`},
		{name: "tokens elsewhere", body: `{"model":"m","input":[[1],[2]]}`, target: llm.Target{Model: "e", Dialect: llm.Cohere}, unsupportedOf: "tokens"},
		{name: "nothing of the kind", body: `{"model":"m","input":"a"}`, target: llm.Target{Model: "e", Dialect: llm.Anthropic}, unsupportedOf: "embeddings"},
	}
	for _, tt := range tests {
		d, x := dialects(), embedding(t, tt.body, &tt.target)
		if err := d.Prepare(t.Context(), x); err != nil {
			t.Fatal(err)
		}
		call, err := d.Call(t.Context(), x)
		if tt.unsupportedOf != "" {
			if e := llm.AsError(err); err == nil || e.Fault != llm.FaultUnsupported || !strings.Contains(e.Message, tt.unsupportedOf) {
				t.Errorf("%s: %v, want unsupported %s", tt.name, err, tt.unsupportedOf)
			}
			continue
		}
		if err != nil || call.Path != tt.path || string(call.Body) != tt.want {
			t.Errorf("%s: %s %s, %v\nwant %s %s", tt.name, call.Path, call.Body, err, tt.path, tt.want)
		}
	}
}

// halves is a vector in base64: 0.5, -2.
const halves = `"AAAAPwAAAMA="`

func TestEmbeddingsReply(t *testing.T) {
	const float, encoded = `{"model":"m","input":"a"}`, `{"model":"m","input":"a","encoding_format":"base64"}`
	ours := func(vector, model, tokens string) string {
		return `{"object":"list","data":[{"object":"embedding","index":0,"embedding":` + vector + `}],"model":"` + model + `","usage":{"prompt_tokens":` + tokens + `,"total_tokens":` + tokens + `}}`
	}
	tests := []struct {
		name, request, reply, want string
		fault                      llm.Fault
	}{
		{name: "as it came", request: float, reply: `{"object":"list","data":[{"embedding":[0.50, -2e0]}],"model":"x","usage":{"prompt_tokens":2,"total_tokens":2},"new":1}`,
			want: `{"object":"list","data":[{"embedding":[0.50, -2e0]}],"model":"x","usage":{"prompt_tokens":2,"total_tokens":2},"new":1}`},
		{name: "base64 as it came", request: encoded, reply: `{"data":[{"embedding":` + halves + `}],"usage":{"prompt_tokens":2}}`, want: `{"data":[{"embedding":` + halves + `}],"usage":{"prompt_tokens":2}}`},
		{name: "base64 of a provider that gives numbers", request: encoded, reply: `{"data":[{"embedding":[0.5,-2]}],"model":"x","usage":{"prompt_tokens":2}}`, want: ours(halves, "x", "2")},
		{name: "numbers of a provider that gives base64", request: float, reply: `{"data":[{"embedding":` + halves + `}],"model":"x","usage":{"prompt_tokens":2}}`, want: ours("[0.5,-2]", "x", "2")},
		{name: "Gemini", request: encoded, reply: `{"embeddings":[{"values":[0.5,-2]}]}`, want: ours(halves, "e", "1")},
		{name: "Cohere", request: float, reply: `{"embeddings":{"int8":[[1]],"float":[[0.5,-2.0]]},"meta":{"billed_units":{"input_tokens":7}}}`, want: ours("[0.5,-2.0]", "e", "7")},
		{name: "Ollama", request: float, reply: `{"model":"o","embeddings":[[0.5,-2]],"prompt_eval_count":3}`, want: ours("[0.5,-2]", "o", "3")},
		{name: "an encoding that only the provider knows", request: `{"model":"m","input":"a","encoding_format":"base64_int8"}`, reply: `{"data":[{"embedding":"AP8="}]}`,
			want: `{"data":[{"embedding":"AP8="}]}`},
		{name: "an error", request: float, reply: `{"error":{"message":"no","code":"rate_limit_exceeded"}}`, fault: llm.FaultRateLimited},
		{name: "none", request: float, reply: `{"data":[]}`, fault: llm.FaultMalformed},
		{name: "too few", request: `{"model":"m","input":["a","b"]}`, reply: `{"data":[{"embedding":[1]}]}`, fault: llm.FaultMalformed},
		{name: "no vector", request: encoded, reply: `{"data":[{"embedding":["a"]}]}`, fault: llm.FaultMalformed},
		{name: "no base64", request: float, reply: `{"data":[{"embedding":"AAA"}]}`, fault: llm.FaultMalformed},
		{name: "no numbers that JSON knows", request: float, reply: `{"data":[{"embedding":"AADAfw=="}]}`, fault: llm.FaultMalformed},
		{name: "no JSON", request: float, reply: `<html>`, fault: llm.FaultMalformed},
		{name: "null", request: float, reply: `{"data":null,"meta":null,"embeddings":null}`, fault: llm.FaultMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := embedding(t, tt.request, &llm.Target{ID: "p/e", Model: "e", Dialect: llm.OpenAI, Context: 1000})
			got, info, err := passThrough(t, x, answer(200, "application/json", tt.reply))
			if tt.fault != "" {
				if llm.AsError(err).Fault != tt.fault {
					t.Errorf("%v, want fault %q", err, tt.fault)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if !info.Content || !info.Whole || info.Finish == "" {
				t.Errorf("info = %+v, want a whole reply", info)
			}
		})
	}
}

// TestEmbeddingsRecordings turns every recorded reply into both encodings.
func TestEmbeddingsRecordings(t *testing.T) {
	all, right := 0, 0
	for r := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return r.Endpoint == "embeddings" && r.Status == http.StatusOK }) {
		v, ok := readVectors(r.Body)
		if !ok || len(v.raw) == 0 {
			t.Logf("%s: has no vectors in a form that is known", r.Path)
			continue
		}
		all++
		inputs := `"a"` + strings.Repeat(`,"a"`, len(v.raw)-1)
		for _, format := range []string{"float", "base64"} {
			x := embedding(t, `{"model":"m","input":[`+inputs+`],"encoding_format":"`+format+`"}`, &llm.Target{ID: "p/e", Model: "e", Dialect: llm.OpenAI, Catalog: r.Provider, Context: 1_000_000})
			got, _, err := passThrough(t, x, &llm.Answer{Status: 200, Header: r.HTTPHeader(), Body: io.NopCloser(strings.NewReader(string(r.Body)))})
			if err != nil {
				t.Errorf("%s as %s: %v", r.Path, format, err)
				continue
			}
			checkEmbeddings(t, r.Path, got, format, len(v.raw))
		}
		right++
	}
	t.Logf("%d of %d recorded replies are rendered in both encodings", right, all)
}

func checkEmbeddings(t *testing.T, path, body, format string, n int) {
	t.Helper()
	var reply struct {
		Data []struct{ Embedding json.RawMessage }
	}
	if err := json.Unmarshal([]byte(body), &reply); err != nil || len(reply.Data) != n {
		t.Errorf("%s: %v, %d vectors, want %d", path, err, len(reply.Data), n)
		return
	}
	for _, d := range reply.Data {
		var numbers []float64
		var text string
		if format == "float" {
			if err := json.Unmarshal(d.Embedding, &numbers); err != nil || len(numbers) == 0 {
				t.Errorf("%s: %v, %d numbers", path, err, len(numbers))
			}
			continue
		}
		if err := json.Unmarshal(d.Embedding, &text); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(b) == 0 || len(b)%4 != 0 {
			t.Errorf("%s: %v, %d bytes", path, err, len(b))
			continue
		}
		if f := math.Float32frombits(binary.LittleEndian.Uint32(b)); math.Abs(float64(f)) > 1000 {
			t.Errorf("%s: begins with %v", path, f)
		}
	}
}

// FuzzVectors holds that what is rendered is JSON and keeps its numbers.
func FuzzVectors(f *testing.F) {
	f.Add([]byte(`{"embeddings":{"float":[[1,2e-3]]}}`), true)
	f.Add([]byte(`{"data":[{"embedding":`+halves+`}],"model":"x\u0000"}`), false)
	f.Fuzz(func(t *testing.T, body []byte, inBase64 bool) {
		v, ok := readVectors(body)
		if !ok || v.failed || len(v.raw) == 0 {
			return
		}
		x := &llm.Exchange{Sent: &llm.Request{Facts: llm.Facts{Encoding: map[bool]string{true: "base64"}[inBase64], Inputs: len(v.raw)}}, Target: &llm.Target{Model: "e"}}
		got, err := v.render(x, nil)
		if err == nil && !json.Valid(got) {
			t.Errorf("%q became %q", body, got)
		}
	})
}
