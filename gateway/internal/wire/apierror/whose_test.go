package apierror

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestWhoseFaultItIs has replies that look like a refused key or a spent quota and are
// not, beside those that are.
func TestWhoseFaultItIs(t *testing.T) {
	html := `<!DOCTYPE html><html><head><title>Attention Required</title></head><body>Incorrect API key</body></html>`
	tests := []struct {
		name       string
		status     int
		body       string
		want       llm.Fault
		credential bool
	}{
		{"quoted input, OpenAI", 400, `{"error":{"message":"Invalid value: 'Incorrect API key'. Supported values are: 'auto', 'default'.","type":"invalid_request_error","param":"service_tier","code":"invalid_value"}}`, llm.FaultBadRequest, false},
		{"quoted input, no code", 400, `{"error":{"message":"Invalid value: 'Incorrect API key provided'.","type":"invalid_request_error","param":null,"code":null}}`, llm.FaultBadRequest, false},
		{"quoted input that ends the quote itself", 400, `{"error":{"message":"Invalid value: 'x' Incorrect API key provided 'y'.","type":"BadRequestError","code":400}}`, llm.FaultBadRequest, false},
		{"unquoted input", 400, `{"error":{"message":"unknown tier: invalid api key","type":"invalid_request_error"}}`, llm.FaultBadRequest, false},
		{"quoted input at the beginning", 400, `{"error":{"message":"\"Incorrect API key provided\" is not a valid tier"}}`, llm.FaultBadRequest, false},
		{"unquoted input about a member", 400, `{"error":{"message":"Incorrect API key provided is not a tier","param":"service_tier"}}`, llm.FaultBadRequest, false},
		{"quota in quotes", 400, `{"error":{"message":"Value \"insufficient balance\" is too low","type":"invalid_request_error"}}`, llm.FaultBadRequest, false},
		{"quota elsewhere in the body", 400, `{"error":{"message":"no","metadata":{"echo":"credit balance is too low, insufficient_quota, PerDay"}}}`, llm.FaultBadRequest, false},
		{"a request shown as it came, FastAPI", 422, `{"detail":[{"type":"string_type","loc":["body","user"],"msg":"Input should be a valid string","input":{"quotaId":"xPerDay","code":"invalid_api_key","error":{"code":"insufficient_quota"}}}]}`, llm.FaultBadRequest, false},
		{"a request shown as it came, OpenRouter", 400, `{"error":{"code":400,"message":"Provider returned error","metadata":{"quotaId":"PerDay"}}}`, llm.FaultBadRequest, false},
		{"a request shown as it came, Gemini", 400, `{"error":{"code":400,"message":"Invalid","status":"INVALID_ARGUMENT","details":[{"violations":[{"quotaId":"xPerDay"}]}]}}`, llm.FaultBadRequest, false},
		{"a request shown with a limit", 429, `{"error":{"code":429,"message":"slow down","metadata":{"quotaId":"PerDay"}}}`, llm.FaultRateLimited, false},
		{"length in quotes", 400, `{"error":{"message":"Invalid value: 'maximum context length'.","type":"invalid_request_error","param":"x","code":"invalid_value"}}`, llm.FaultBadRequest, false},
		{"filter in quotes", 400, `{"error":{"message":"Invalid value: 'safety system'.","type":"invalid_request_error","param":"x","code":"invalid_value"}}`, llm.FaultBadRequest, false},
		{"the same of Anthropic", 400, `{"type":"error","error":{"type":"invalid_request_error","message":"service_tier: Input should be 'auto', not 'Your credit balance is too low'"}}`, llm.FaultBadRequest, false},

		{"a firewall's page", 403, html, llm.FaultRefused, false},
		{"a firewall's text", 403, "Access denied: invalid api key? see policy", llm.FaultRefused, false},
		{"nothing at all", 403, "", llm.FaultRefused, false},
		{"a country", 403, `{"error":{"message":"Country, region, or territory not supported","type":"request_forbidden","param":null,"code":"unsupported_country_region_territory"}}`, llm.FaultRefused, false},
		{"a network", 403, `{"error":{"code":"403","message":"Access denied due to Virtual Network/Firewall rules."}}`, llm.FaultRefused, false},
		{"a model that the key may not use", 403, `{"type":"error","error":{"type":"permission_error","message":"Your API key does not have permission to use the specified resource."}}`, llm.FaultAuth, false},
		{"a project without permission", 403, `{"error":{"code":403,"message":"Permission denied","status":"PERMISSION_DENIED"}}`, llm.FaultAuth, false},
		{"a key that is none", 403, `{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, llm.FaultAuth, true},
		{"a closed account", 403, `{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"account_deactivated"}}`, llm.FaultAuth, true},
		{"no key", 401, `{"error":{"message":"no"}}`, llm.FaultAuth, true},
		{"no key, and a page", 401, html, llm.FaultAuth, true},
		{"a bad key with 400, Gemini", 400, `[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]`, llm.FaultAuth, false},
		{"a bad key with 400, xAI", 400, `{"code":"Client specified an invalid argument","error":"Incorrect API key provided: ab***cd."}`, llm.FaultAuth, false},
		{"a key error within a good reply", 200, `{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}`, llm.FaultAuth, false},

		{"max_tokens above the credit", 402, `{"error":{"message":"This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, but can only afford 2014.","code":402}}`, llm.FaultRefused, false},
		{"no credit", 402, `{"error":{"message":"Insufficient credits. Add more using https://openrouter.ai/settings/credits","code":402}}`, llm.FaultQuota, false},
		{"no balance", 402, `{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}`, llm.FaultQuota, false},
		{"no balance, by its code", 402, `{"error":{"message":"no","type":"billing_error","param":null,"code":"insufficient_quota"}}`, llm.FaultQuota, true},
		{"Anthropic's billing", 402, `{"type":"error","error":{"type":"billing_error","message":"no"}}`, llm.FaultQuota, true},
		{"402 and a page", 402, html, llm.FaultRefused, false},
		{"spent quota", 429, `{"error":{"message":"no","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`, llm.FaultQuota, false},

		{"a model that is not there", 404, `{"error":{"message":"The model 'x' does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}`, llm.FaultNotFound, false},
		{"nothing there", 404, "404 page not found", llm.FaultNotFound, false},
		{"a file that is not there", 404, `{"error":{"message":"No such File object: file-model","type":"invalid_request_error","param":"id","code":null}}`, llm.FaultRefused, false},
		{"Anthropic's model", 404, `{"type":"error","error":{"type":"not_found_error","message":"model: claude-x"}}`, llm.FaultNotFound, false},
		{"Anthropic's file", 404, `{"type":"error","error":{"type":"not_found_error","message":"File not found: file_011"}}`, llm.FaultRefused, false},

		{"too large, Anthropic", 413, `{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}`, llm.FaultContextLength, false},
		{"overloaded, Anthropic", 529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, llm.FaultServer, false},
		{"timed out, in a stream", 200, `{"type":"error","error":{"type":"timeout_error","message":"late"}}`, llm.FaultServer, false},
	}
	for _, tt := range tests {
		e := Read(tt.status, http.Header{}, []byte(tt.body), testNow)
		if e.Fault != tt.want || e.Credential != tt.credential {
			t.Errorf("%s: %s, about the credential: %v; want %s, %v", tt.name, e.Fault, e.Credential, tt.want, tt.credential)
		}
		if tt.status >= 400 && e.Status/100 != tt.status/100 {
			t.Errorf("%s: status %d is shown for %d", tt.name, e.Status, tt.status)
		}
	}
}

// TestStatusesWithinGoodReplies are those of errors in replies of status 200 and in
// streams.
func TestStatusesWithinGoodReplies(t *testing.T) {
	for kind, want := range map[string]int{"overloaded_error": 503, "timeout_error": 504, "rate_limit_error": 429,
		"api_error": 500, "invalid_request_error": 400, "request_too_large": 413, "not_found_error": 404, "authentication_error": 401} {
		e := Read(200, http.Header{}, []byte(`{"type":"error","error":{"type":"`+kind+`","message":"m"}}`), testNow)
		if e.Status != want {
			t.Errorf("%s: status %d, want %d", kind, e.Status, want)
		}
	}
	e := Read(200, nil, []byte(`{"object":"error","message":"slow","type":"x","code":"429"}`), testNow)
	if e.Status != 429 || e.Fault != llm.FaultRateLimited {
		t.Errorf("a code in digits: %+v", e)
	}
}

// FuzzQuotedInput puts what a caller sent into the quotes of a provider's refusal.
func FuzzQuotedInput(f *testing.F) {
	for _, s := range []string{"Incorrect API key", "' incorrect api key '", `" Your credit balance is too low "`, "x'y", "’", "`"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, input string) {
		for _, code := range []string{`null`, `"invalid_value"`, `400`} {
			message, _ := json.Marshal("Invalid value: '" + input + "'. Supported values are: 'auto' and " + strconv.Quote("default") + ".")
			body := `{"error":{"message":` + string(message) + `,"type":"invalid_request_error","param":"service_tier","code":` + code + `}}`
			for _, status := range []int{400, 422} {
				if e := Read(status, nil, []byte(body), testNow); e.Fault == llm.FaultAuth || e.Fault == llm.FaultQuota || e.Fault == llm.FaultNotFound || e.Fault == llm.FaultServer {
					t.Errorf("%s: %s", body, e.Fault)
				}
			}
		}
	})
}

func TestUnquoted(t *testing.T) {
	for in, want := range map[string]string{
		"Don't use 'Bad Words' here":      "don't use   here",
		`a "b "c" d" e`:                   "a   e",
		"“x” y":                           "y",
		"model's limit":                   "model's limit",
		"`inputs` tokens":                 "`inputs` tokens",
		"'never ended":                    "",
		"it's 'x's' end":                  "it's   end",
		"Value 'x' incorrect api key 'y'": "value",
	} {
		if got := unquoted(in); got != want {
			t.Errorf("unquoted(%q) = %q, want %q", in, got, want)
		}
	}
}
