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
	return embeddingAt(t, "/v1/embeddings", body, target)
}

// embeddingAt is a request at a path on its way to a target.
func embeddingAt(t *testing.T, path, body string, target *llm.Target) *llm.Exchange {
	t.Helper()
	c, ok := ClientAt(path, "req_1")
	if !ok {
		t.Fatalf("nothing is served at %s", path)
	}
	req, err := c.Request(t.Context(), llm.Incoming{Path: path, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return &llm.Exchange{Request: req, Route: &llm.Route{Transforms: []string{"for conversations only"}}, Target: target}
}

// embeddingCall is one case of what an embeddings request becomes: at a path and with a body, or
// what is wrong with it.
type embeddingCall struct {
	name, body    string
	target        llm.Target
	path, want    string
	dropped       string
	unsupportedOf string
}

// check makes the call of a request that came at a path.
func (tt embeddingCall) check(t *testing.T, at string) {
	t.Helper()
	d, x := dialects(), embeddingAt(t, at, tt.body, &tt.target)
	if err := d.Prepare(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	call, err := d.Call(t.Context(), x)
	if tt.unsupportedOf != "" {
		if e := llm.AsError(err); err == nil || e.HTTPStatus() != 400 || e.Fault == "" || !strings.Contains(e.Message, tt.unsupportedOf) {
			t.Errorf("%s: %v, want a refusal with %q", tt.name, err, tt.unsupportedOf)
		}
		return
	}
	if err != nil || call.Path != tt.path || string(call.Body) != tt.want || strings.Join(x.Dropped, ",") != tt.dropped {
		t.Errorf("%s: %s %s without %v, %v\nwant %s %s without %s", tt.name, call.Path, call.Body, x.Dropped, err, tt.path, tt.want, tt.dropped)
	}
	if tt.dropped != "" { // the same request where nothing may be left out
		x.Route = &llm.Route{RejectUnsupported: true}
		if _, err := d.Call(t.Context(), x); err == nil || !strings.Contains(err.Error(), tt.dropped[:3]) {
			t.Errorf("%s where nothing may be dropped: %v, want a refusal", tt.name, err)
		}
	}
}

func TestEmbeddingsCall(t *testing.T) {
	openAI := func(catalog string) llm.Target { return llm.Target{Model: "e", Dialect: llm.OpenAI, Catalog: catalog} }
	for _, tt := range []embeddingCall{
		{name: "only the model differs", body: `{"model":"m", "input":["a",  "b"],"dimensions":3,"encoding_format":"base64"}`, target: openAI(""),
			path: "/embeddings", want: `{"model":"e", "input":["a",  "b"],"dimensions":3,"encoding_format":"base64"}`},
		{name: "tokens", body: `{"model":"e","input":[1,2]}`, target: openAI("openai"), path: "/embeddings", want: `{"model":"e","input":[1,2]}`},
		{name: "a purpose at OpenAI", body: `{"model":"e","input_type":"query","input":"a","metadata":null}`, target: openAI("openai"),
			path: "/embeddings", want: `{"model":"e","input":"a"}`, dropped: "input_type"},
		{name: "a purpose at a server of its own", body: `{"model":"e","input_type":"passage","input":"a"}`, target: openAI(""),
			path: "/embeddings", want: `{"model":"e","input_type":"passage","input":"a"}`},
		{name: "Azure", body: `{"model":"m","input":"a"}`, target: llm.Target{Model: "dep 1", Dialect: llm.OpenAI, Catalog: "azure", APIVersion: "2024-10-21"},
			path: "/deployments/dep%201/embeddings", want: `{"model":"dep 1","input":"a"}`},
		{name: "Mistral", body: `{"model":"e","input":"a" ,"dimensions":3}`, target: openAI("mistral"), path: "/embeddings", want: `{"model":"e","input":"a" ,"output_dimension":3}`},
		{name: "Mistral and a user", body: `{"model":"e","user":"u","input":"a","metadata":{"a":"b"}}`, target: openAI("mistral"),
			path: "/embeddings", want: `{"model":"e","input":"a","metadata":{"a":"b"}}`, dropped: "user"},
		{name: "Voyage", body: `{"model":"m","input":"a","dimensions":256,"encoding_format":"float","input_type":"search_query"}`, target: openAI("voyage"),
			path: "/embeddings", want: `{"model":"e","input":"a","output_dimension":256,"input_type":"query"}`},
		{name: "Voyage in base64", body: `{"encoding_format":"base64","model":"m","input_type":"clustering","input":"a"}`, target: openAI("voyage"),
			path: "/embeddings", want: `{"encoding_format":"base64","model":"e","input":"a"}`, dropped: "input_type"},
		{name: "Perplexity", body: `{"model":"m","encoding_format":"base64","input":"a"}`, target: openAI("perplexity"), path: "/v1/embeddings", want: `{"model":"e","input":"a"}`},
		{name: "Perplexity's own encoding", body: `{"model":"m","encoding_format":"base64_int8","input":"a"}`, target: openAI("perplexity"),
			path: "/v1/embeddings", want: `{"model":"e","encoding_format":"base64_int8","input":"a"}`},
		{name: "Gemini", body: `{"model":"m","input":["a","\u00e9"],"dimensions":3}`, target: llm.Target{Model: "e", Dialect: llm.Gemini}, path: "/models/e:batchEmbedContents",
			want: `{"requests":[{"model":"models/e","content":{"parts":[{"text":"a"}]},"outputDimensionality":3},{"model":"models/e","content":{"parts":[{"text":"\u00e9"}]},"outputDimensionality":3}]}`},
		{name: "Gemini with a purpose", body: `{"model":"m","\u0069nput":"a","input_type":"search_query","user":"u"}`, target: llm.Target{Model: "e", Dialect: llm.Gemini},
			path: "/models/e:batchEmbedContents", want: `{"requests":[{"model":"models/e","content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY"}]}`, dropped: "user"},
		{name: "Gemini's own purpose", body: `{"model":"m","input":"a","input_type":"SEMANTIC_SIMILARITY"}`, target: llm.Target{Model: "e", Dialect: llm.Gemini},
			path: "/models/e:batchEmbedContents", want: `{"requests":[{"model":"models/e","content":{"parts":[{"text":"a"}]},"taskType":"SEMANTIC_SIMILARITY"}]}`},
		{name: "Gemini beside OpenAI's format", body: `{"model":"m","input":"a"}`, target: llm.Target{Model: "e", Dialect: llm.Gemini, Also: []llm.Dialect{llm.OpenAI}},
			path: "/embeddings", want: `{"model":"e","input":"a"}`},
		{name: "Cohere", body: `{"model":"m","input":"a","input_type":"search_query"}`, target: llm.Target{Model: "e", Dialect: llm.Cohere}, path: "/embed",
			want: `{"model":"e","texts":["a"],"input_type":"search_query","embedding_types":["float"]}`},
		{name: "Cohere without a purpose", body: `{"model":"m","input":"a","dimensions":3,"input_type":null}`, target: llm.Target{Model: "e", Dialect: llm.Cohere}, path: "/embed",
			want: `{"model":"e","texts":["a"],"input_type":"search_document","output_dimension":3,"embedding_types":["float"]}`},
		{name: "Cohere with another's purpose", body: `{"model":"m","input":"a","input_type":"query"}`, target: llm.Target{Model: "e", Dialect: llm.Cohere}, path: "/embed",
			want: `{"model":"e","texts":["a"],"input_type":"search_query","embedding_types":["float"]}`},
		{name: "Cohere with a new purpose", body: `{"model":"m","input":"a","input_type":"sorting"}`, target: llm.Target{Model: "e", Dialect: llm.Cohere}, path: "/embed",
			want: `{"model":"e","texts":["a"],"input_type":"sorting","embedding_types":["float"]}`},
		{name: "Ollama", body: `{"model":"m","input":["a"],"dimensions":3,"input_type":"query"}`, target: llm.Target{Model: "e", Dialect: llm.Ollama}, path: "/embed",
			want: `{"model":"e","input":["a"],"dimensions":3}`, dropped: "input_type"},
		{name: "Anthropic's dialect beside OpenAI's", body: `{"model":"m","input":"a"}`, target: llm.Target{Model: "e", Dialect: llm.Anthropic, Also: []llm.Dialect{llm.OpenAI}},
			path: "/embeddings", want: `{"model":"e","input":"a"}`},
		{name: "tokens elsewhere", body: `{"model":"m","input":[[1],[2]]}`, target: llm.Target{Model: "e", Dialect: llm.Cohere}, unsupportedOf: "tokens"},
		{name: "an encoding of another's", body: `{"model":"m","input":"a","encoding_format":"base64_int8"}`, target: llm.Target{Model: "e", Dialect: llm.Cohere}, unsupportedOf: "base64_int8"},
		{name: "too many for Cohere", body: `{"model":"m","input":["a"` + strings.Repeat(`,"a"`, 96) + `]}`, target: llm.Target{Model: "e", Dialect: llm.Cohere, Catalog: "cohere"},
			unsupportedOf: "more than 96 texts at once, and there are 97"},
		{name: "too many for Voyage", body: `{"model":"m","input":["a"` + strings.Repeat(`,"a"`, 1000) + `]}`, target: openAI("voyage"), unsupportedOf: "more than 1000"},
		{name: "nothing of the kind", body: `{"model":"m","input":"a"}`, target: llm.Target{Model: "e", Dialect: llm.Anthropic}, unsupportedOf: "embeddings"},
	} {
		tt.check(t, "/v1/embeddings")
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
		{name: "Gemini with usage", request: float, reply: `{"embeddings":[{"values":[0.5,-2]}],"usageMetadata":{"promptTokenCount":9}}`, want: ours("[0.5,-2]", "e", "9")},
		{name: "Voyage, which counts a total", request: float, reply: `{"usage":{"total_tokens":3},"data":[{"embedding":[0.5,-2]}],"model":"x"}`, want: ours("[0.5,-2]", "x", "3")},
		{name: "a total beyond belief", request: encoded, reply: `{"usage":{"total_tokens":9999999},"data":[{"embedding":[0.5,-2]}],"model":"x"}`, want: ours(halves, "x", "1")},
		{name: "in another order", request: `{"model":"m","input":["a","b"],"encoding_format":"base64"}`, reply: `{"data":[{"index":1,"embedding":[1]},{"index":0,"embedding":[0.5,-2]}],"model":"x","usage":{"prompt_tokens":2}}`,
			want: `{"object":"list","data":[{"object":"embedding","index":0,"embedding":` + halves + `},{"object":"embedding","index":1,"embedding":"AACAPw=="}],"model":"x","usage":{"prompt_tokens":2,"total_tokens":2}}`},
		{name: "with one index for all", request: `{"model":"m","input":["a","b"],"encoding_format":"base64"}`, reply: `{"data":[{"index":0,"embedding":[0.5,-2]},{"index":0,"embedding":[1]}],"model":"x","usage":{"prompt_tokens":2}}`,
			want: `{"object":"list","data":[{"object":"embedding","index":0,"embedding":` + halves + `},{"object":"embedding","index":1,"embedding":"AACAPw=="}],"model":"x","usage":{"prompt_tokens":2,"total_tokens":2}}`},
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
		got, err := v.render(x)
		if err == nil && !json.Valid(got) {
			t.Errorf("%q became %q", body, got)
		}
	})
}
