package policy

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// quota is one bound with its unit and window.
type quota struct {
	unit   llm.Unit
	window window // empty for concurrent
	*hardSoft
}

// all returns the quotas, sorted by unit and window.
func (q *quotas) all() (list []quota) {
	for _, w := range slices.Sorted(maps.Keys(q.Budget)) {
		list = append(list, quota{llm.UnitUSD, w, &q.Budget[w].hardSoft})
	}
	for _, counts := range []struct {
		unit llm.Unit
		by   map[window]*count
	}{{llm.UnitRequests, q.Requests}, {llm.UnitTokens, q.Tokens}, {llm.UnitInputTokens, q.InputTokens}, {llm.UnitOutputTokens, q.OutputTokens}} {
		for _, w := range slices.Sorted(maps.Keys(counts.by)) {
			list = append(list, quota{counts.unit, w, &counts.by[w].hardSoft})
		}
	}
	if q.RPM != nil {
		list = append(list, quota{llm.UnitRequests, "1m", &q.RPM.hardSoft})
	}
	if q.TPM != nil {
		list = append(list, quota{llm.UnitTokens, "1m", &q.TPM.hardSoft})
	}
	if q.Concurrent != nil {
		list = append(list, quota{llm.UnitConcurrent, "", &q.Concurrent.hardSoft})
	}
	return list
}

func (a *allowance) hasSoft() bool {
	return a != nil && slices.ContainsFunc(a.all(), func(q quota) bool { return q.hasSoft })
}

// describe names a quota in messages and limits.
func (q quota) describe() string {
	what := strings.ReplaceAll(string(q.unit), "_", " ")
	switch q.unit {
	case llm.UnitUSD:
		what = "budget"
	case llm.UnitConcurrent:
		return "concurrent requests"
	}
	return what + " per " + string(q.window)
}

// limits returns the limits of a quota as they are in a decision, without the scope.
func (q quota) limits(who string, add int64) (list []object) {
	limit := func(name string, max int64, action string) {
		l := object{"name": who + ": " + name, "unit": string(q.unit), "max": q.decimal(max)}
		if q.window != "" {
			l["window"] = string(q.window)
		}
		if action != defaultAction {
			l["on_exceed"] = action
		}
		list = append(list, l)
	}
	if q.hasHard {
		limit(q.describe(), q.hard+add, q.onExceed)
	}
	if q.hasSoft {
		limit("soft "+q.describe(), q.softOf(add), "warn")
	}
	return list
}

// softOf returns the soft limit. A raise lifts it in proportion to the hard one.
func (q quota) softOf(add int64) int64 {
	switch {
	case !q.hasHard:
		return q.soft + add
	case q.percent > 0:
		return (q.hard+add)/100*int64(q.percent) + (q.hard+add)%100*int64(q.percent)/100
	case add == 0 || q.hard == 0:
		return q.soft
	}
	return int64(float64(q.soft) / float64(q.hard) * float64(q.hard+add))
}

// decimal returns an amount as a decision has it.
func (q quota) decimal(amount int64) json.Number {
	if q.unit == llm.UnitUSD {
		return json.Number(llm.NanoUSD(amount).Decimal())
	}
	return json.Number(strconv.FormatInt(amount, 10))
}

// mark returns from what usage on a soft limit is exceeded, in whole percent of the limit
// that input.usage is of: the hard one if there is one.
func (q quota) mark() int64 {
	switch {
	case !q.hasHard:
		return 100
	case q.percent > 0:
		return int64(q.percent)
	}
	return max(1, int64(float64(q.soft)/float64(q.hard)*100))
}

func softTable(a *allowance) object {
	marks := []any{}
	if a.PastSoft == nil {
		return object{"marks": marks}
	}
	for _, q := range a.all() {
		if q.hasSoft {
			w := string(q.window)
			if q.unit == llm.UnitConcurrent {
				w = "now"
			}
			marks = append(marks, object{"window": w, "unit": string(q.unit), "percent": numberOf(q.mark())})
		}
	}
	table := object{"marks": marks, "models": object{}}
	if p := a.PastSoft; p.Model != "" {
		table["model"] = p.Model
	} else if p.Route != "" {
		table["route"] = p.Route
	} else {
		for from, to := range p.Models {
			table["models"].(object)[from] = to
		}
	}
	return table
}

func outputTable(c *tokenCap) []any {
	if c == nil {
		return []any{}
	}
	return []any{numberOf(int64(*c))}
}
