package tags

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// headers returns a header of name, value pairs.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestTags(t *testing.T) {
	key := map[string]string{"team": "search", "env": "dev"}
	body := map[string]string{"env": "test", "usecase": "chat"}
	for _, c := range []struct {
		name string
		h    http.Header
		want map[string]string
		bad  string
	}{
		{"key and body", nil, map[string]string{"team": "search", "env": "dev", "usecase": "chat"}, ""},
		{"own header", headers("x-penstock-tags", " usecase=support, stage = prod,,flag"), map[string]string{"team": "search", "env": "dev", "usecase": "support", "stage": "prod", "flag": "true"}, ""},
		{"own beats others", headers("x-penstock-tags", "usecase=a", "x-litellm-tags", "usecase=b", "x-portkey-metadata", `{"usecase":"c"}`, "cf-aig-metadata", `{"usecase":"d"}`), map[string]string{"team": "search", "env": "dev", "usecase": "a"}, ""},
		{"the key beats all", headers("x-penstock-tags", "team=a,env=a", "x-litellm-tags", "team=b", "x-portkey-metadata", `{"env":"c"}`, "cf-aig-metadata", `{"team":"d"}`), map[string]string{"team": "search", "env": "dev", "usecase": "chat"}, ""},
		{"metadata headers", headers("x-portkey-metadata", `{"_user":"u","n":1.50,"ok":true,"deep":{"a":1}}`), map[string]string{"team": "search", "env": "dev", "usecase": "chat", "_user": "u", "n": "1.50", "ok": "true"}, ""},
		{"JSON in the own header", headers("x-penstock-tags", ` {"usecase":"a=b,c","n":2}`), map[string]string{"team": "search", "env": "dev", "usecase": "a=b,c", "n": "2"}, ""},
		{"a list in JSON", headers("x-penstock-tags", `["usecase=a"]`), nil, "x-penstock-tags"},
		{"broken JSON", headers("x-penstock-tags", `{"usecase":"a"`), nil, "x-penstock-tags"},
		{"twice", headers("cf-aig-metadata", `{"a":"1","a":"2"}`), nil, "cf-aig-metadata"},
		{"twice, escaped", headers("x-portkey-metadata", `{"a":"1","\u0061":"1"}`), nil, "x-portkey-metadata"},
		{"twice, an object first", headers("x-penstock-tags", `{"a":{},"a":"2"}`), nil, "x-penstock-tags"},
		{"line breaks", headers("x-portkey-metadata", `{"a":"x\r\nSet-Cookie: y"}`), nil, "x-portkey-metadata"},
		{"an escape", headers("cf-aig-metadata", `{"a\u001b":"x"}`), nil, "cf-aig-metadata"},
		{"C1", headers("x-penstock-tags", "a=\u009bx"), nil, "x-penstock-tags"},
		{"a tab", headers("x-penstock-tags", "a=x\ty"), nil, "x-penstock-tags"},
		{"not an object", headers("cf-aig-metadata", `[1]`), nil, "cf-aig-metadata"},
		{"two objects", headers("cf-aig-metadata", `{} {}`), nil, "cf-aig-metadata"},
		{"no name", headers("x-penstock-tags", "=x"), nil, "x-penstock-tags"},
		{"long name", headers("x-penstock-tags", strings.Repeat("a", 65)+"=x"), nil, "x-penstock-tags"},
		{"too many", headers("x-penstock-tags", "a"+many(60)), nil, "tags"},
	} {
		got, err := merge(c.h, key, body)
		if c.bad != "" {
			if e := llm.AsError(err); err == nil || e.Status != 400 || e.Param != c.bad {
				t.Errorf("%s: %v, want a 400 about %s", c.name, err, c.bad)
			}
			continue
		}
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, err, d)
		}
	}
	if len(key) != 2 || key["env"] != "dev" {
		t.Errorf("the key's own tags were changed: %v", key)
	}
	if _, err := merge(nil, nil, map[string]string{"a": "x\ny"}); llm.AsError(err).Param != "metadata" {
		t.Errorf("a line break in metadata: %v", err)
	}
	if got, err := merge(nil, nil, nil); got != nil || err != nil {
		t.Errorf("no tags = %v, %v", got, err)
	}
}

// merge returns all tags of a request with these headers.
func merge(h http.Header, key, metadata map[string]string) (map[string]string, error) {
	fromHeaders, err := FromHeaders(h)
	if err != nil {
		return nil, err
	}
	return Merge(metadata, fromHeaders, key)
}

// many returns n tags.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("," + strings.Repeat("b", i+1) + "=1")
	}
	return b.String()
}

func TestCheck(t *testing.T) {
	if err := Check(map[string]string{"usecase": "chat"}); err != nil {
		t.Errorf("Check = %v", err)
	}
	for name, value := range map[string]string{"": "x", "a": "x\ny", strings.Repeat("a", 65): "x", "b": strings.Repeat("a", 513), "c": "\xff"} {
		if e := llm.AsError(Check(map[string]string{name: value})); e == nil || e.Status != 400 || e.Param != "tags" {
			t.Errorf("Check(%q: %q) = %v, want a 400 about tags", name, value, e)
		}
	}
}
