package intake_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

func TestScanCompletions(t *testing.T) {
	for in, want := range map[string]llm.Facts{
		`{"model":"m","prompt":"ab\n"}`:                                   {Messages: 1, LastUserChars: 3, Choices: 1, MaxTokens: 16},
		`{"model":"m","prompt":["a","b"],"n":3,"max_tokens":5}`:           {Messages: 2, Choices: 6, MaxTokens: 5},
		`{"model":"m","prompt":[1,2,3],"best_of":4,"n":2}`:                {Messages: 1, Choices: 4, MaxTokens: 16},
		`{"model":"m","prompt":[[1],[2,3]],"best_of":0,"echo":true}`:      {Messages: 2, Choices: 2, MaxTokens: 16},
		`{"model":"m","prompt":null,"max_tokens":null,"n":null}`:          {Messages: 1, Choices: 1, MaxTokens: 16},
		`{"model":"m","prompt":"a","max_tokens":0,"logprobs":1}`:          {Messages: 1, LastUserChars: 1, Choices: 1, MaxTokens: 1, Features: llm.Logprobs},
		`{"model":"m","prompt":"a","logprobs":0}`:                         {Messages: 1, LastUserChars: 1, Choices: 1, MaxTokens: 16, Features: llm.Logprobs},
		`{"model":"m","prompt":"a","logprobs":null,"suffix":"b"}`:         {Messages: 1, LastUserChars: 1, Choices: 1, MaxTokens: 16},
		`{"model":"m","prompt":"a","user":"u","stream":true,"new":{}}`:    {Messages: 1, LastUserChars: 1, Choices: 1, MaxTokens: 16, User: "u", Stream: true},
		`{"model":"m","prompt":"a","models":["x"],"service_tier":"flex"}`: {Messages: 1, LastUserChars: 1, Choices: 1, MaxTokens: 16, Repriced: llm.OtherModels},
	} {
		got, _, err := intake.ScanCompletions([]byte(in), intake.Options{})
		if err != nil || got.Messages != want.Messages || got.LastUserChars != want.LastUserChars || got.Choices != want.Choices || got.MaxTokens != want.MaxTokens ||
			got.Features != want.Features || got.User != want.User || got.Stream != want.Stream || got.Repriced != want.Repriced || got.Inputs != 0 || got.Model != "m" {
			t.Errorf("%s: %+v, %v, want %+v", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		`{"prompt":"a"}`:                                                  `"model" is missing`,
		`{"model":"m"}`:                                                   `"prompt" is missing`,
		`{"model":"m","prompt":[]}`:                                       "prompt is empty",
		`{"model":"m","prompt":7}`:                                        "prompt must be",
		`{"model":"m","prompt":{"a":1}}`:                                  "prompt must be",
		`{"model":"m","prompt":["a",1]}`:                                  "mixes",
		`{"model":"m","prompt":"a","Prompt":1}`:                           "differs from",
		`{"model":"m","prompt":"a","prompt":"b"}`:                         "given twice",
		`{"model":"m","prompt":"a","max_tokens":0.5}`:                     "max_tokens must be",
		`{"model":"m","prompt":"a","max_tokens":-1}`:                      "max_tokens must be",
		`{"model":"m","prompt":"a","n":0}`:                                "n must be",
		`{"model":"m","prompt":"a","best_of":1000}`:                       "best_of must be",
		`{"model":"m","prompt":"a","stream":1}`:                           "stream must be",
		`{"model":"m","prompt":"a","api_base":"http://x"}`:                "may not choose an upstream",
		`{"model":"m","prompt":["a","b","c"],"n":100}`:                    "ask for 300 completions",
		`{"model":"m","prompt":"` + "\xff" + `"}`:                         "UTF-8",
		`{"model":"m","prompt":[` + strings.Repeat(`"a",`, 256) + `"a"]}`: "more than 256",
	} {
		_, _, err := intake.ScanCompletions([]byte(in), intake.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ScanCompletions(%.60s) = %v, want %q in it", in, err, want)
		}
	}
}

func TestScanRecordedCompletions(t *testing.T) {
	n := 0
	for r := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Endpoint == "completions" && r.Status == 200 && r.Model != "" && strings.Contains(r.RequestBody, `"prompt": "`) // the others are not of this API
	}) {
		n++
		if _, _, err := intake.ScanCompletions([]byte(r.RequestBody), intake.Options{}); err != nil {
			t.Errorf("%s: %v\n%.200s", r.Path, err, r.RequestBody)
		}
	}
	t.Logf("%d recorded requests", n)
}

// FuzzScanCompletions wants what is accepted to mean the same to encoding/json, within bounds.
func FuzzScanCompletions(f *testing.F) {
	f.Add([]byte(`{"model":"m","prompt":["a","b"],"n":3,"max_tokens":0,"best_of":4,"logprobs":0,"stream_options":{"include_usage":true}}`))
	f.Add([]byte(`{"model":"m","prompt":[[1,2],[3]],"max_tokens":null}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		facts, _, err := intake.ScanCompletions(in, intake.Options{})
		if err != nil {
			return
		}
		var plain struct {
			Model     string
			Stream    *bool
			MaxTokens *int64 `json:"max_tokens"`
		}
		if err := json.Unmarshal(in, &plain); err != nil || facts.Model != plain.Model || facts.Stream != (plain.Stream != nil && *plain.Stream) {
			t.Fatalf("%q: %+v, %v", in, facts, err)
		}
		want := int64(16)
		if plain.MaxTokens != nil {
			want = max(*plain.MaxTokens, 1)
		}
		if facts.MaxTokens != want || facts.Choices < 1 || facts.Choices > 256*128 || facts.Messages < 1 {
			t.Fatalf("%q: %+v", in, facts)
		}
	})
}
