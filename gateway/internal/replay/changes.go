package replay

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Changes lists how two decisions differ. Of a request that one of them denies, it says no
// more than that.
func Changes(before, after *llm.Decision) []Change {
	switch {
	case before.Allow && !after.Allow:
		return []Change{denial("denied", after.Reasons, nil, encoded(after.Reasons))}
	case !before.Allow && after.Allow:
		return []Change{denial("allowed", before.Reasons, encoded(before.Reasons), nil)}
	case !before.Allow && !after.Allow:
		if a, b := answers(before.Reasons), answers(after.Reasons); !bytes.Equal(a, b) {
			return []Change{denial("reasons", after.Reasons, a, b)}
		}
		return nil
	}
	return slices.Concat(obligationChanges(before, after), limitChanges(before, after), warningChanges(before, after))
}

// denial is a change that is named by the first reason, which the caller sees first.
func denial(what string, reasons []llm.Reason, before, after json.RawMessage) Change {
	c := Change{What: what, Before: before, After: after}
	if len(reasons) > 0 {
		c.Name, c.Rule = reasons[0].Code, reasons[0].Rule
	}
	return c
}

// answers are reasons as callers see them: rules may move in their files.
func answers(reasons []llm.Reason) json.RawMessage {
	shown := slices.Clone(reasons)
	for i := range shown {
		shown[i].Rule = ""
	}
	return encoded(shown)
}

// encoded returns the JSON of a value that always has one.
func encoded(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil || bytes.Equal(text, []byte("null")) {
		return nil
	}
	return text
}

// obligationChanges compares the members of the obligations, whatever there are.
func obligationChanges(before, after *llm.Decision) (changes []Change) {
	a, b := members(before.Obligations), members(after.Obligations)
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !bytes.Equal(a[name], b[name]) {
			changes = append(changes, Change{What: name, Rule: rule(before, after, b[name] != nil, llm.PartObligation, name), Before: a[name], After: b[name]})
		}
	}
	return changes
}

func members(o llm.Obligations) (m map[string]json.RawMessage) {
	_ = json.Unmarshal(encoded(o), &m) // which encoded has made
	return m
}

// rule names the rule of a part that is there now, or of the one that is gone.
func rule(before, after *llm.Decision, now bool, part, name string) string {
	if now {
		return after.RuleOf(part, name)
	}
	return before.RuleOf(part, name)
}

// meterOf is what makes two limits the same.
type meterOf struct {
	name, scope, window string
	unit                llm.Unit
}

func byMeter(limits []llm.Limit) map[meterOf]llm.Limit {
	m := map[meterOf]llm.Limit{}
	for _, l := range limits {
		m[meterOf{l.Name, l.Scope, l.Window, l.Unit}] = l
	}
	return m
}

func limitChanges(before, after *llm.Decision) (changes []Change) {
	a, b := byMeter(before.Limits), byMeter(after.Limits)
	for _, l := range after.Limits {
		old, was := a[meterOf{l.Name, l.Scope, l.Window, l.Unit}]
		change := Change{What: "limit added", Name: l.Name, Rule: after.RuleOf(llm.PartLimit, l.Name), After: encoded(l)}
		if was {
			change.What, change.Before = "limit changed", encoded(old)
		}
		if !was || !bytes.Equal(change.Before, change.After) {
			changes = append(changes, change)
		}
	}
	for _, l := range before.Limits {
		if _, still := b[meterOf{l.Name, l.Scope, l.Window, l.Unit}]; !still {
			changes = append(changes, Change{What: "limit removed", Name: l.Name, Rule: before.RuleOf(llm.PartLimit, l.Name), Before: encoded(l)})
		}
	}
	return changes
}

func warningChanges(before, after *llm.Decision) (changes []Change) {
	for _, w := range after.Warnings {
		if !slices.Contains(before.Warnings, w) {
			changes = append(changes, Change{What: "warning added", Rule: after.RuleOf(llm.PartWarning, w), After: encoded(w)})
		}
	}
	for _, w := range before.Warnings {
		if !slices.Contains(after.Warnings, w) {
			changes = append(changes, Change{What: "warning removed", Before: encoded(w)})
		}
	}
	return changes
}
