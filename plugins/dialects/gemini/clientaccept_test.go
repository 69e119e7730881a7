package gemini_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

const (
	hi     = `{"role":"user","parts":[{"text":"a"}]}`
	hiWant = `{"role":"user","content":"a"}`
)

// carrying is a signature of the gateway's own.
func carrying(members string) string {
	return base64.StdEncoding.EncodeToString([]byte("penstock:" + members))
}

// acceptances are requests of clients and their canonical forms, both without what ask and
// asked add.
var acceptances = map[string]struct{ contents, more, want, wantMore string }{
	"roles": {
		`{"parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"b"}]},{"role":"user","parts":{"text":"c"}},{"role":"user","parts":[{"text":"d"},{"text":"e"}]}`,
		`,"system_instruction":{"role":"user","parts":[{"text":"s"},{"text":"t"}]}`,
		`{"role":"system","content":[{"type":"text","text":"s"},{"type":"text","text":"t"}]},` + hiWant + `,{"role":"assistant","content":"b"},{"role":"user","content":"c"},` +
			`{"role":"user","content":[{"type":"text","text":"d"},{"type":"text","text":"e"}]}`, ``},
	"an instruction that is a text": {hi, `,"systemInstruction":"s"`, `{"role":"system","content":"s"},` + hiWant, ``},
	"an instruction of one part":    {hi, `,"systemInstruction":{"parts":{"text":"s"}}`, `{"role":"system","content":"s"},` + hiWant, ``},
	"no instruction":                {hi, `,"systemInstruction":{"parts":[]}`, hiWant, ``},
	"media": {
		`{"parts":[{"inlineData":{"mimeType":"IMAGE/png","data":"iVBO"}},{"inline_data":{"mime_type":"image/webp","data":"__8-_w"}},{"inlineData":{"mimeType":"audio/mpeg","data":"AAAA"}},
		{"inlineData":{"mimeType":"audio/L16;codec=pcm;rate=24000","data":"AAAA"}},{"inlineData":{"mimeType":"video/mp4","data":"AAAA"}},{"inlineData":{"mimeType":"application/pdf","data":"JVBE","displayName":"T"}},
		{"fileData":{"mimeType":"image/png","fileUri":"https://x/y"}},{"file_data":{"mime_type":"audio/wav","file_uri":"https://x/z"}},{"fileData":{"fileUri":"https://x/y.pdf"}},{"fileData":{"mimeType":"video/mp4","fileUri":"gs://b/v"}}]}`, ``,
		`{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO"}},{"type":"image_url","image_url":{"url":"data:image/webp;base64,//8+/w=="}},` +
			`{"type":"input_audio","input_audio":{"format":"mp3","data":"AAAA"}},{"type":"input_audio","input_audio":{"format":"pcm16","data":"AAAA"}},{"type":"video_url","video_url":{"url":"data:video/mp4;base64,AAAA"}},` +
			`{"type":"file","file":{"filename":"T","file_data":"data:application/pdf;base64,JVBE"}},{"type":"image_url","image_url":{"url":"https://x/y"}},{"type":"input_audio","input_audio":{"format":"wav","data":"https://x/z"}},` +
			`{"type":"file","file":{"file_url":"https://x/y.pdf"}},{"type":"video_url","video_url":{"url":"gs://b/v"}}]}`, ``},
	"calls by id and by name, in any order": {
		hi + `,{"role":"model","parts":[{"text":"b"},{"functionCall":{"id":"x","name":"f","args":{"p":1.50}}},{"functionCall":{"name":"g"}},{"function_call":{"name":"g","args":{"q":2}}}]},
		{"role":"function","parts":[{"functionResponse":{"name":"g","response":{"output":"one"}}},{"text":"so"}]},{"role":"user","parts":[{"function_response":{"name":"g","response":{"error":"two"}}},{"functionResponse":{"id":"x","name":"f","response":{"n":1}}}]}`, ``,
		hiWant + `,{"role":"assistant","content":"b","tool_calls":[{"id":"x","type":"function","function":{"name":"f","arguments":"{\"p\":1.50}"}},{"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}},{"id":"call_3","type":"function","function":{"name":"g","arguments":"{\"q\":2}"}}]},` +
			`{"role":"tool","tool_call_id":"x","content":"{\"n\":1}"},{"role":"tool","tool_call_id":"call_2","content":"one"},{"role":"tool","tool_call_id":"call_3","content":"two","is_error":true},{"role":"user","content":"so"}`, ``},
	"a result with an id of a call without": {
		hi + `,{"role":"model","parts":[{"functionCall":{"name":"f"}}]},{"parts":[{"functionResponse":{"id":"new","name":"f","response":{}}}]}`, ``,
		hiWant + `,{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":"{}"}`, ``},
	"a result with media": {
		hi + `,{"role":"model","parts":[{"functionCall":{"name":"f"}}]},{"parts":[{"functionResponse":{"name":"f","response":{"result":"r"},"parts":[{"inline_data":{"mime_type":"image/png","data":"iVBO"}}]}}]}`, ``,
		hiWant + `,{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":[{"type":"text","text":"r"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO"}}]}`, ``},
	"a turn in pieces, as chats keep a stream": {
		hi + `,{"role":"model","parts":[{"text":"h","thought":true}]},{"role":"model","parts":[{"text":"m","thought":true}]},{"role":"model","parts":[{"text":"b"}]},{"role":"model","parts":[{"text":"c"}]},{"role":"model","parts":[{"text":""}]},` + hi, ``,
		hiWant + `,{"role":"assistant","reasoning_content":"hm","content":"bc"},` + hiWant, ``},
	"a model that said nothing": {hi + `,{"role":"model","parts":[]},{"role":"model","parts":[{"text":"h","thought":true}]},` + hi, ``, hiWant + `,` + hiWant, ``},
	"Google's signatures": {
		hi + `,{"role":"model","parts":[{"text":"h","thought":true},{"text":"b","thoughtSignature":"QUJD"},{"functionCall":{"name":"f"},"thought_signature":"REVG"}]},{"parts":[{"functionResponse":{"name":"f"}}]}`, ``,
		hiWant + `,{"role":"assistant","reasoning_details":[{"type":"reasoning.encrypted","data":"QUJD","format":"google-gemini-v1"}],"content":"b","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"REVG"}}}]},` +
			`{"role":"tool","tool_call_id":"call_1","content":""}`, ``},
	"what the gateway carries": {
		hi + `,{"role":"model","parts":[{"text":"h","thought":true},{"text":"b"},{"functionCall":{"name":"f"},"thoughtSignature":"` +
			carrying(`{"thinking_blocks":[{"type":"thinking","thinking":"h","signature":"s"}],"reasoning_details":[{"type":"reasoning.encrypted","data":"d"}]}`) +
			`"}]},{"parts":[{"functionResponse":{"name":"f"}}]},{"role":"model","parts":[{"functionCall":{"name":"f"},"thoughtSignature":"` + strings.TrimRight(carrying(`{"reasoning_content":"hmm"}`), "=") +
			`"}]},{"parts":[{"functionResponse":{"name":"f"}}]},{"role":"model","parts":[{"text":"c","thoughtSignature":"` + carrying(`broken`) + `"}]},` + hi, ``,
		hiWant + `,{"role":"assistant","thinking_blocks":[{"type":"thinking","thinking":"h","signature":"s"}],"reasoning_details":[{"type":"reasoning.encrypted","data":"d"}],"content":"b","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":""},` +
			`{"role":"assistant","reasoning_content":"hmm","content":null,"tool_calls":[{"id":"call_2","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_2","content":""},{"role":"assistant","content":"c"},` + hiWant, ``},
	"what Google's tools left": {
		hi + `,{"role":"model","parts":[{"executableCode":{"language":"PYTHON","code":"1+1"}},{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"2"}},{"text":"b"},{"inlineData":{"mimeType":"image/png","data":"iVBO"}},{"toolCall":{"id":"t","toolType":"X"}},{"text":"c"}]},` + hi, ``,
		hiWant + `,{"role":"assistant","content":[{"type":"text","text":"\n` + "```python\\n1+1\\n```\\n\\n```\\n2\\n```\\n" + `b"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO"}},{"type":"text","text":"c"}]},` + hiWant,
		`,"contents[1].parts[4].toolCall":{"id":"t","toolType":"X"}`},
	"functions": {
		hi, `,"tools":[{"functionDeclarations":[{"name":"f","description":"d","parameters":{"type":"OBJECT","properties":{"a":{"type":"STRING","nullable":true,"enum":["x"]},"b":{"type":"ARRAY","items":{"type":"INTEGER","format":"int32","enum":["1","2"]},"minItems":"2"},
		"c":{"any_of":[{"type":"NUMBER"},{"type":6}],"nullable":true},"d":{"type":"STRING","format":"date-time","example":"e","max_length":5}},"propertyOrdering":["a"],"required":["a"]}}]},{"function_declarations":{"name":"g","parameters_json_schema":{"type":"object"},"response":{"type":"STRING"}}}],
		"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["g"]}}`, hiWant,
		`,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"properties":{"a":{"type":["string","null"],"enum":["x",null]},"b":{"items":{"type":"integer","enum":[1,2]},"minItems":2,"type":"array"},` +
			`"c":{"anyOf":[{"type":"number"},{"type":"object"},{"type":"null"}]},"d":{"format":"date-time","examples":["e"],"maxLength":5,"type":"string"}},"required":["a"],"type":"object"}}},` +
			`{"type":"function","function":{"name":"g","parameters":{"type":"object"}},"response":{"type":"STRING"}}],"tool_choice":{"type":"function","function":{"name":"g"}}`},
	"several that are allowed": {
		hi, `,"tools":[{"functionDeclarations":[{"name":"f"},{"name":"g"},{"name":"h"}]}],"tool_config":{"function_calling_config":{"mode":2,"allowed_function_names":["f","g"]},"retrievalConfig":{"languageCode":"de"},"includeServerSideToolInvocations":true}`, hiWant,
		`,"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}},{"type":"function","function":{"name":"h"}}],` +
			`"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]}},"toolConfig.retrievalConfig":{"languageCode":"de"}`},
	"a validated choice": {hi, `,"tools":[{"functionDeclarations":[{"name":"f"}]}],"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED"}}`, hiWant,
		`,"tools":[{"type":"function","function":{"name":"f","strict":true}}],"tool_choice":"auto"`},
	"no choice":              {hi, `,"tools":[{"functionDeclarations":[{"name":"f"}]}],"toolConfig":{"functionCallingConfig":{"mode":"NONE"}}`, hiWant, `,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none"`},
	"a choice without tools": {hi, `,"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}`, hiWant, ``},
	"tools that Google runs": {hi, `,"tools":[{"googleSearch":{}},{"codeExecution":{},"url_context":{}},{"fileSearch":{"fileSearchStoreNames":["s"]}},{"codeExecution":{}}]`, hiWant,
		`,"web_search_options":{},"tools.codeExecution":true,"tools.urlContext":true,"tools.fileSearch":{"fileSearchStoreNames":["s"]}`},
	"parameters": {
		hi, `,"generation_config":{"max_output_tokens":9,"temperature":0.50,"topP":0.9,"topK":40.0,"seed":7,"candidateCount":2,"presencePenalty":0.5,"frequency_penalty":-0.5,"stopSequences":["x","y"],"responseLogprobs":true,"logprobs":3,"responseModalities":["TEXT"],"mediaResolution":"LOW","n":null},
		"safetySettings":[{"category":"C","threshold":"T"}],"labels":{"a":"b"},"serviceTier":"STANDARD","model":"models/x"`, hiWant,
		`,"max_tokens":9,"temperature":0.50,"top_p":0.9,"top_k":40,"seed":7,"n":2,"presence_penalty":0.5,"frequency_penalty":-0.5,"stop":["x","y"],"logprobs":true,"top_logprobs":3,"safety_settings":[{"category":"C","threshold":"T"}],"service_tier":"default",` +
			`"generationConfig.mediaResolution":"LOW","google.labels":{"a":"b"}`},
	"JSON":               {hi, `,"generationConfig":{"responseMimeType":"application/json"}`, hiWant, `,"response_format":{"type":"json_object"}`},
	"a schema":           {hi, `,"generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":"OBJECT","properties":{"a":{"type":"BOOLEAN"}}}}`, hiWant, `,"response_format":{"type":"json_schema","json_schema":{"name":"response","schema":{"properties":{"a":{"type":"boolean"}},"type":"object"}}}`},
	"a JSON schema":      {hi, `,"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"$ref":"#/$defs/a"}}`, hiWant, `,"response_format":{"type":"json_schema","json_schema":{"name":"response","schema":{"$ref":"#/$defs/a"}}}`},
	"a choice of words":  {hi, `,"generationConfig":{"responseMimeType":"text/x.enum","responseSchema":{"type":"STRING","enum":["a"]}}`, hiWant, `,"generationConfig.responseMimeType":"text/x.enum","generationConfig.responseSchema":{"type":"STRING","enum":["a"]}`},
	"a budget":           {hi, `,"generationConfig":{"thinkingConfig":{"thinkingBudget":512,"includeThoughts":true}}`, hiWant, `,"reasoning":{"max_tokens":512}`},
	"no thinking":        {hi, `,"generationConfig":{"thinking_config":{"thinking_budget":0}}`, hiWant, `,"reasoning":{"enabled":false}`},
	"thinking as it may": {hi, `,"generationConfig":{"thinkingConfig":{"thinkingBudget":-1}}`, hiWant, `,"reasoning":{"enabled":true}`},
	"a level":            {hi, `,"generationConfig":{"thinkingConfig":{"thinkingLevel":"LOW"}}`, hiWant, `,"reasoning_effort":"low"`},
	"a level to see":     {hi, `,"generationConfig":{"thinkingConfig":{"thinkingLevel":"high","includeThoughts":true}}`, hiWant, `,"reasoning":{"effort":"high"}`},
	"hidden thoughts":    {hi, `,"generationConfig":{"thinkingConfig":{"includeThoughts":false}}`, hiWant, ``},
	"an image, please":   {hi, `,"generationConfig":{"responseModalities":["TEXT","IMAGE"]}`, hiWant, `,"modalities":["text","image"]`},
	"a voice": {hi, `,"generationConfig":{"responseModalities":["AUDIO"],"speechConfig":{"voiceConfig":{"prebuiltVoiceConfig":{"voiceName":"Kore"}}}}`, hiWant,
		`,"modalities":["audio"],"audio":{"format":"pcm16","voice":"Kore"}`},
	"nulls": {hi, `,"tools":null,"toolConfig":null,"generationConfig":null,"systemInstruction":null,"safetySettings":null,"cachedContent":null,"labels":null`, hiWant, ``},
}

func TestAccept(t *testing.T) {
	for name, tt := range acceptances {
		t.Run(name, func(t *testing.T) {
			got, err := host.Accept(t, nil, ask(tt.contents, tt.more))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(asked(tt.want, tt.wantMore), string(got)); diff != "" {
				t.Errorf("canonical request (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAcceptedPath reads the model and the wish for a stream from the path.
func TestAcceptedPath(t *testing.T) {
	for path, want := range map[string]string{
		"/v1beta/models/m:generateContent":         `{"model":"m","messages"`,
		"/models/a/b:c:streamGenerateContent":      `{"model":"a/b:c","stream":true,"messages"`,
		"/v1/models/m\"\\\\:streamGenerateContent": `{"model":"m\"\\\\","stream":true,"messages"`,
	} {
		h := host
		h.Path = path
		if got, err := h.Accept(t, nil, ask(hi, "")); err != nil || !strings.HasPrefix(string(got), want) {
			t.Errorf("%s became %s, %v; want %s", path, got, err, want)
		}
	}
}

// TestToolNames gives tools names that every provider takes, and the client's own back.
func TestToolNames(t *testing.T) {
	long := strings.Repeat("long.", 20)
	call := func(name string) string {
		return hi + `,{"role":"model","parts":[{"functionCall":{"name":"` + name + `"}}]},{"parts":[{"functionResponse":{"name":"` + name + `","response":{}}}]}`
	}
	for _, name := range []string{"a.b", "a:b", long, `a\u002eb`, "ü"} {
		got, context, err := host.AcceptWithContext(t, nil, ask(call(name), `,"tools":[{"functionDeclarations":[{"name":"`+name+`"}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["`+name+`"]}}`))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(got), `"function":{"name":"`)
		short, _, _ := strings.Cut(rest, `"`)
		if len(short) > 64 || strings.Trim(short, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || strings.Count(string(got), `"`+short+`"`) != 3 {
			t.Errorf("%s is called %q in %s", name, short, got)
		}
		reply := `{"model":"m","choices":[{"index":0,"message":{"role":"assistant","tool_calls":[{"id":"x","function":{"name":"` + short + `","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`
		if body := host.RenderWithContext(t, 200, context, reply); !strings.Contains(string(body), `"name":"`+name+`"`) {
			t.Errorf("%s comes back as %s", name, body)
		}
	}
}

// TestUnacceptableRequests wants the member at fault to be named.
func TestUnacceptableRequests(t *testing.T) {
	part := func(p string) string { return ask(`{"parts":[`+p+`]}`, "") }
	model := func(p string) string { return ask(hi+`,{"role":"model","parts":[`+p+`]}`, "") }
	config := func(m string) string { return ask(hi, `,"generationConfig":{`+m+`}`) }
	tool := func(d, more string) string { return ask(hi, `,"tools":[{"functionDeclarations":[`+d+`]}]`+more) }
	const called = `,{"role":"model","parts":[{"functionCall":{"name":"f"}},{"functionCall":{"name":"f","id":"x"}}]}`
	for request, want := range map[string]string{
		`[]`:                                  "not a JSON object",
		`{}`:                                  "contents: must have at least one",
		ask(``, ``):                           "contents: must have at least one",
		ask(`1`, ``):                          "contents[0]: ",
		`{"contents":"a"}`:                    "contents[0]: ",
		ask(`{"role":"user"}`, ``):            "contents[0].parts: must have at least one",
		ask(`{"role":"user","parts":[]}`, ``): "contents[0].parts: must have at least one",
		ask(`{"role":"assistant","parts":[{"text":"a"}]}`, ``):        "contents[0].role: must be user or model",
		ask(`{"role":"system","parts":[{"text":"a"}]}`, ``):           "systemInstruction",
		ask(`{"role":1,"parts":[{"text":"a"}]}`, ``):                  "contents[0].role: ",
		ask(hi, `,"systemInstruction":1`):                             "systemInstruction: ",
		ask(hi, `,"systemInstruction":{"parts":[{"inlineData":{}}]}`): "systemInstruction.parts[0]: must be a text",
		part(`1`):             "contents[0].parts[0]: must be an object",
		part(`{}`):            "contents[0].parts[0]: must have a text",
		part(`{"mystery":1}`): "contents[0].parts[0].mystery: ",
		part(`{"text":1}`):    "contents[0].parts[0].text: must be a string",
		part(`{"text":"a","inlineData":{"mimeType":"a/b","data":"AA"}}`): "contents[0].parts[0]: must have one of",
		part(`{"inlineData":1}`):                                                              "contents[0].parts[0].inlineData: must be an object",
		part(`{"inlineData":{"data":"AA"}}`):                                                  "contents[0].parts[0].inlineData.mimeType: ",
		part(`{"text":"a"},{"inlineData":{"mimeType":"image/png"}}`):                          "contents[0].parts[1].inlineData.data: ",
		part(`{"inlineData":{"mimeType":"image/png","data":"a b"}}`):                          "contents[0].parts[0].inlineData.data: is not base64",
		part(`{"fileData":{"mimeType":"image/png"}}`):                                         "contents[0].parts[0].fileData.fileUri: ",
		part(`{"functionCall":{"name":"f"}}`):                                                 "contents[0].parts[0].functionCall: belongs in a content whose role is model",
		part(`{"executableCode":{"code":""}}`):                                                "contents[0].parts[0].executableCode: belongs",
		part(`{"functionResponse":{"name":"f","response":{}}}`):                               "contents[0].parts[0].functionResponse: is the result of no functionCall",
		part(`{"functionResponse":{"response":{}}}`):                                          "contents[0].parts[0].functionResponse.name: ",
		model(`{"text":"a","thought":1}`):                                                     "contents[1].parts[0].thought: ",
		model(`{"text":"a","thoughtSignature":1}`):                                            "contents[1].parts[0].thoughtSignature: ",
		model(`{"functionCall":{}}`):                                                          "contents[1].parts[0].functionCall.name: ",
		model(`{"functionCall":{"name":"f","id":1}}`):                                         "contents[1].parts[0].functionCall.id: ",
		model(`{"functionCall":{"name":"f","args":[]}}`):                                      "contents[1].parts[0].functionCall.args: ",
		model(`{"functionResponse":{"name":"f"}}`):                                            "contents[1].parts[0].functionResponse: belongs in a content whose role is user",
		model(`{"functionCall":{"name":"f"}}`):                                                "contents[1].parts[0].functionCall: has no functionResponse",
		ask(hi+called+`,{"parts":[{"functionResponse":{"name":"f","response":{}}}]},`+hi, ``): "contents[1].parts[1].functionCall: has no functionResponse",
		ask(hi+called+`,`+hi, ``):                                                             "contents[1].parts[0].functionCall: has no functionResponse",
		ask(hi+called+`,{"parts":[{"functionResponse":{"name":"f","id":"y","response":{}}},{"functionResponse":{"name":"f","id":"z","response":{}}}]}`, ``): "contents[2].parts[1].functionResponse: is the result of no",
		ask(hi+called+`,{"parts":[{"functionResponse":{"name":"f","response":"r"}}]}`, ``):                                                                  "contents[2].parts[0].functionResponse.response: must be an object",
		ask(hi+called+`,{"parts":[{"functionResponse":{"name":"f","id":7}}]}`, ``):                                                                          "contents[2].parts[0].functionResponse.id: ",
		ask(hi+called+`,{"parts":[{"functionResponse":{"name":"f","parts":[{"text":"a"}]}},{"functionResponse":{"name":"f"}}]}`, ``):                        "contents[2].parts[0].functionResponse.parts[0]: ",
		config(`"temperature":"hot"`):                         "generationConfig.temperature: ",
		config(`"topK":1.5`):                                  "generationConfig.topK: must be a whole number",
		config(`"maxOutputTokens":"9"`):                       "generationConfig.maxOutputTokens: ",
		config(`"stopSequences":"a"`):                         "generationConfig.stopSequences: ",
		config(`"stopSequences":[1]`):                         "generationConfig.stopSequences[0]: ",
		config(`"responseLogprobs":1`):                        "generationConfig.responseLogprobs: ",
		config(`"responseLogprobs":true,"logprobs":true`):     "generationConfig.logprobs: ",
		config(`"responseMimeType":"text/html"`):              "generationConfig.responseMimeType: ",
		config(`"responseMimeType":1`):                        "generationConfig.responseMimeType: ",
		config(`"responseSchema":{},"responseJsonSchema":{}`): "generationConfig.responseJsonSchema: must not be set beside",
		config(`"responseSchema":{"type":"THING"}`):           "generationConfig.responseSchema.type: ",
		config(`"responseSchema":{"properties":{"a":1}}`):     "generationConfig.responseSchema.properties.a: ",
		config(`"responseSchema":{"anyOf":[{"items":[]}]}`):   "generationConfig.responseSchema.anyOf[0].items: ",
		config(`"responseSchema":{"minItems":"x"}`):           "generationConfig.responseSchema.minItems: ",
		config(`"responseSchema":` + strings.Repeat(`{"items":`, 70) + `{}` + strings.Repeat(`}`, 70)): "is nested too deep",
		config(`"responseJsonSchema":[]`):                                               "generationConfig.responseJsonSchema: ",
		config(`"thinkingConfig":1`):                                                    "generationConfig.thinkingConfig: ",
		config(`"thinkingConfig":{"thinkingBudget":-2}`):                                "generationConfig.thinkingConfig.thinkingBudget: ",
		config(`"thinkingConfig":{"thinkingLevel":"SOME"}`):                             "generationConfig.thinkingConfig.thinkingLevel: ",
		config(`"thinkingConfig":{"thinkingLevel":"LOW","thinkingBudget":1}`):           "must not have both",
		config(`"thinkingConfig":{"includeThoughts":"yes"}`):                            "generationConfig.thinkingConfig.includeThoughts: ",
		config(`"responseModalities":["SMELL"]`):                                        "generationConfig.responseModalities[0]: ",
		config(`"responseModalities":"TEXT"`):                                           "generationConfig.responseModalities: ",
		ask(hi, `,"generationConfig":[]`):                                               "generationConfig: ",
		ask(hi, `,"tools":[1]`):                                                         "tools[0]: ",
		tool(`1`, ``):                                                                   "tools[0].functionDeclarations[0]: ",
		tool(`{}`, ``):                                                                  "tools[0].functionDeclarations[0].name: ",
		tool(`{"name":"f","description":1}`, ``):                                        "tools[0].functionDeclarations[0].description: ",
		tool(`{"name":"f","parameters":[]}`, ``):                                        "tools[0].functionDeclarations[0].parameters: ",
		tool(`{"name":"f","parameters":{},"parametersJsonSchema":{}}`, ``):              "tools[0].functionDeclarations[0].parametersJsonSchema: ",
		tool(`{"name":"f"}`, `,"toolConfig":[]`):                                        "toolConfig: ",
		tool(`{"name":"f"}`, `,"toolConfig":{"functionCallingConfig":{"mode":"SOME"}}`): "toolConfig.functionCallingConfig.mode: ",
		tool(`{"name":"f"}`, `,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["g"]}}`): "toolConfig.functionCallingConfig.allowedFunctionNames[0]: names no function",
		ask(hi, `,"cachedContent":"cachedContents/x"`):                                                              "cachedContent: ",
		ask(hi, `,"temperature":1`): "temperature: is not a member",
	} {
		if got, err := host.Accept(t, nil, request); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s became %s, %v, want %q", request, got, err, want)
		}
	}
}

// TestGooglesOwnComeBack sends what only Google has to Google again, as a route with transforms
// does.
func TestGooglesOwnComeBack(t *testing.T) {
	accepted, err := host.Accept(t, nil, ask(hi, `,"labels":{"a":"b"},"safetySettings":[{"category":"C"}],"tools":[{"codeExecution":{}},{"googleSearch":{}}],`+
		`"generationConfig":{"mediaResolution":"LOW","maxOutputTokens":5,"responseMimeType":"text/x.enum","responseSchema":{"type":"STRING","enum":["a"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	sent, err := host.Request(t, dialecttest.Target{Model: "gemini-2.5-flash"}, false, string(accepted))
	const want = `{"contents":[{"role":"user","parts":[{"text":"a"}]}],"tools":[{"codeExecution":{}},{"googleSearch":{}}],"safetySettings":[{"category":"C"}],"labels":{"a":"b"},` +
		`"generationConfig":{"maxOutputTokens":5,"mediaResolution":"LOW","responseMimeType":"text/x.enum","responseSchema":{"type":"STRING","enum":["a"]}}}`
	if err != nil || string(sent.Body) != want || len(sent.Dropped) > 0 {
		t.Errorf("Google gets %s, %v, without %v", sent.Body, err, sent.Dropped)
	}
	// Nobody can get around a bound in this way.
	sent, err = host.Request(t, dialecttest.Target{Model: "gemini-2.5-flash"}, false, `{"messages":[{"role":"user","content":"a"}],"max_tokens":5,"generationConfig.max_output_tokens":9,"google.generation_config":{},"google.model":"m","tools.functionDeclarations":[]}`)
	if err != nil || strings.Contains(string(sent.Body), "9") || strings.Contains(string(sent.Body), "generation_config") || len(sent.Dropped) == 0 {
		t.Errorf("Google gets %s, %v, without %v", sent.Body, err, sent.Dropped)
	}
}

// TestOthersReportGooglesOwn wants every other dialect to report what it leaves out.
func TestOthersReportGooglesOwn(t *testing.T) {
	accepted, err := host.Accept(t, nil, ask(`{"parts":[{"text":"a","videoMetadata":{"fps":1}}]}`, `,"labels":{"a":"b"},"safetySettings":[{"category":"C"}],"tools":[{"codeExecution":{}}],"generationConfig":{"mediaResolution":"LOW"}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, dialect := range []string{"openai", "anthropic", "openai-responses", "cohere", "ollama"} {
		sent, err := dialecttest.Host{Dialect: dialect}.Request(t, dialecttest.Target{Model: "m", MaxOutput: 100}, false, string(accepted))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"google.labels", "safety_settings", "tools.codeExecution", "generationConfig.mediaResolution", "contents[0].parts[0].videoMetadata"} {
			if strings.Count(strings.Join(sent.Dropped, " ")+" ", want+" ") != 1 || strings.Contains(string(sent.Body), want) {
				t.Errorf("%s sends %s and reports %v, want %s", dialect, sent.Body, sent.Dropped, want)
			}
		}
	}
}
