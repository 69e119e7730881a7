package wire

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestWhyNotJSON(t *testing.T) {
	const schema = `{"type":"object","required":["a"],"properties":{"a":{"type":["integer","null"]},"b":{"type":"array","items":{"enum":["x",1]}},
		"c":{"anyOf":[{"type":"STRING"},{"type":"object","properties":{"d":{"const":true}}}]}},"additionalProperties":false}`
	ask := func(format string) *llm.Request {
		return &llm.Request{Body: []byte(`{"response_format":` + format + `}`), Facts: llm.Facts{Features: llm.JSONSchema}}
	}
	strict := ask(`{"type":"json_schema","json_schema":{"schema":` + schema + `}}`)
	object := ask(`{"type":"json_object"}`)
	for _, c := range []struct {
		req        *llm.Request
		text, want string
	}{
		{strict, `{"a":1}`, ""}, {strict, ` {"a":null,"b":["x",1],"c":"y"} `, ""}, {strict, `{"a":1.0}`, ""}, {strict, `{"a":1e2,"c":{"d":true}}`, ""},
		{strict, `{"a":1.5}`, "a is not of type [integer null]"}, {strict, `{}`, "a is missing"}, {strict, `{"a":1,"z":2}`, "z is not in the schema"},
		{strict, `{"a":1,"b":["x","y"]}`, "b[1] is none of the schema's values"}, {strict, `{"a":1,"c":{"d":false}}`, "c fits none of the schema's choices"},
		{strict, `[]`, "it is not of type object"}, {strict, "```json\n{\"a\":1}\n```", "it is not JSON"}, {strict, `{"a":1} and more`, "it is not JSON"}, {strict, ``, "it is not JSON"},
		{object, `{"any":[1]}`, ""}, {object, `[1]`, "it is not a JSON object"}, {object, `{"a":`, "it is not JSON"},
		{ask(`{"type":"json_schema"}`), `{}`, ""}, {ask(`{"type":"text"}`), `no`, ""}, {ask(`7`), `no`, ""},
		{&llm.Request{Body: []byte(`{}`)}, `no`, ""},
	} {
		if got := new(Dialects).WhyNotJSON(context.Background(), c.req, c.text); got != c.want {
			t.Errorf("%s for %s: %q, want %q", c.text, c.req.Body, got, c.want)
		}
	}
	deep := strings.Repeat(`{"items":`, 200) + `{"type":"string"}` + strings.Repeat(`}`, 200)
	if got := mismatch(decodeObject([]byte(deep)), decodeObject([]byte(`{"v":` + strings.Repeat(`[`, 200) + strings.Repeat(`]`, 200) + `}`))["v"], "", 0); got != "" {
		t.Errorf("what is too deep is refused: %q", got)
	}
}

func TestAnswerText(t *testing.T) {
	for body, want := range map[string]llm.AnswerText{
		`{"choices":[{"message":{"content":"a"}},{"message":{"content":"b"}}]}`:                         {Text: "a"},
		`{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}]}`: {Text: "ab"},
		`{"choices":[{"message":{"content":null,"refusal":"No."}}]}`:                                    {Refused: true},
		`{"choices":[{"text":"a"}]}`: {Text: "a"},
		`{"content":[{"type":"thinking","thinking":"x"},{"type":"text","text":"a"},{"type":"tool_use","name":"b"}]}`:                  {Text: "a"},
		`{"output":[{"type":"reasoning","content":[{"text":"x"}]},{"type":"message","content":[{"type":"output_text","text":"a"}]}]}`: {Text: "a"},
		`{"output":[{"type":"message","content":[{"type":"refusal","refusal":"No."}]}]}`:                                              {Refused: true},
		`{"candidates":[{"content":{"parts":[{"text":"x","thought":true},{"text":"a"}]}}]}`:                                           {Text: "a"},
		`{}`: {},
	} {
		if got := new(Dialects).AnswerText([]llm.Event{{Final: true, Data: []byte(body)}}); got != want {
			t.Errorf("%s: %+v, want %+v", body, got, want)
		}
	}
	events := []llm.Event{{Text: []byte(`a\u00`)}, {Text: []byte(`e9\"`)}, {Other: true, Data: []byte(`{"choices":[{"delta":{"refusal":"No"}}]}`)}, {Final: true}}
	if got := new(Dialects).AnswerText(events); got != (llm.AnswerText{Text: `aé"`, Refused: true}) {
		t.Errorf("a stream: %+v", got)
	}
	events = []llm.Event{{Other: true, Data: []byte(`{"type":"response.refusal.delta","delta":"No"}`)}, {Final: true, Data: []byte(`{}`)}}
	if got := new(Dialects).AnswerText(events); !got.Refused {
		t.Errorf("a refusal of the Responses API: %+v", got)
	}
}

func FuzzWhyNotJSON(f *testing.F) {
	f.Add(`{"type":"object","required":["a"]}`, `{"a":1}`)
	f.Add(`{"anyOf":[{"type":7},{"items":[]}]}`, `[[1e400]]`)
	f.Fuzz(func(t *testing.T, schema, text string) {
		if !json.Valid([]byte(schema)) {
			return
		}
		req := &llm.Request{Body: []byte(`{"response_format":{"type":"json_schema","json_schema":{"schema":` + schema + `}}}`), Facts: llm.Facts{Features: llm.JSONSchema}}
		why := new(Dialects).WhyNotJSON(context.Background(), req, text)
		if !json.Valid([]byte(text)) && why == "" {
			t.Errorf("%q counts as JSON", text)
		}
		new(Dialects).AnswerText([]llm.Event{{Final: true, Data: []byte(text)}})
	})
}
