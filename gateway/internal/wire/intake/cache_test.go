package intake_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// TestCacheInstructions reads the member cache in all forms that LiteLLM's clients send.
func TestCacheInstructions(t *testing.T) {
	never := llm.CacheControl{NoCache: true, NoStore: true}
	for cache, want := range map[string]llm.CacheControl{
		`null`:                       {},
		`{}`:                         {},
		`{"no-cache":true}`:          {NoCache: true},
		`{"no-cache":false}`:         {},
		`{"no-store":true}`:          {NoStore: true},
		`{"ttl":60,"s-maxage":30}`:   {TTL: time.Minute, MaxAge: 30 * time.Second},
		`{"s-max-age":0.5}`:          {MaxAge: 500 * time.Millisecond},
		`{"ttl":0}`:                  {NoStore: true},
		`{"ttl":1e-30}`:              {NoStore: true},
		`{"s-maxage":0}`:             {NoCache: true},
		`{"use-cache":true}`:         {},
		`{"use-cache":null}`:         {},
		`{"use-cache":false}`:        never,
		`{"namespace":"a\u0000b é"}`: {Namespace: "a\x00b é"},
		`{"no-cache":null,"no-store":null,"ttl":null,"s-maxage":null}`: {},
		`{"use-cache":false,"no-cache":false,"no-store":false}`:        never,
		`{"ttl":0,"no-store":false}`:                                   {NoStore: true},
	} {
		body := `{"model":"m","messages":[{"role":"user","content":"hi"}],"cache":` + cache + `}`
		_, got, err := intake.Scan([]byte(body), intake.Options{})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("cache %s: %v (-want +got):\n%s", cache, err, diff)
		}
	}
	long := `{"model":"m","messages":[],"cache":{"namespace":"` + strings.Repeat("n", 129) + `"}}`
	if _, _, err := intake.Scan([]byte(long), intake.Options{}); err == nil {
		t.Error("a namespace of any length is taken")
	}
}
