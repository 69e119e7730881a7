package apierror

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/ratelimit"
)

var testNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// recorded is the class of every recorded error reply, by the end of its name.
var recorded = map[string]llm.Fault{
	"anthropic/33f6bdae": llm.FaultNotFound, "anthropic/e3980417": llm.FaultAuth,
	"anthropic/f771c345": llm.FaultContextLength, "anthropic/25131a39": llm.FaultBadRequest,
	"anthropic/ed0e2899": llm.FaultNotFound,
	"azure/3f7f7343":     llm.FaultAuth, "azure/72eed855": llm.FaultNotFound,
	"azure/1eb437f9": llm.FaultRateLimited, "azure/f1e3ecff": llm.FaultAuth,
	"bedrock/08b539f7": llm.FaultNotFound, "bedrock/fa11313a": llm.FaultContextLength,
	"bedrock/bf039e77": llm.FaultAuth, "bedrock/619123c1": llm.FaultBadRequest,
	"bedrock/0c944051": llm.FaultBadRequest, "bedrock/07fe8e2d": llm.FaultBadRequest,
	"bedrock/39972b2e": llm.FaultNotFound, "bedrock/9db2a8e9": llm.FaultNotFound,
	"bedrock/aa972701": llm.FaultBadRequest, "bedrock/897eeb84": llm.FaultBadRequest,
	"bedrock/9741df6c": llm.FaultNotFound, "bedrock/d05c2990": llm.FaultAuth, "bedrock/b3dd0512": llm.FaultAuth,
	"cohere/1a4be364": llm.FaultContextLength, "cohere/76818b66": llm.FaultAuth,
	"cohere/b34017f8": llm.FaultNotFound, "cohere/bfc3cef4": llm.FaultNotFound, "cohere/35c48553": llm.FaultNotFound,
	"deepseek/bbed4df9": llm.FaultContextLength, "deepseek/045fb153": llm.FaultAuth, "deepseek/8cd42111": llm.FaultBadRequest,
	"gemini/887584f6": llm.FaultNotFound, "gemini/b8c05818": llm.FaultNotFound, "gemini/ab7c0c3a": llm.FaultAuth,
	"gemini/cd170585": llm.FaultRateLimited, "gemini/8e3540a8": llm.FaultAuth, "gemini/f48cf341": llm.FaultNotFound,
	"groq/ef414181": llm.FaultNotFound, "groq/e3120035": llm.FaultNotFound,
	"groq/2af8b8d4": llm.FaultMalformed, "groq/9f070f43": llm.FaultMalformed,
	"huggingface/ad50cba8": llm.FaultNotFound, "huggingface/e07e69c9": llm.FaultNotFound,
	"mistral/87d0627a": llm.FaultAuth, "ollama/5ccca5e9": llm.FaultContextLength, "ollama/8551e982": llm.FaultAuth,
	"openai/33d08b9b": llm.FaultBadRequest, "openai/76db52ec": llm.FaultBadRequest, "openai/1375738d": llm.FaultNotFound,
	"openai/8dfc5279": llm.FaultNotFound, "openai/a5f24e19": llm.FaultBadRequest, "openai/a8866bd2": llm.FaultBadRequest,
	"openai/79facb23": llm.FaultBadRequest, "openai/76ba2ac4": llm.FaultBadRequest, "openai/a3d8602d": llm.FaultNotFound,
	"openai/7dcff093": llm.FaultBadRequest, "openai/232ae7c0": llm.FaultBadRequest, "openai/5e9bcc11": llm.FaultBadRequest,
	"openai/52c0d1ac": llm.FaultBadRequest, "openai/db417c01": llm.FaultAuth, "openai/69935680": llm.FaultBadRequest,
	"openai/151fc2f8": llm.FaultBadRequest, "openai/298a6a3f": llm.FaultContextLength, "openai/ea906e31": llm.FaultNotFound,
	"openai/616f3511": llm.FaultBadRequest, "openai/8dc9ff94": llm.FaultBadRequest, "openai/119afeae": llm.FaultBadRequest,
	"openrouter/fb19dafb": llm.FaultRateLimited, "openrouter/93fd1aab": llm.FaultAuth,
	"openrouter/f30d6868": llm.FaultContextLength, "openrouter/c1a9af91": llm.FaultRateLimited,
	"perplexity/0c93f629": llm.FaultAuth, "perplexity/b92c86ba": llm.FaultContextLength,
	"vertex/dbed0a60": llm.FaultContextLength, "vertex/f4969bdf": llm.FaultBadRequest, "vertex/ee2582e5": llm.FaultBadRequest,
	"voyage/f7dbab3a": llm.FaultNotFound, "xai/d7611b06": llm.FaultAuth,
}

func recordingKey(r *llmtest.Recorded) string {
	name := strings.TrimSuffix(r.Path, ".json")
	return r.Provider + "/" + name[len(name)-8:]
}

func TestRecordedErrors(t *testing.T) {
	classified, total := 0, 0
	for r := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return r.Status >= 400 }) {
		total++
		e := Read(r.Status, r.HTTPHeader(), r.Body, testNow)
		want, known := recorded[recordingKey(r)]
		if !known {
			t.Errorf("%s: no class is noted for it; it got %q", r.Path, e.Fault)
			continue
		}
		if e.Fault != want {
			t.Errorf("%s: fault %q, want %q: %s", r.Path, e.Fault, want, r.Body)
			continue
		}
		classified++
		checkRendered(t, r.Path, e, r.Body)
	}
	t.Logf("%d of %d recorded error replies fall into the class they should", classified, total)
	if total != len(recorded) {
		t.Errorf("%d error recordings, %d noted", total, len(recorded))
	}
}

// checkRendered asserts that the body to pass on is an OpenAI error object that
// says what the error says.
func checkRendered(t *testing.T, name string, e *llm.Error, raw []byte) {
	t.Helper()
	var b struct {
		Error map[string]json.RawMessage
	}
	if err := json.Unmarshal(e.Body, &b); err != nil {
		t.Errorf("%s: body %q: %v", name, e.Body, err)
		return
	}
	for _, key := range []string{"message", "type", "param", "code"} {
		if len(b.Error[key]) == 0 {
			t.Errorf("%s: body lacks %q: %s", name, key, e.Body)
		}
	}
	if text(b.Error["message"]) != e.Message || e.Message == "" {
		t.Errorf("%s: message %q, body says %s", name, e.Message, b.Error["message"])
	}
	if own := object(object(raw)["error"]); bytes.Equal(e.Body, raw) != (len(own) > 0 && isString(own["type"]) && own["param"] != nil && stringOrNull(own["code"])) {
		t.Errorf("%s: passed on as %s, came as %s", name, e.Body, raw)
	}
	for key := range object(object(raw)["error"]) {
		if b.Error[key] == nil {
			t.Errorf("%s: member %q is lost in %s", name, key, e.Body)
		}
	}
}

func TestRead(t *testing.T) {
	tests := []struct {
		name    string
		status  int
		header  http.Header
		body    string
		fault   llm.Fault
		shown   int
		code    llm.Code
		message string
	}{
		{"quota", 429, nil, `{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`,
			llm.FaultQuota, 429, "insufficient_quota", "You exceeded your current quota."},
		{"rate", 429, nil, `{"error":{"message":"Slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}`,
			llm.FaultRateLimited, 429, "rate_limit_exceeded", "Slow down"},
		{"above the limit per minute", 429, nil, `{"error":{"message":"Request too large for gpt-4o in organization o on tokens per min (TPM): Limit 30000, Requested 40000.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`,
			llm.FaultContextLength, 429, "rate_limit_exceeded", "Request too large for gpt-4o in organization o on tokens per min (TPM): Limit 30000, Requested 40000."},
		{"daily quota of Gemini", 429, nil, `{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProject"}]}]}}`,
			llm.FaultQuota, 429, "insufficient_quota", "Quota exceeded"},
		{"balance", 402, nil, `{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}`,
			llm.FaultQuota, 402, "invalid_request_error", "Insufficient Balance"},
		{"Anthropic without credit", 400, nil, `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API."}}`,
			llm.FaultQuota, 400, "insufficient_quota", "Your credit balance is too low to access the API."},
		{"overloaded", 529, nil, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`,
			llm.FaultServer, 503, llm.CodeUpstream, "Overloaded"},
		{"overloaded within a stream", 200, nil, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`,
			llm.FaultServer, 503, llm.CodeUpstream, "Overloaded"},
		{"Groq flex", 498, nil, `{"error":{"message":"capacity"}}`, llm.FaultRateLimited, 503, llm.CodeRateLimited, "capacity"},
		{"Azure filter", 400, nil, `{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}`,
			llm.FaultContentPolicy, 400, "content_filter", "The response was filtered"},
		{"OpenAI policy", 400, nil, `{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"content_policy_violation"}}`,
			llm.FaultContentPolicy, 400, "content_policy_violation", "no"},
		{"Anthropic filter", 400, nil, `{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}`,
			llm.FaultContentPolicy, 400, llm.CodeContentPolicy, "Output blocked by content filtering policy"},
		{"OpenRouter moderation", 403, nil, `{"error":{"code":403,"message":"Your input was flagged","metadata":{"reasons":["violence"]}}}`,
			llm.FaultContentPolicy, 403, llm.CodeContentPolicy, "Your input was flagged"},
		{"OpenRouter in a good reply", 200, nil, `{"error":{"code":502,"message":"Provider returned error"}}`,
			llm.FaultServer, 502, llm.CodeUpstream, "Provider returned error"},
		{"Bedrock throttles", 429, http.Header{"X-Amzn-Errortype": {"ThrottlingException:http://x"}}, `{"message":"Too many requests"}`,
			llm.FaultRateLimited, 429, llm.CodeRateLimited, "Too many requests"},
		{"Bedrock model", 424, http.Header{"X-Amzn-Errortype": {"ModelErrorException"}}, `{"message":"The model failed"}`,
			llm.FaultServer, 424, llm.CodeUpstream, "The model failed"},
		{"FastAPI", 422, nil, `{"detail":[{"loc":["body","messages",0,"role"],"msg":"field required","type":"value_error.missing"}]}`,
			llm.FaultBadRequest, 422, llm.CodeInvalidRequest, "body.messages.0.role: field required"},
		{"Cloudflare's list", 200, nil, `{"success":false,"errors":[{"code":7000,"message":"No route"}]}`, llm.FaultServer, 500, llm.CodeUpstream, "No route"},
		{"MiniMax", 200, nil, `{"choices":null,"base_resp":{"status_code":1000,"status_msg":"unknown error"}}`, llm.FaultServer, 500, llm.CodeUpstream, "unknown error"},
		{"Baidu", 200, nil, `{"error_code":336,"error_msg":"no such thing"}`, llm.FaultServer, 500, llm.CodeUpstream, "no such thing"},
		{"text as error", 404, nil, `{"error":"model 'x' not found"}`, llm.FaultNotFound, 404, llm.CodeModelNotFound, "model 'x' not found"},
		{"vLLM, flat", 400, nil, `{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","param":null,"code":400}`,
			llm.FaultContextLength, 400, llm.CodeContextLength, "This model's maximum context length is 4096 tokens."},
		{"TGI", 422, nil, "{\"error\":\"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048\",\"error_type\":\"validation\"}",
			llm.FaultContextLength, 422, llm.CodeContextLength, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048"},
		{"too large", 413, nil, `<html>`, llm.FaultContextLength, 413, llm.CodeContextLength, "The provider answered with status 413 and no readable reason."},
		{"Cloudflare", 522, nil, "<html><body>Timeout sk-secret</body></html>", llm.FaultServer, 502, llm.CodeUpstream, "The provider answered with status 522 and no readable reason."},
		{"empty", 500, nil, "", llm.FaultServer, 500, llm.CodeUpstream, "The provider answered with status 500 and no readable reason."},
		{"text", 502, nil, "upstream connect error\n", llm.FaultServer, 502, llm.CodeUpstream, "upstream connect error"},
		{"array", 429, nil, `[{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}]`, llm.FaultRateLimited, 429, llm.CodeRateLimited, "slow"},
		{"not an object", 500, nil, `"oops"`, llm.FaultServer, 500, llm.CodeUpstream, `"oops"`},
		{"request timeout", 408, nil, ``, llm.FaultServer, 408, llm.CodeUpstream, "The provider answered with status 408 and no readable reason."},
		{"conflict", 409, nil, ``, llm.FaultServer, 409, llm.CodeUpstream, "The provider answered with status 409 and no readable reason."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := Read(tt.status, tt.header, []byte(tt.body), testNow)
			if e.Fault != tt.fault || e.Status != tt.shown || e.Code != tt.code || e.Message != tt.message {
				t.Errorf("Read = %q, %d, %q, %q,\nwant %q, %d, %q, %q",
					e.Fault, e.Status, e.Code, e.Message, tt.fault, tt.shown, tt.code, tt.message)
			}
			checkRendered(t, tt.name, e, []byte(tt.body))
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{`{"error":{"message":"x","type":"y","param":null,"code":3}}`, `[{"error":{}}]`, `<html>`,
		`{"detail":[{"loc":[1],"msg":"m"}]}`, `{"error":"x","estimated_time":1e300}`, `try again in 99999999999h`} {
		f.Add(500, []byte(s))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := Read(status, http.Header{}, body, testNow)
		if e.Fault == llm.FaultNone || e.Message == "" || e.Status < 400 || e.Status > 599 || !json.Valid(e.Body) {
			t.Errorf("Read(%d, %q) = %+v with body %s", status, body, e, e.Body)
		}
		if e.RetryAfter < 0 || e.RetryAfter > ratelimit.MaxDelay {
			t.Errorf("RetryAfter of %q = %v", body, e.RetryAfter)
		}
	})
}
