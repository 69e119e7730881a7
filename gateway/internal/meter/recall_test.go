package meter

import (
	"slices"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestRecall(t *testing.T) {
	m := New(at(t, "2026-11-22T10:05:25Z").now, nil, Options{})
	m.Restore([]llm.Charge{{Scope: "team:a", Unit: llm.UnitUSD, Window: "day", WindowID: "2026-11-22", Amount: 5}})
	state := func(scope string, max, raised int64, on llm.OnExceed) llm.LimitState {
		return llm.LimitState{Limit: llm.Limit{Scope: scope, Unit: llm.UnitUSD, Window: "day", Max: max, Raised: raised, OnExceed: on}}
	}
	m.Recall([]llm.LimitState{state("team:a", 3, 0, llm.ExceedWarn), state("team:a", 12, 2, llm.ExceedDeny), state("team:none", 7, 0, llm.ExceedDeny)})
	m.Recall([]llm.LimitState{state("team:a", 99, 0, llm.ExceedDeny)}) // older: it changes nothing
	if got := slices.Collect(m.All()); len(got) != 1 || got[0].Max != 10 || got[0].Spent != 5 {
		t.Errorf("Counts = %+v, want 5 of 10 for team:a only", got)
	}
	mustReserve(t, m, "a", []llm.Limit{{Scope: "team:a", Unit: llm.UnitUSD, Window: "day", Max: 50}}, llm.Amounts{USD: 1})
	if got := slices.Collect(m.All()); got[0].Max != 50 {
		t.Errorf("after a request Max = %d, want 50", got[0].Max)
	}
}
