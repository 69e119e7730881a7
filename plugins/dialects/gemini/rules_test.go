package gemini_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// geminiRequest is a request as the rules below look at it.
type geminiRequest struct {
	Contents []geminiContent `json:"contents"`
	System   *struct {
		Parts []geminiPart `json:"parts"`
	} `json:"systemInstruction"`
	Tools []struct {
		Functions []struct {
			Name       string          `json:"name"`
			Parameters json.RawMessage `json:"parametersJsonSchema"`
		} `json:"functionDeclarations"`
	} `json:"tools"`
	ToolConfig *struct {
		Calling *struct {
			Mode    string   `json:"mode"`
			Allowed []string `json:"allowedFunctionNames"`
		} `json:"functionCallingConfig"`
	} `json:"toolConfig"`
	Config struct {
		MaxTokens  *int64   `json:"maxOutputTokens"`
		Candidates *int64   `json:"candidateCount"`
		Stop       []string `json:"stopSequences"`
		MIME       string   `json:"responseMimeType"`
		Thinking   *struct {
			Budget *int64 `json:"thinkingBudget"`
			Level  string `json:"thinkingLevel"`
		} `json:"thinkingConfig"`
		Temperature *float64        `json:"temperature"`
		Presence    *float64        `json:"presencePenalty"`
		Schema      json.RawMessage `json:"responseJsonSchema"`
	} `json:"generationConfig"`
}

type geminiContent struct {
	Role  string       `json:"role"`
	Parts []geminiPart `json:"parts"`
}

type geminiPart struct {
	Text      *string `json:"text"`
	Signature string  `json:"thoughtSignature"`
	Inline    *struct {
		MIME string `json:"mimeType"`
		Data string `json:"data"`
	} `json:"inlineData"`
	File *struct {
		URI string `json:"fileUri"`
	} `json:"fileData"`
	Call *struct {
		ID   string         `json:"id"`
		Name string         `json:"name"`
		Args map[string]any `json:"args"`
	} `json:"functionCall"`
	Result *struct {
		ID       string         `json:"id"`
		Name     string         `json:"name"`
		Response map[string]any `json:"response"`
		Parts    []geminiPart   `json:"parts"`
	} `json:"functionResponse"`
}

// The members that Google knows: it refuses any other.
var (
	known = map[string]bool{"contents": true, "systemInstruction": true, "tools": true, "toolConfig": true, "safetySettings": true, "labels": true, "modelArmorConfig": true,
		"generationConfig": true, "serviceTier": true}
	knownConfig = map[string]bool{"maxOutputTokens": true, "candidateCount": true, "temperature": true, "topP": true, "topK": true, "seed": true,
		"presencePenalty": true, "frequencyPenalty": true, "responseLogprobs": true, "logprobs": true, "stopSequences": true,
		"responseModalities": true, "speechConfig": true, "responseMimeType": true, "responseJsonSchema": true, "thinkingConfig": true}
	nameRule = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$`)
)

// checkRules holds a request for a model against what Google refuses.
func checkRules(t testing.TB, model string, body []byte) geminiRequest {
	t.Helper()
	var members, config map[string]json.RawMessage
	var r geminiRequest
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	for name := range members {
		if !known[name] {
			t.Errorf("Gemini does not know %q", name)
		}
	}
	if raw, ok := members["generationConfig"]; ok {
		if err := json.Unmarshal(raw, &config); err != nil || len(config) == 0 {
			t.Errorf("generationConfig is %s", raw)
		}
	}
	for name := range config {
		if !knownConfig[name] {
			t.Errorf("Gemini does not know generationConfig.%q", name)
		}
	}
	if r.System != nil && len(r.System.Parts) == 0 {
		t.Error("systemInstruction has no parts")
	}
	checkContents(t, model, r.Contents)
	checkTools(t, model, &r)
	checkConfig(t, model, &r)
	return r
}

func checkContents(t testing.TB, model string, contents []geminiContent) {
	t.Helper()
	if len(contents) == 0 {
		t.Error("there are no contents")
	}
	var open []string
	for i, c := range contents {
		if want := []string{"user", "model"}[i%2]; c.Role != want {
			t.Errorf("contents[%d] is the %s's, want the %s's", i, c.Role, want)
		}
		if len(c.Parts) == 0 {
			t.Errorf("contents[%d] has no parts", i)
		}
		var answered, called []string
		for k, p := range c.Parts {
			checkPart(t, i, k, &p)
			if p.Result != nil {
				answered = append(answered, p.Result.ID+" "+p.Result.Name)
			}
			if p.Call != nil {
				if len(called) == 0 && strings.Contains(model, "gemini-3") && p.Signature == "" {
					t.Errorf("contents[%d].parts[%d] is a call without a signature", i, k)
				}
				called = append(called, p.Call.ID+" "+p.Call.Name)
			}
		}
		if strings.Join(answered, ",") != strings.Join(open, ",") {
			t.Errorf("contents[%d] answers %q, want %q", i, answered, open)
		}
		open = called
	}
}

func checkPart(t testing.TB, i, k int, p *geminiPart) {
	t.Helper()
	kinds := 0
	for _, is := range []bool{p.Text != nil, p.Inline != nil, p.File != nil, p.Call != nil, p.Result != nil} {
		if is {
			kinds++
		}
	}
	if kinds != 1 {
		t.Errorf("contents[%d].parts[%d] is of %d kinds", i, k, kinds)
	}
	switch {
	case p.Inline != nil && (p.Inline.MIME == "" || p.Inline.Data == ""):
		t.Errorf("contents[%d].parts[%d] lacks a type or data", i, k)
	case p.Call != nil && (!nameRule.MatchString(p.Call.Name) || p.Call.Args == nil):
		t.Errorf("contents[%d].parts[%d] is a broken call: %+v", i, k, *p.Call)
	case p.Result != nil && (!nameRule.MatchString(p.Result.Name) || p.Result.Response == nil):
		t.Errorf("contents[%d].parts[%d] is a broken result: %+v", i, k, *p.Result)
	}
}

func checkTools(t testing.TB, model string, r *geminiRequest) {
	t.Helper()
	names := map[string]bool{}
	own := 0
	for i, tool := range r.Tools {
		if len(tool.Functions) == 0 {
			own++
		}
		for k, f := range tool.Functions {
			names[f.Name] = true
			if !nameRule.MatchString(f.Name) {
				t.Errorf("tools[%d].functionDeclarations[%d] is called %q", i, k, f.Name)
			}
			if f.Parameters != nil {
				checkSchema(t, f.Parameters, true)
			}
		}
	}
	if len(names) > 0 && !strings.Contains(model, "gemini-3") && (own > 0 || r.Config.MIME != "" && (r.ToolConfig == nil || r.ToolConfig.Calling.Mode != "NONE")) {
		t.Error("functions stand beside other tools or a schema, which the model refuses")
	}
	if c := r.ToolConfig; c != nil && c.Calling != nil {
		for _, name := range c.Calling.Allowed {
			if !names[name] || c.Calling.Mode != "ANY" {
				t.Errorf("toolConfig is %+v of %v", *c.Calling, names)
			}
		}
	}
}

// checkSchema checks that references lead to a definition and stand alone, and that a root is
// an object.
func checkSchema(t testing.TB, raw json.RawMessage, object bool) {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(raw, &root); err != nil {
		t.Errorf("schema %s: %v", raw, err)
		return
	}
	if object && root["type"] != "object" {
		t.Errorf("the parameters %s are no object", raw)
	}
	defs, _ := root["$defs"].(map[string]any)
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				if _, ok := defs[strings.TrimPrefix(ref, "#/$defs/")]; !ok || len(v) != 1 {
					t.Errorf("%v in the schema %s", v, raw)
				}
			}
			for _, one := range v {
				walk(one)
			}
		}
	}
	walk(root)
}

func checkConfig(t testing.TB, model string, r *geminiRequest) {
	t.Helper()
	c := &r.Config
	if c.MaxTokens != nil && (*c.MaxTokens < 1 || *c.MaxTokens > 8192) {
		t.Errorf("maxOutputTokens is %d", *c.MaxTokens)
	}
	if len(c.Stop) > 5 {
		t.Errorf("there are %d stop sequences", len(c.Stop))
	}
	if c.Temperature != nil && (*c.Temperature < 0 || *c.Temperature > 2) {
		t.Errorf("temperature is %v", *c.Temperature)
	}
	if c.Presence != nil && !strings.Contains(model, "gemini-2.0") {
		t.Error("the model takes no penalty")
	}
	if th := c.Thinking; th != nil {
		if th.Budget != nil && th.Level != "" || th.Level != "" && !strings.Contains(model, "gemini-3") || strings.Contains(model, "gemini-2.0") {
			t.Errorf("thinkingConfig is %+v for %s", *th, model)
		}
	}
	if c.Schema != nil {
		checkSchema(t, c.Schema, false)
		if c.MIME != "application/json" {
			t.Error("a schema without its media type")
		}
	}
}
