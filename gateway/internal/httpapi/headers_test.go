package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

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
		{"cloudflare no ttl", headers("cf-aig-cache-ttl", "0"), llm.CacheControl{}, llm.CacheControl{NoStore: true}, false},
		{"bad ttl", headers("cf-aig-cache-ttl", "soon"), llm.CacheControl{}, llm.CacheControl{}, true},
		{"cloudflare key", headers("cf-aig-cache-key", "a"), llm.CacheControl{}, llm.CacheControl{Namespace: "a"}, false},
		{"portkey before cloudflare", headers("cf-aig-cache-key", "a", "x-portkey-cache-namespace", "n"), llm.CacheControl{}, llm.CacheControl{Namespace: "n"}, false},
		{"body before cloudflare", headers("cf-aig-cache-key", "a"), llm.CacheControl{Namespace: "b"}, llm.CacheControl{Namespace: "b"}, false},
		{"odd key", headers("cf-aig-cache-key", "a b\tc/../d*é{}\"';--"), llm.CacheControl{}, llm.CacheControl{Namespace: "a b\tc/../d*é{}\"';--"}, false},
		{"key that is not text", headers("cf-aig-cache-key", "\xff"), llm.CacheControl{}, llm.CacheControl{}, true},
		{"namespace that is not text", headers("x-portkey-cache-namespace", "caf\xe9"), llm.CacheControl{}, llm.CacheControl{}, true},
		{"long key", headers("cf-aig-cache-key", strings.Repeat("k", maxNamespace+1)), llm.CacheControl{}, llm.CacheControl{}, true},
		{"s-maxage", headers("Cache-Control", "s-maxage=30"), llm.CacheControl{}, llm.CacheControl{TTL: 30 * time.Second}, false},
		{"s-maxage=0", headers("Cache-Control", "s-maxage=0"), llm.CacheControl{}, llm.CacheControl{NoStore: true}, false},
		{"s-maxage below zero", headers("Cache-Control", "s-maxage=-30"), llm.CacheControl{}, llm.CacheControl{}, false},
		{"portkey config", headers("x-portkey-config", `{"retry":{"attempts":3},"cache":{"mode":"simple","max_age":60}}`), llm.CacheControl{}, llm.CacheControl{TTL: time.Minute}, false},
		{"portkey config of text", headers("x-portkey-config", `{"cache":"simple"}`), llm.CacheControl{}, llm.CacheControl{}, false},
		{"portkey config below zero", headers("x-portkey-config", `{"cache":{"max_age":-1}}`), llm.CacheControl{}, llm.CacheControl{}, false},
		{"endless portkey config", headers("x-portkey-config", `{"cache":{"max_age":1e99}}`), llm.CacheControl{}, llm.CacheControl{}, false},
		{"portkey config's id", headers("x-portkey-config", "pc-cache-1"), llm.CacheControl{}, llm.CacheControl{}, false},
		{"negative ttl", headers("cf-aig-cache-ttl", "-1"), llm.CacheControl{}, llm.CacheControl{}, true},
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
