package anthropic_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// TestRequestsComeBack has every recorded request accepted, and the canonical one sent to
// Anthropic again: it must say the same.
func TestRequestsComeBack(t *testing.T) {
	all, same := 0, 0
	for _, r := range dialecttest.Recordings(t, "anthropic", "messages") {
		all++
		t.Run(filepath.Base(r.Path), func(t *testing.T) {
			canonical, err := host.Accept(t, nil, r.Request)
			if err != nil {
				t.Fatal(err)
			}
			var asked struct {
				Model  string
				Stream bool
			}
			if err := json.Unmarshal(canonical, &asked); err != nil {
				t.Fatal(err)
			}
			sent, err := host.Request(t, dialecttest.Target{Model: asked.Model}, asked.Stream, string(canonical))
			if err != nil {
				t.Fatal(err)
			}
			want := normalized(t, r.Request)
			hoist(want)
			if diff := cmp.Diff(want, normalized(t, string(sent.Body))); diff != "" {
				t.Errorf("request (-client's +what Anthropic gets):\n%s\ncanonical: %.1500s", diff, canonical)
			}
			if len(sent.Dropped) > 0 {
				t.Errorf("dropped %s", strings.Join(sent.Dropped, ", "))
			}
			if !t.Failed() {
				same++
			}
		})
	}
	t.Logf("%d of %d requests come back as they were", same, all)
}

type object = map[string]any

// hoist puts system messages into the system prompt, where the canonical form's go.
func hoist(request object) {
	system, _ := request["system"].([]any)
	others := []any{}
	for _, m := range request["messages"].([]any) {
		if m := m.(object); m["role"] == "system" {
			system = append(system, m["content"].([]any)...)
			continue
		}
		others = append(others, m)
	}
	if request["messages"] = others; len(system) > 0 {
		request["system"] = system
	}
}

// normalized is a request without the differences that mean nothing: a text is a list of one
// text block, members that are null or false are not there, and the schema of the answer is
// where the older beta feature does not have it.
func normalized(t *testing.T, request string) object {
	t.Helper()
	var r object
	if err := json.Unmarshal([]byte(request), &r); err != nil {
		t.Fatal(err)
	}
	if r["stream"] == false {
		delete(r, "stream")
	}
	if format := r["output_format"]; format != nil {
		r["output_config"] = object{"format": format}
		delete(r, "output_format")
	}
	r["system"] = blocks(r["system"])
	for _, m := range r["messages"].([]any) {
		m := m.(object)
		m["content"] = blocks(m["content"])
	}
	return withoutNull(r).(object)
}

func blocks(content any) any {
	switch c := content.(type) {
	case string:
		return []any{object{"type": "text", "text": c}}
	case []any:
		for _, b := range c {
			if b := b.(object); b["type"] == "tool_result" {
				b["content"] = blocks(b["content"])
			}
		}
	}
	return content
}

func withoutNull(v any) any {
	switch v := v.(type) {
	case object:
		for name, one := range v {
			if v[name] = withoutNull(one); one == nil {
				delete(v, name)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNull(v[i])
		}
	}
	return v
}
