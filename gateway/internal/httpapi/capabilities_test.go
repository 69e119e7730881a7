package httpapi_test

import (
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestCapabilities(t *testing.T) {
	f := new(httpapi.Fake)
	f.Keys = httpapi.KeysRequired
	f.ModelList = []httpapi.Model{{ID: "smart", OwnedBy: "penstock"}, {ID: "embed", OwnedBy: "penstock"}, {ID: "new", OwnedBy: "penstock"}}
	f.TargetList = map[string][]*llm.Target{
		"smart": {
			{ID: "p/a", Context: 1000, FeaturesKnown: true, Features: llm.Tools, Quality: 0.5, Deprecated: true,
				Price: llm.Price{Known: true, Input: llm.USD, Output: 2 * llm.USD, CacheRead: llm.USD, CacheWrite: llm.USD, CacheWriteLong: llm.USD, AudioInput: llm.USD, AudioOutput: 2 * llm.USD, Row: "p/a@1"}},
			{ID: "p/b", Context: 2000, MaxOutput: 100, FeaturesKnown: true, Features: llm.Vision | llm.AudioOut, Quality: -1},
		},
		"embed": {{ID: "p/e", FeaturesKnown: true, EmbedsOnly: true, Quality: -1}},
		"new":   {{ID: "p/n", Quality: -1}},
	}
	addr := start(t, f)
	price := `"price":{"input":1,"output":2,"cached":1,"cache_write":1,"cache_write_1h":1,"row":"p/a@1"}`
	smart := `{"id":"smart","object":"model.capabilities","owned_by":"penstock","context":2000,"max_output":100,"modalities":{"input":["text","image"],"output":["text","audio"]},` +
		`"capabilities":["tools","vision","audio_out"],` + price + `,"quality":0.5,"deprecated":false,"targets":[` +
		`{"target":"p/a","context":1000,"max_output":null,"modalities":{"input":["text"],"output":["text"]},"capabilities":["tools"],` + price + `,"quality":0.5,"deprecated":true},` +
		`{"target":"p/b","context":2000,"max_output":100,"modalities":{"input":["text","image"],"output":["text","audio"]},"capabilities":["vision","audio_out"],"price":null,"quality":null,"deprecated":false}]}`
	rest := func(modality, capabilities string) string {
		return `"context":null,"max_output":null,"modalities":{"input":["text"],"output":["` + modality + `"]},"capabilities":` + capabilities + `,"price":null,"quality":null,"deprecated":false`
	}
	want := `{"object":"list","data":[` + smart +
		`,{"id":"embed","object":"model.capabilities","owned_by":"penstock",` + rest("embedding", "[]") + `,"targets":[{"target":"p/e",` + rest("embedding", "[]") + `}]}` +
		`,{"id":"new","object":"model.capabilities","owned_by":"penstock",` + rest("text", "null") + `,"targets":[{"target":"p/n",` + rest("text", "null") + `}]}]}`
	for _, path := range []string{"/v1/capabilities", "/capabilities"} {
		if _, body := call(t, "GET", addr, path, "", "Authorization", "Bearer member"); strings.TrimSpace(body) != want {
			t.Errorf("GET %s = %s\nwant %s", path, body, want)
		}
	}
	if resp, _ := call(t, "GET", addr, "/v1/capabilities", ""); resp.StatusCode != 401 {
		t.Errorf("without a key: %d", resp.StatusCode)
	}
	if resp, _ := call(t, "POST", addr, "/v1/capabilities", "{}", "Authorization", "Bearer member"); resp.StatusCode != 405 {
		t.Errorf("POST: %d", resp.StatusCode)
	}
}
