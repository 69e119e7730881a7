package upstream

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

func TestErrorsInReplies(t *testing.T) {
	want := map[string]llm.Fault{"groq/8c0e69d9": llm.FaultMalformed, "groq/6fd0be6f": llm.FaultMalformed,
		"openrouter/08624334": llm.FaultBadRequest}
	found := 0
	keep := func(r *llmtest.Recorded) bool { return r.Kind == "errors" && r.Status == 200 && r.Stream }
	for r := range llmtest.Recordings(t, keep) {
		for line := range strings.SplitSeq(string(r.Body), "\n") {
			data, ok := strings.CutPrefix(line, "data: ")
			if !ok || !HasError([]byte(data)) {
				continue
			}
			found++
			if e := ParseError(r.Status, nil, []byte(data), testNow); e.Fault != want[recordingKey(r)] || e.Message == "" {
				t.Errorf("%s: fault %q, %q, want %q", r.Path, e.Fault, e.Message, want[recordingKey(r)])
			}
		}
	}
	if found != len(want) {
		t.Errorf("%d errors found in streams of status 200, want %d", found, len(want))
	}
}

func TestErrorsInPlainReplies(t *testing.T) {
	n := 0
	keep := func(r *llmtest.Recorded) bool {
		return r.Status == 200 && !r.Stream && r.ContentType() == "application/json" && r.Kind != "errors"
	}
	for r := range llmtest.Recordings(t, keep) {
		n++
		// Azure's filter is the one recorded reply of status 200 that is an error.
		filter := recordingKey(r) == "azure/1657a859"
		if HasError(r.Body) != filter {
			t.Errorf("%s: HasError = %v", r.Path, !filter)
		}
		if filter && ParseError(r.Status, r.HTTPHeader(), r.Body, testNow).Fault != llm.FaultContentPolicy {
			t.Errorf("%s: not taken for a refusal on content", r.Path)
		}
	}
	t.Logf("%d plain replies of status 200, one of them an error", n)
}

func TestHasError(t *testing.T) {
	for body, want := range map[string]bool{
		`{"error":{"message":"x"}}`:                      true,
		` { "id" : "a\"b\\" , "error" : "x" }`:           true,
		`{"a":[{"error":"inner"}],"error":true}`:         true,
		`{"a":{"error":"inner"}}`:                        false,
		`{"a":"\"error\":1"}`:                            false,
		`{"error":null,"output":[]}`:                     false,
		`{"error":{ }}`:                                  false,
		`{"error":""}`:                                   false,
		`{"error":false}`:                                false,
		`[{"error":1}]`:                                  false,
		`{"error"`:                                       false,
		`{"x":"error"}`:                                  false,
		`{"choices":[{"message":{"content":"error"}}]}`:  false,
		`{"type":"error","error":{"type":"overloaded"}}`: true,
		`{"choices":[{"finish_reason":"error"}],"error":{"code":502}}`: true,
	} {
		if got := HasError([]byte(body)); got != want {
			t.Errorf("HasError(%s) = %v, want %v", body, got, want)
		}
	}
}

func FuzzHasError(f *testing.F) {
	for _, s := range []string{`{"error":{"message":"x"}}`, `{"a":"\\\"error\"","error":[]}`, `{"error" : 0 }`, `{"error":"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got := HasError(body)
		var m map[string]any
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber()
		// Keys that repeat or are written with escapes are seen as they stand.
		if dec.Decode(&m) != nil || bytes.Count(body, []byte(`rror"`)) > 1 || bytes.Contains(body, []byte(`\u`)) {
			return
		}
		if v := m["error"]; got != pythonTrue(v) {
			t.Errorf("HasError(%q) = %v, value %v", body, got, v)
		}
	})
}

func pythonTrue(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case json.Number:
		return v.String()[0] != '0'
	case map[string]any:
		return len(v) > 0
	case []any:
		return len(v) > 0
	}
	return true
}
