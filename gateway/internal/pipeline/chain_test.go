package pipeline

import (
	"slices"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestFallbackOnACause has further targets for one cause each.
func TestFallbackOnACause(t *testing.T) {
	filtered := stream()
	filtered.info = llm.ReplyInfo{Finish: "content_filter"}
	for name, c := range map[string]struct {
		set  func(f *fakes)
		want []string // the targets that were asked
		text string
		code llm.Code
	}{
		"too long": {func(f *fakes) { f.script["p/a"] = []action{failing(llm.FaultContextLength, 400)} }, []string{"p/a", "p/long"}, "hello from p/long", ""},
		"too long for all": {func(f *fakes) {
			for _, id := range []string{"p/a", "p/b", "p/long"} {
				f.script[id] = []action{failing(llm.FaultContextLength, 400)}
			}
		}, []string{"p/a", "p/long", "p/b"}, "", "upstream_said_no"},
		"refused for its content":    {func(f *fakes) { f.script["p/a"] = []action{failing(llm.FaultContentPolicy, 400)} }, []string{"p/a", "p/open"}, "hello from p/open", ""},
		"filtered without an answer": {func(f *fakes) { f.script["p/a"] = []action{filtered} }, []string{"p/a", "p/open"}, "hello from p/open", ""},
		"refused by both": {func(f *fakes) {
			f.script["p/a"], f.script["p/open"] = []action{failing(llm.FaultContentPolicy, 400)}, []action{failing(llm.FaultContentPolicy, 400)}
		}, []string{"p/a", "p/open"}, "", "upstream_said_no"},
		"forbidden by the policy": {func(f *fakes) {
			f.script["p/a"] = []action{failing(llm.FaultContentPolicy, 400)}
			f.decision.Obligations.DenyTargets = []string{"p/open"}
		}, []string{"p/a"}, "", "upstream_said_no"},
		"no room in the budget": {func(f *fakes) {
			f.decision.Limits = []llm.Limit{{Name: "money", Scope: "s", Unit: llm.UnitUSD, Max: 1}}
			f.full["p/a"] = true
		}, []string{"p/cheap"}, "hello from p/cheap", ""},
		"down": {func(f *fakes) { f.script["p/a"] = []action{failing(llm.FaultServer, 503)} }, []string{"p/a", "p/b"}, "hello from p/b", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakes("p/a", "p/b")
			f.route.Retries.Attempts = 1
			f.route.FallbackOn = map[llm.Fault][]*llm.Target{}
			for cause, id := range map[llm.Fault]string{llm.FaultContextLength: "p/long", llm.FaultContentPolicy: "p/open", llm.FaultBudget: "p/cheap"} {
				f.route.FallbackOn[cause] = []*llm.Target{target(id), f.route.Targets[0]} // the one that failed is not asked again
				f.script[id] = []action{plain("hello from " + id)}
			}
			c.set(f)
			got, err := f.serve(t, t.Context(), request(false))
			if code := llm.Code(""); err != nil {
				code = llm.AsError(err).Code
				if code != c.code {
					t.Errorf("error %v, want %q", err, c.code)
				}
			} else if c.code != "" {
				t.Errorf("no error, want %q", c.code)
			}
			if got.text != c.text || !slices.Equal(f.sent, c.want) {
				t.Errorf("%q after asking %v, want %v", got.text, f.sent, c.want)
			}
		})
	}
}
