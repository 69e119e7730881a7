package main

import (
	"errors"
	"testing"

	penstock "github.com/penstock/penstock/sdk/go"
)

const configured = `{"v":1,"plugin":"house-style","config":{"styles":{"*":"All.","anthropic/*":"Be \"brief\".","openai/gpt-5":"Exact."}},"seed":"0"}`

func configuredPlugin(t *testing.T) *plugin {
	t.Helper()
	p := new(plugin)
	if _, err := p.settings(nil, []byte(configured)); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestMatch(t *testing.T) {
	p := configuredPlugin(t)
	for id, want := range map[string]string{"openai/gpt-5": "Exact.", "openai/gpt-5-mini": "All.", "anthropic/c": `Be "brief".`, "": "All."} {
		if got := p.match(id); got == nil || string(got.text) != want {
			t.Errorf("match(%s) = %v, want %q", id, got, want)
		}
	}
	if got := new(plugin).match("openai/gpt-5"); got != nil {
		t.Errorf("match without styles = %v", got)
	}
}

func TestTransformRequest(t *testing.T) {
	p := configuredPlugin(t)
	for body, want := range map[string]string{
		`{ "messages" :[{"role":"system","content":"h\u0069"}]}`:       `{ "messages" :[{"role":"system","content":"Be \"brief\".\n\nh\u0069"}]}`,
		`{"messages":[{"content":[{"type":"x"}],"role":"developer"}]}`: `{"messages":[{"content":[{"type":"text","text":"Be \"brief\"."},{"type":"x"}],"role":"developer"}]}`,
		`{"messages":[{"role":"system","content":[]}],"n":1.0}`:        `{"messages":[{"role":"system","content":[{"type":"text","text":"Be \"brief\"."}]}],"n":1.0}`,
		`{"messages":[{"role":"user","content":"hi"}]}`:                `{"messages":[{"role":"system","content":"Be \"brief\"."},{"role":"user","content":"hi"}]}`,
		`{"messages":[]}`: `{"messages":[{"role":"system","content":"Be \"brief\"."}]}`,
	} {
		in := `{"v":1,"target":{"id":"anthropic/c"},"body":` + body + `}`
		got, err := p.transformRequest(nil, []byte(in))
		if err != nil || string(got) != `{"body":`+want+`}` {
			t.Errorf("%s became %s, %v, want %s", body, got, err, want)
		}
	}
}

func TestRejections(t *testing.T) {
	p := configuredPlugin(t)
	_, noList := p.transformRequest(nil, []byte(`{"target":{"id":"x"},"body":{"messages":{}}}`))
	_, noStyles := p.settings(nil, []byte(`{"config":{}}`))
	_, noText := p.settings(nil, []byte(`{"config":{"styles":{"*":1}}}`))
	for what, err := range map[string]error{"messages that are no list": noList, "no styles": noStyles, "a style that is no text": noText} {
		var e *penstock.Error
		if !errors.As(err, &e) || e.Code != 400 {
			t.Errorf("%s: %v, want a rejection with 400", what, err)
		}
	}
}
