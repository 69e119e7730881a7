package intake

import (
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// TestCanonicalFormsAreRead has the requests of Anthropic clients read twice, as they came
// and in the canonical form: both must be valid, and name the same model, stream and bound.
// What is bounded for the one is bounded for the other.
func TestCanonicalFormsAreRead(t *testing.T) {
	host := dialecttest.Host{Dialect: "anthropic"}
	all, read := 0, 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return r.Provider == "anthropic" && r.Endpoint == "messages" }) {
		all++
		native, _, err := ScanMessages([]byte(rec.RequestBody), Options{})
		if err != nil {
			t.Errorf("%s: %v", rec.Path, err)
			continue
		}
		body, err := host.Accept(t, nil, rec.RequestBody)
		if err != nil {
			t.Errorf("%s: %v", rec.Path, err)
			continue
		}
		facts, _, err := Scan(body, Options{})
		switch {
		case err != nil:
			t.Errorf("%s: %v", rec.Path, err)
		case facts.Model != native.Model || facts.Stream != native.Stream || facts.MaxTokens != native.MaxTokens || facts.User != native.User:
			t.Errorf("%s: the canonical form says %+v, the request %+v", rec.Path, facts, native)
		case facts.Unbounded != "" && native.Unbounded == "":
			t.Errorf("%s: %s is unbounded in the canonical form only", rec.Path, facts.Unbounded)
		default:
			read++
		}
	}
	t.Logf("%d of %d canonical forms are read", read, all)
}
