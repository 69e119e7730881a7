package wire

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

const (
	embedOne  = "/v1beta/models/m:embedContent"
	embedMany = "/v1beta/models/m:batchEmbedContents"
)

// requests is a body of batchEmbedContents.
func requests(all ...string) string { return `{"requests":[` + strings.Join(all, ",") + `]}` }

func TestEmbedContentCall(t *testing.T) {
	const a, b = `"content":{"parts":[{"text":"a"}]}`, `"content":{"parts":[{"text":"b"}]}`
	gemini := llm.Target{Model: "e", Dialect: llm.Gemini, Catalog: "gemini"}
	openAI := func(catalog string) llm.Target { return llm.Target{Model: "e", Dialect: llm.OpenAI, Catalog: catalog} }
	cohere := llm.Target{ID: "p/e", Model: "e", Dialect: llm.Cohere, Catalog: "cohere"}
	for _, tt := range []embeddingCall{
		{name: "only the model differs", body: `{ "model" : "models/m", ` + a + `,"new":1}`, target: gemini, path: "/models/e:embedContent", want: `{ "model" : "models/e", ` + a + `,"new":1}`},
		{name: "no model", body: `{` + a + `,"title":"t"}`, target: gemini, path: "/models/e:embedContent", want: `{` + a + `,"title":"t"}`},
		{name: "beside another dialect", body: `{` + a + `}`, target: llm.Target{Model: "e", Dialect: llm.OpenAI, Also: []llm.Dialect{llm.Gemini}}, path: "/models/e:embedContent", want: `{` + a + `}`},
		{name: "OpenAI", body: `{"model":"models/m",` + a + `,"outputDimensionality":3}`, target: openAI("openai"), path: "/embeddings", want: `{"model":"e","input":["a"],"dimensions":3}`},
		{name: "OpenAI with what it has not", body: `{` + a + `,"task_type":"RETRIEVAL_QUERY","title":"t","new":2,"other":null}`, target: openAI(""), path: "/embeddings",
			want: `{"model":"e","input":["a"]}`, dropped: "new,taskType,title"},
		{name: "Azure", body: `{` + a + `}`, target: llm.Target{Model: "e", Dialect: llm.OpenAI, APIVersion: "1"}, path: "/deployments/e/embeddings", want: `{"model":"e","input":["a"]}`},
		{name: "Mistral", body: `{` + a + `,"output_dimensionality":3}`, target: openAI("mistral"), path: "/embeddings", want: `{"model":"e","input":["a"],"output_dimension":3}`},
		{name: "Voyage", body: `{` + a + `,"taskType":"RETRIEVAL_DOCUMENT"}`, target: openAI("voyage"), path: "/embeddings", want: `{"model":"e","input":["a"],"input_type":"document"}`},
		{name: "Voyage and what it does not know", body: `{` + a + `,"taskType":"NEWS"}`, target: openAI("voyage"), path: "/embeddings", want: `{"model":"e","input":["a"]}`, dropped: "taskType"},
		{name: "Cohere", body: `{` + a + `,"taskType":"QUESTION_ANSWERING","outputDimensionality":3}`, target: cohere, path: "/embed",
			want: `{"model":"e","texts":["a"],"input_type":"search_query","output_dimension":3,"embedding_types":["float"]}`},
		{name: "Cohere without a purpose", body: `{` + a + `,"taskType":"TASK_TYPE_UNSPECIFIED"}`, target: cohere, path: "/embed",
			want: `{"model":"e","texts":["a"],"input_type":"search_document","embedding_types":["float"]}`},
		{name: "Cohere and what it has not", body: `{` + a + `,"taskType":"SEMANTIC_SIMILARITY"}`, target: cohere, path: "/embed",
			want: `{"model":"e","texts":["a"],"input_type":"search_document","embedding_types":["float"]}`, dropped: "taskType"},
		{name: "Ollama", body: `{` + a + `,"taskType":"CLUSTERING"}`, target: llm.Target{Model: "e", Dialect: llm.Ollama}, path: "/embed", want: `{"model":"e","input":["a"]}`, dropped: "taskType"},
		{name: "several parts", body: `{"content":{"role":"user","parts":[{"text":"a\""},{"text":""},{"text":"\u00e9","thought":false}]}}`, target: openAI(""), path: "/embeddings",
			want: `{"model":"e","input":["a\"\n\n\u00e9"]}`},
		{name: "a part without a list", body: `{"content":{"parts":{"te\u0078t":"a"}}}`, target: openAI(""), path: "/embeddings", want: `{"model":"e","input":["a"]}`},
		{name: "an image", body: `{"content":{"parts":[{"text":"a"},{"inline_data":{"mime_type":"image/png","data":"AA"}}]}}`, target: cohere,
			unsupportedOf: "p/e has no equivalent for content.parts[1].inline_data: only text can be embedded there."},
		{name: "no parts", body: `{"content":{"parts":[]}}`, target: cohere, unsupportedOf: "content has no text"},
		{name: "an empty part", body: `{"content":{"parts":[{}]}}`, target: cohere, unsupportedOf: "content.parts[0] has no text"},
		{name: "nothing of the kind", body: `{` + a + `}`, target: llm.Target{Model: "e", Dialect: llm.Anthropic}, unsupportedOf: "embeddings"},
	} {
		tt.check(t, embedOne)
	}
	for _, tt := range []embeddingCall{
		{name: "all models", body: requests(`{"model":"models/m",`+a+`,"taskType":"CLUSTERING"}`, `{`+b+`,"model":"m"}`), target: gemini, path: "/models/e:batchEmbedContents",
			want: requests(`{"model":"models/e",`+a+`,"taskType":"CLUSTERING"}`, `{`+b+`,"model":"models/e"}`)},
		{name: "the same model", body: requests(`{"model":"m",` + a + `}`), target: llm.Target{Model: "m", Dialect: llm.Gemini}, path: "/models/m:batchEmbedContents", want: requests(`{"model":"m",` + a + `}`)},
		{name: "OpenAI", body: requests(`{"model":"models/m",`+a+`,"outputDimensionality":3}`, `{`+b+`,"output_dimensionality":3}`), target: openAI("openai"), path: "/embeddings",
			want: `{"model":"e","input":["a","b"],"dimensions":3}`},
		{name: "titles", body: requests(`{`+a+`,"title":"one"}`, `{`+b+`,"title":"two"}`), target: cohere, path: "/embed",
			want: `{"model":"e","texts":["a","b"],"input_type":"search_document","embedding_types":["float"]}`, dropped: "title"},
		{name: "more than the list", body: `{"new":2,` + requests(`{` + a + `}`)[1:], target: openAI(""), path: "/embeddings", want: `{"model":"e","input":["a"]}`, dropped: "new"},
		{name: "other purposes", body: requests(`{`+a+`}`, `{`+b+`,"taskType":"CLUSTERING"}`), target: cohere, unsupportedOf: "requests[1] has another taskType or outputDimensionality than requests[0]"},
		{name: "other lengths", body: requests(`{`+a+`,"outputDimensionality":3}`, `{`+b+`,"outputDimensionality":4}`), target: openAI(""), unsupportedOf: "different options"},
		{name: "an image", body: requests(`{`+a+`}`, `{"content":{"parts":[{"fileData":{"fileUri":"x"}}]}}`), target: openAI(""), unsupportedOf: "requests[1].content.parts[0].fileData"},
		{name: "too many", body: requests(`{` + a + `}` + strings.Repeat(`,{`+a+`}`, 96)), target: cohere, unsupportedOf: "more than 96"},
	} {
		tt.check(t, embedMany)
	}
}

// TestEmbedContentModel refuses a body that names another model than its path.
func TestEmbedContentModel(t *testing.T) {
	for path, body := range map[string]string{
		embedOne:                            `{"model":"models/other","content":{"parts":[{"text":"a"}]}}`,
		embedMany:                           requests(`{"model":"other","content":{"parts":[{"text":"a"}]}}`),
		"/v1beta/models/m:countTokens":      `{"generateContentRequest":{"model":"models/other","contents":[{"parts":[{"text":"a"}]}]}}`,
		"/models/publishers/m:embedContent": `{"model":"models/m","content":{"parts":[{"text":"a"}]}}`,
	} {
		c, ok := ClientAt(path, "req_1")
		if !ok {
			t.Fatalf("nothing is served at %s", path)
		}
		if _, err := c.Request(t.Context(), llm.Incoming{Path: path, Body: []byte(body)}); err == nil || llm.AsError(err).HTTPStatus() != 400 || !strings.Contains(err.Error(), "name the same one") {
			t.Errorf("%s %s: %v", path, body, err)
		}
	}
}

func TestEmbedContentReply(t *testing.T) {
	one, two := `{"content":{"parts":[{"text":"a"}]}}`, requests(`{"content":{"parts":[{"text":"a"}]}}`, `{"content":{"parts":[{"text":"b"}]}}`)
	gemini, openAI := llm.Target{Model: "e", Dialect: llm.Gemini, Context: 1000}, llm.Target{Model: "e", Dialect: llm.OpenAI, Context: 1000}
	perplexity := openAI
	perplexity.Catalog = "perplexity"
	cohere, ollama := llm.Target{Model: "e", Dialect: llm.Cohere, Context: 1000}, llm.Target{Model: "e", Dialect: llm.Ollama, Context: 1000}
	for _, tt := range []struct {
		name, path, request, reply, want string
		target                           llm.Target
		input                            int64
		fault                            llm.Fault
	}{
		{name: "as it came", path: embedOne, request: one, reply: `{"embedding": {"values":[0.50, -2]},"usageMetadata":{"promptTokenCount":4},"new":1}`, target: gemini, input: 4,
			want: `{"embedding": {"values":[0.50, -2]},"usageMetadata":{"promptTokenCount":4},"new":1}`},
		{name: "a list as it came", path: embedMany, request: two, reply: `{"embeddings": [{"values":[1]},{"values":[2]}]}`, target: gemini, want: `{"embeddings": [{"values":[1]},{"values":[2]}]}`},
		{name: "OpenAI", path: embedOne, request: one, reply: `{"data":[{"embedding":[0.50, -2]}],"usage":{"prompt_tokens":2,"total_tokens":2}}`, target: openAI, input: 2,
			want: `{"embedding":{"values":[0.50, -2]},"usageMetadata":{"promptTokenCount":2}}`},
		{name: "a list in another order, without usage", path: embedMany, request: two, reply: `{"data":[{"embedding":[2],"index":1},{"embedding":[1],"index":0}]}`, target: openAI,
			want: `{"embeddings":[{"values":[1]},{"values":[2]}]}`},
		{name: "base64", path: embedOne, request: one, reply: `{"data":[{"embedding":` + halves + `}],"usage":{"total_tokens":3}}`, target: openAI, input: 3,
			want: `{"embedding":{"values":[0.5,-2]},"usageMetadata":{"promptTokenCount":3}}`},
		{name: "bytes", path: embedOne, request: one, reply: `{"data":[{"embedding":"AP8="}]}`, target: perplexity, want: `{"embedding":{"values":[0,-1]}}`},
		{name: "Cohere", path: embedMany, request: two, reply: `{"embeddings":{"float":[[1],[2]]},"meta":{"billed_units":{"input_tokens":7}}}`, target: cohere, input: 7,
			want: `{"embeddings":[{"values":[1]},{"values":[2]}],"usageMetadata":{"promptTokenCount":7}}`},
		{name: "Ollama", path: embedOne, request: one, reply: `{"model":"e","embeddings":[[1]],"prompt_eval_count":3}`, target: ollama, input: 3,
			want: `{"embedding":{"values":[1]},"usageMetadata":{"promptTokenCount":3}}`},
		{name: "too few", path: embedMany, request: two, reply: `{"data":[{"embedding":[1]}]}`, target: openAI, fault: llm.FaultMalformed},
		{name: "too many", path: embedOne, request: one, reply: `{"embedding":{"values":[1]},"embeddings":[{"values":[1]}]}`, target: gemini, fault: llm.FaultMalformed},
		{name: "none", path: embedOne, request: one, reply: `{"embedding":{}}`, target: gemini, fault: llm.FaultMalformed},
		{name: "no vector", path: embedOne, request: one, reply: `{"data":[{"embedding":null}]}`, target: openAI, fault: llm.FaultMalformed},
		{name: "an error", path: embedOne, request: one, reply: `{"error":{"code":429,"message":"no","status":"RESOURCE_EXHAUSTED"}}`, target: gemini, fault: llm.FaultRateLimited},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := embeddingAt(t, tt.path, tt.request, &tt.target)
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
			if !info.Whole || !info.Content || (info.Usage == nil) != (tt.input == 0) || info.Usage != nil && info.Usage.Input != tt.input {
				t.Errorf("info is %+v, want a whole reply to %d tokens", info, tt.input)
			}
		})
	}
}

// TestEmbedContentErrors keeps Google's own errors, and gives those of others its form.
func TestEmbedContentErrors(t *testing.T) {
	const own = `{"error":{"code":404,"message":"no such model","status":"NOT_FOUND","details":[]}}`
	for _, target := range []llm.Target{{Model: "e", Dialect: llm.Gemini}, {Model: "e", Dialect: llm.OpenAI}} {
		for _, path := range []string{embedOne, "/v1beta/models/m:countTokens"} {
			body := `{"content":{"parts":[{"text":"a"}]}}`
			if path != embedOne {
				if target.Dialect != llm.Gemini {
					continue // the target is not asked
				}
				body = `{"contents":[{"parts":[{"text":"a"}]}]}`
			}
			x := embeddingAt(t, path, body, &target)
			_, _, err := passThrough(t, x, answer(http.StatusNotFound, "application/json", own))
			c, _ := ClientAt(path, "req_1")
			got := c.Error(t.Context(), llm.AsError(err))
			kept := string(got.Body) == own
			if got.Status != http.StatusNotFound || kept != (target.Dialect == llm.Gemini) || !strings.Contains(string(got.Body), `"status":"NOT_FOUND"`) {
				t.Errorf("%s at %s: %d %s", path, target.Dialect, got.Status, got.Body)
			}
		}
	}
}

// TestEmbedContentRecordings translates every recorded request of Google's for every format,
// and puts every recorded reply into Google's form.
func TestEmbedContentRecordings(t *testing.T) {
	calls, replies := 0, 0
	for r := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return r.Endpoint == "embeddings" && r.Status == http.StatusOK }) {
		if strings.Contains(r.URLPath, "mbedContent") {
			path := "/v1beta/models/" + strings.TrimPrefix(r.Model, "models/") + r.URLPath[strings.LastIndexByte(r.URLPath, ':'):]
			for _, dialect := range []llm.Dialect{llm.OpenAI, llm.Cohere, llm.Ollama} {
				x := embeddingAt(t, path, r.RequestBody, &llm.Target{ID: "p/e", Model: "e", Dialect: dialect})
				x.Sent = x.Request
				call, err := dialects().Call(t.Context(), x)
				if strings.Contains(r.RequestBody, "inline_data") {
					if err == nil || !strings.Contains(err.Error(), "inline_data") {
						t.Errorf("%s: an image became %s, %v", r.Path, call.Body, err)
					}
				} else if err != nil || !json.Valid(call.Body) {
					t.Errorf("%s: %s, %v", r.Path, call.Body, err)
				}
				calls++
			}
		}
		v, ok := readVectors(r.Body)
		if !ok || len(v.raw) == 0 {
			t.Errorf("%s has no vectors", r.Path)
			continue
		}
		all := make([]string, len(v.raw))
		for i := range all {
			all[i] = `{"content":{"parts":[{"text":"a"}]}}`
		}
		x := embeddingAt(t, embedMany, requests(all...), &llm.Target{ID: "p/e", Model: "e", Dialect: llm.OpenAI, Catalog: r.Provider, Context: 1_000_000})
		a := answer(http.StatusOK, "application/json", string(r.Body))
		got, _, err := passThrough(t, x, a)
		var reply struct{ Embeddings []struct{ Values []float64 } }
		if jsonErr := json.Unmarshal([]byte(got), &reply); err != nil || jsonErr != nil || len(reply.Embeddings) != len(v.raw) || len(reply.Embeddings[0].Values) < 64 {
			t.Errorf("%s: %v, %v, %d vectors", r.Path, err, jsonErr, len(reply.Embeddings))
		}
		replies++
	}
	t.Logf("%d calls, %d replies", calls, replies)
}

// FuzzEmbedContent holds that what intake accepts is refused or becomes valid JSON with a text
// for each input, at targets of every format.
func FuzzEmbedContent(f *testing.F) {
	f.Add(`{"content":{"parts":[{"text":"a"},{"text":"\n"}]},"taskType":"CLUSTERING","title":"t"}`, false)
	f.Add(`{"content":{"parts":[{"text":"a"}]},"requests":2}`, false)
	f.Add(`{"content":{"parts":[{"text":"a"}]},"requests":[{"content":{"parts":[{"text":"a"}]}}]}`, true)
	f.Add(`{"requests":[{"model":"models/m","content":{"parts":{"text":"a"}},"outputDimensionality":3}]}`, true)
	f.Fuzz(func(t *testing.T, body string, batch bool) {
		path := embedOne
		if batch {
			path = embedMany
		}
		c, _ := ClientAt(path, "req_1")
		req, err := c.Request(t.Context(), llm.Incoming{Path: path, Body: []byte(body)})
		if err != nil {
			return
		}
		for _, dialect := range []llm.Dialect{llm.OpenAI, llm.Gemini, llm.Cohere, llm.Ollama} {
			x := &llm.Exchange{Request: req, Sent: req, Route: &llm.Route{}, Target: &llm.Target{Model: "e", Dialect: dialect}}
			call, err := callEmbedContents(nil, x)
			if err != nil {
				continue
			}
			var asked struct{ Input, Texts, Requests []json.RawMessage }
			if err := json.Unmarshal(call.Body, &asked); err != nil {
				t.Errorf("%s became %s: %v", body, call.Body, err)
			}
			if n := len(asked.Input) + len(asked.Texts) + len(asked.Requests); n != req.Facts.Inputs && (batch || dialect != llm.Gemini) {
				t.Errorf("%s became %s with %d texts, want %d", body, call.Body, n, req.Facts.Inputs)
			}
		}
	})
}
