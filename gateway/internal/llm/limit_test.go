package llm

import (
	"encoding/json"
	"testing"
)

// TestLimitsOfEarlierVersions: a record has said "warn" or "on_exceed" since.
func TestLimitsOfEarlierVersions(t *testing.T) {
	limit := Limit{Name: "n", Scope: "s", Unit: UnitUSD, Window: "day", Max: 5}
	for in, action := range map[string]OnExceed{
		`"max": 5`: ExceedDeny, `"max": 5, "warn": false`: ExceedDeny, `"max": 5, "on_exceed": "deny"`: ExceedDeny,
		`"max": 5, "warn": true`: ExceedWarn, `"max": 5, "on_exceed": "warn"`: ExceedWarn, `"max": 5, "on_exceed": "cut"`: ExceedCut,
	} {
		want := LimitState{Limit: limit, WindowID: "2026-11-22", Before: 1, Reserved: 2, ResetsAt: 3, Exceeded: true}
		want.OnExceed = action
		var got LimitState
		err := json.Unmarshal([]byte(`{"name": "n", "scope": "s", "unit": "usd", "window": "day", `+in+`, "window_id": "2026-11-22", "before": 1, "reserved": 2, "resets_at": 3, "exceeded": true}`), &got)
		if err != nil || got != want {
			t.Errorf("%s reads as %+v, %v, want %+v", in, got, err, want)
		}
	}
}

func TestLimitsKeepWhatTheyDo(t *testing.T) {
	for _, what := range []OnExceed{ExceedDeny, ExceedWarn, ExceedCut} {
		in := LimitState{Limit: Limit{Name: "n", OnExceed: what}, WindowID: "w"}
		text, err := json.Marshal(in)
		var out LimitState
		if err == nil {
			err = json.Unmarshal(text, &out)
		}
		if err != nil || out != in {
			t.Errorf("%s reads as %+v, %v, want %+v", text, out, err, in)
		}
		if in.Hard() != (what != ExceedWarn) || in.Cuts() != (what == ExceedCut) {
			t.Errorf("%q: Hard %t, Cuts %t", what, in.Hard(), in.Cuts())
		}
	}
	if err := json.Unmarshal([]byte(`{"max": "x"}`), new(LimitState)); err == nil {
		t.Error("a limit with a text for a maximum was read")
	}
}
