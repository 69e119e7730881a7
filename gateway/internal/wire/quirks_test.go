package wire

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestMend tells which refusals are of what the gateway itself has sent.
func TestMend(t *testing.T) {
	const stream, both = llm.NoStreamUsage, llm.NoStreamUsage | llm.NewOutputName
	bad := func(param, code, message string) *llm.Error {
		return &llm.Error{Fault: llm.FaultBadRequest, Status: 400, Param: param, Code: llm.Code(code), Message: message}
	}
	for _, tt := range []struct {
		name  string
		added llm.Quirks
		e     *llm.Error
		want  llm.Quirks
	}{
		{"FastAPI", stream, bad("", "extra_forbidden", "body.stream_options: Extra inputs are not permitted"), stream},
		{"OpenAI's words", stream, bad("stream_options", "unknown_parameter", "Unknown parameter: 'stream_options'."), stream},
		{"only in the body", stream, &llm.Error{Fault: llm.FaultBadRequest, Body: []byte(`{"detail":[{"loc":["body","stream_options"]}]}`)}, stream},
		{"the caller's own stream_options", 0, bad("stream_options", "", "no stream_options"), 0},
		{"about another member", both, bad("service_tier", "invalid_value", "Invalid value: 'stream_options max_completion_tokens'"), 0},
		{"not about the request", stream, &llm.Error{Fault: llm.FaultServer, Message: "stream_options"}, 0},
		{"the old name", llm.OldOutputName, bad("max_tokens", "unsupported_parameter", "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."), llm.NewOutputName},
		{"the new name", both, bad("", "", "body.max_completion_tokens: Extra inputs are not permitted"), llm.OldOutputName},
		{"a value that is too large", both, bad("max_tokens", "invalid_value", "max_completion_tokens is too large: 5"), 0},
	} {
		d := &Dialects{}
		x := &llm.Exchange{Target: &llm.Target{ID: "p/m"}, Added: tt.added}
		got := d.WorkAround(x, tt.e)
		if got != tt.want {
			t.Errorf("%s: WorkAround = %b, want %b", tt.name, got, tt.want)
		}
		x.Quirks = tt.want
		if again := d.WorkAround(x, tt.e); again != 0 {
			t.Errorf("%s: it is mended twice", tt.name)
		}
	}
}

// TestQuirksAreLearntFromSuccess remembers a quirk when the other try has succeeded.
func TestQuirksAreLearntFromSuccess(t *testing.T) {
	d := &Dialects{}
	req := scanned(t, `{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`)
	try := func(quirks llm.Quirks, status int) (sent string) {
		x := &llm.Exchange{Request: req, Sent: req, Route: &llm.Route{}, Target: &llm.Target{ID: "p/m", Model: "m", Dialect: llm.OpenAI}, Quirks: quirks}
		call, err := d.Call(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Read(t.Context(), x, &llm.Answer{Status: status, Header: http.Header{"Content-Type": {"text/event-stream"}},
			Body: io.NopCloser(strings.NewReader("data: [DONE]\n\n"))})
		if err == nil {
			s.Close()
		}
		return string(call.Body)
	}
	if sent := try(llm.NoStreamUsage, 400); strings.Contains(sent, "stream_options") {
		t.Errorf("sent %s after a refusal", sent)
	}
	if sent := try(0, 400); !strings.Contains(sent, "include_usage") {
		t.Errorf("sent %s: learnt from a try that failed too", sent)
	}
	try(llm.NoStreamUsage, 200)
	if sent := try(0, 200); strings.Contains(sent, "stream_options") {
		t.Errorf("sent %s: nothing was learnt", sent)
	}
}

func TestStreamUsageSetting(t *testing.T) {
	req := scanned(t, `{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}`)
	for setting, want := range map[llm.StreamUsage]bool{"": true, "auto": true, "on": true, "off": false} {
		x := &llm.Exchange{Sent: req, Target: &llm.Target{Model: "m", StreamUsage: setting}}
		body := patched(x)
		if strings.Contains(string(body), "include_usage") != want || x.Added.Has(llm.NoStreamUsage) != (want && setting != "on") {
			t.Errorf("%q: sent %s, added %b", setting, body, x.Added)
		}
	}
}
