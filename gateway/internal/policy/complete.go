package policy

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// completed are the parts of the input whose missing members Eval adds.
var completed = []string{"input", "input.time", "input.key", "input.request", "input.route"}

// complete adds to an input what the gateway always sends, so that a rule sees the same
// input as in the gateway. It returns the paths of what it added.
func complete(given map[string]any, now time.Time) ([]string, error) {
	now = timeOf(given, now)
	usual := Input{Now: now, Request: &llm.Request{Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI}}
	plain, err := ast.JSON(value(string(wholeInput(usual, nil, nil))))
	if err != nil {
		return nil, err
	}
	var added []string
	fill(given, plain.(map[string]any), "input", &added)
	slices.Sort(added)
	return added, nil
}

func fill(given, usual map[string]any, path string, added *[]string) {
	for name, v := range usual {
		at := path + "." + name
		have, there := given[name].(map[string]any)
		members, isObject := v.(map[string]any)
		switch {
		case there && isObject:
			fill(have, members, at, added)
		case given[name] == nil:
			given[name] = v
			*added = append(*added, at)
		}
	}
}

// timeOf returns the time that an input's partial time describes, so that the members that
// are added agree with it.
func timeOf(given map[string]any, now time.Time) time.Time {
	parts, _ := given["time"].(map[string]any)
	if n, ok := parts["unix_minute"].(json.Number); ok {
		if minute, err := n.Int64(); err == nil {
			return time.Unix(minute*60, 0).In(now.Location())
		}
	}
	year, month, day := now.Date()
	if text, ok := parts["date"].(string); ok {
		if date, err := time.Parse(time.DateOnly, text); err == nil {
			year, month, day = date.Date()
		}
	}
	minute := now.Hour()*60 + now.Minute()
	if n, ok := parts["minute_of_day"].(json.Number); ok {
		minute, _ = strconv.Atoi(string(n)) // the schema has checked it
	}
	if name, ok := parts["weekday"].(string); ok && parts["date"] == nil {
		day += daysUntil(name, time.Date(year, month, day, 12, 0, 0, 0, now.Location()))
	}
	return time.Date(year, month, day, minute/60, minute%60, 0, 0, now.Location())
}

// daysUntil returns the days from noon to the next day of that name, 0 if it is today.
func daysUntil(weekday string, noon time.Time) int {
	for n := range 7 {
		if noon.AddDate(0, 0, n).Weekday().String() == weekday {
			return n
		}
	}
	return 0
}
