package wire

import (
	"io"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestCountGeminiCall(t *testing.T) {
	const contents = `"contents":[{"parts":[{"text":"a \"model\" of what?"}]}]`
	for body, want := range map[string]string{
		`{` + contents + `}`: `{` + contents + `}`,
		`{"generateContentRequest":{"model" : "models/m", ` + contents + `}}`:             `{"generateContentRequest":{"model" : "models/a b", ` + contents + `}}`,
		`{"model":"m","generate_content_request":{` + contents + `,"model":"models\/m"}}`: `{"model":"models/a b","generate_content_request":{` + contents + `,"model":"models/a b"}}`,
	} {
		x := embeddingAt(t, "/v1/models/m:countTokens", body, &llm.Target{Model: "a b", Dialect: llm.Gemini})
		x.Sent = x.Request
		call, err := dialects().Call(t.Context(), x)
		if err != nil || call.Answer != nil || call.Path != "/models/a%20b:countTokens" || string(call.Body) != want {
			t.Errorf("%s became %s %s, %v; want %s", body, call.Path, call.Body, err, want)
		}
		x.Target = &llm.Target{Model: "e", Dialect: llm.OpenAI}
		call, err = dialects().Call(t.Context(), x)
		if err != nil || call.Answer == nil {
			t.Fatalf("%s: %v, want an answer", body, err)
		}
		got, _ := io.ReadAll(call.Answer.Body)
		if !x.Request.Facts.Free || string(got[:15]) != `{"totalTokens":` {
			t.Errorf("%s is answered with %s", body, got)
		}
	}
}

func TestCountGeminiReply(t *testing.T) {
	for reply, want := range map[string]llm.Fault{
		`{"totalTokens": 5,"promptTokensDetails":[]}`: "",
		`{}`:     llm.FaultMalformed,
		`<html>`: llm.FaultMalformed,
		`{"error":{"code":503,"message":"Overloaded.","status":"UNAVAILABLE"}}`: llm.FaultMalformed,
	} {
		x := embeddingAt(t, "/models/m:countTokens", `{"contents":[{"parts":[{"text":"a"}]}]}`, &llm.Target{Model: "m", Dialect: llm.Gemini})
		got, info, err := passThrough(t, x, answer(200, "application/json", reply))
		if want != "" && llm.AsError(err).Fault != want || want == "" && (err != nil || got != reply || !info.Free) {
			t.Errorf("%s: %s, %+v, %v", reply, got, info, err)
		}
	}
}
