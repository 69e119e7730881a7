package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// headers makes a header from name, value pairs.
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
		{"twice, spelt otherwise", headers("x-portkey-metadata", `{"a":"1","\u0061":"1"}`), nil, "x-portkey-metadata"},
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
		got, err := tagsOf(c.h, key, body)
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
	if _, err := tagsOf(nil, nil, map[string]string{"a": "x\ny"}); llm.AsError(err).Param != "metadata" {
		t.Errorf("a line break in metadata: %v", err)
	}
	if got, err := tagsOf(nil, nil, nil); got != nil || err != nil {
		t.Errorf("no tags = %v, %v", got, err)
	}
}

func tagsOf(h http.Header, key, metadata map[string]string) (map[string]string, error) {
	fromHeaders, err := tagsIn(h)
	if err != nil {
		return nil, err
	}
	return mergeTags(metadata, fromHeaders, key)
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("," + strings.Repeat("b", i+1) + "=1")
	}
	return b.String()
}

func TestCacheControl(t *testing.T) {
	for _, c := range []struct {
		name string
		h    http.Header
		body llm.CacheControl
		want llm.CacheControl
		bad  bool
	}{
		{"nothing", nil, llm.CacheControl{TTL: 1}, llm.CacheControl{TTL: 1}, false},
		{"no-cache", headers("Cache-Control", "No-Cache, no-transform"), llm.CacheControl{}, llm.CacheControl{NoCache: true}, false},
		{"no-store", headers("Cache-Control", "no-store"), llm.CacheControl{}, llm.CacheControl{NoStore: true}, false},
		{"max-age", headers("Cache-Control", "max-age=60"), llm.CacheControl{}, llm.CacheControl{MaxAge: time.Minute}, false},
		{"max-age=0", headers("Cache-Control", "max-age=0"), llm.CacheControl{}, llm.CacheControl{NoCache: true}, false},
		{"nonsense", headers("Cache-Control", "max-age=-1, foo=,,"), llm.CacheControl{}, llm.CacheControl{}, false},
		{"portkey", headers("x-portkey-cache-force-refresh", "True", "x-portkey-cache-namespace", "n"), llm.CacheControl{}, llm.CacheControl{NoCache: true, Namespace: "n"}, false},
		{"body's name wins", headers("x-portkey-cache-namespace", "n"), llm.CacheControl{Namespace: "b"}, llm.CacheControl{Namespace: "b"}, false},
		{"cloudflare skip", headers("cf-aig-skip-cache", "true"), llm.CacheControl{}, llm.CacheControl{NoCache: true, NoStore: true}, false},
		{"cloudflare ttl", headers("cf-aig-cache-ttl", "60"), llm.CacheControl{}, llm.CacheControl{TTL: time.Minute}, false},
		{"bad ttl", headers("cf-aig-cache-ttl", "soon"), llm.CacheControl{}, llm.CacheControl{}, true},
		{"endless ttl", headers("cf-aig-cache-ttl", "99999999999999"), llm.CacheControl{}, llm.CacheControl{}, true},
	} {
		got, err := cacheControl(c.h, c.body)
		if (err != nil) != c.bad || !c.bad && got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", c.name, got, err, c.want)
		}
	}
}

func TestIDsSortByTime(t *testing.T) {
	now := time.UnixMicro(1_700_000_000_000_000)
	var ids []string
	for i := range 2000 {
		ids = append(ids, newID(now.Add(time.Duration(i)*time.Microsecond)))
	}
	if !slices.IsSorted(ids) {
		t.Error("ids of later microseconds sort earlier")
	}
	seen := map[string]bool{}
	for range 10_000 {
		id := newID(now)
		if seen[id] || len(id) != 30 || strings.Trim(id[4:], "0123456789abcdefghjkmnpqrstvwxyz") != "" {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
}

func TestMoments(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"":                     now.Add(-time.Hour),
		"24h":                  now.Add(-24 * time.Hour),
		"7d":                   now.AddDate(0, 0, -7),
		"2026-11-01":           time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		"2026-11-01T08:00:00Z": time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC),
	} {
		if got, err := moment(in, now, time.Hour); err != nil || !got.Equal(want) {
			t.Errorf("moment(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"yesterday", "-1h", "-3d", "999999999999d", "2026-13-01"} {
		if got, err := moment(in, now, 0); err == nil {
			t.Errorf("moment(%q) = %v, want an error", in, got)
		}
	}
}

func TestRowsAsCSV(t *testing.T) {
	got, err := rowsAsCSV([]byte(`{"rows":[{"model":"a,b","cost_usd":0.1,"n":null},{"model":"=1+1","extra":"x\"y"}],"total":{}}`))
	want := "model,cost_usd,n,extra\n\"a,b\",0.1,,\n'=1+1,,,\"x\"\"y\"\n"
	if err != nil || string(got) != want {
		t.Errorf("rowsAsCSV = %q, %v, want %q", got, err, want)
	}
	for _, text := range []string{"=1", "+1", "-1", "@a", "\ta", "\ra", "\na", " =1", "\u00a0=1", "\u3000=1", "＝1", "＋1", "－1", "＠a", "\u200b=1", "\ufeff=1"} {
		value, _ := json.Marshal(text)
		if got := cell(value); got != "'"+text {
			t.Errorf("cell(%q) = %q", text, got)
		}
	}
	for text, want := range map[string]string{`-1.5`: "-1.5", `"a=1"`: "a=1", `""`: ""} {
		if got := cell([]byte(text)); got != want {
			t.Errorf("cell(%s) = %q", text, got)
		}
	}
	for _, bad := range []string{`[]`, `{"rows":[1]}`, `{"rows":{}}`} {
		if got, err := rowsAsCSV([]byte(bad)); err == nil {
			t.Errorf("rowsAsCSV(%s) = %q", bad, got)
		}
	}
}
