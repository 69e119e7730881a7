package wire

import (
	"slices"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// thinkingStyle is how a provider's models are asked to think: the last column of
// requestdeviations.tsv, which says what each means.
type thinkingStyle string

const (
	thinkByEffort    thinkingStyle = "effort"
	thinkOrNone      thinkingStyle = "none"
	thinkByReasoning thinkingStyle = "reasoning"
	thinkIfEnabled   thinkingStyle = "enabled"
	thinkByType      thinkingStyle = "thinking"
	thinkByToggle    thinkingStyle = "toggle"
)

// thinkingMembers are those by which clients ask for thinking.
var thinkingMembers = []string{"reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_budget"}

// ownMembers are those of them that the providers of a style take.
var ownMembers = map[thinkingStyle][]string{
	thinkByEffort:    {"reasoning_effort"},
	thinkOrNone:      {"reasoning_effort"},
	thinkByReasoning: {"reasoning_effort", "reasoning"},
	thinkIfEnabled:   {"reasoning_effort", "reasoning"},
	thinkByType:      {"reasoning_effort", "thinking"},
	thinkByToggle:    {"enable_thinking", "thinking_budget"},
}

// thinkingAsk is what a request asks of the model's thinking, in whichever words.
type thinkingAsk struct {
	on, off bool
	effort  string
	budget  int64 // in tokens
	hidden  bool  // the caller does not want to see it
}

// askToThink returns the edits that ask for thinking in the provider's words, the members to
// leave out for that, and what the provider has no words for. A request that is in its words
// stays as it is.
func askToThink(body []byte, members []span, style thinkingStyle) (edits []edit, foreign []refusal, dropped []string) {
	own, known := ownMembers[style]
	if !known {
		return nil, nil, nil
	}
	var ask thinkingAsk
	var others []span
	for _, m := range members {
		switch {
		case !slices.Contains(thinkingMembers, m.name):
		case slices.Contains(own, m.name) && !misused(body, m, style):
			ask.read(body, m)
			own = slices.DeleteFunc(slices.Clone(own), func(name string) bool { return name == m.name })
		default:
			ask.read(body, m)
			others = append(others, m)
		}
	}
	if len(others) == 0 {
		return nil, nil, nil
	}
	text := ask.write(style, own, wantsStream(body, members))
	if text == nil {
		for _, m := range others {
			if foreign = append(foreign, refusal{name: m.name}); meansSomething(m.name, body[m.value:m.end]) {
				dropped = append(dropped, m.name)
			}
		}
		return nil, foreign, dropped
	}
	for _, m := range others[1:] {
		foreign = append(foreign, refusal{name: m.name})
	}
	if ask.hidden && style != thinkByReasoning {
		dropped = []string{"reasoning.exclude"}
	}
	return []edit{{llm.Span{Start: others[0].start, End: others[0].end}, text}}, foreign, dropped
}

// misused reports whether a member that the provider takes says what it does not take there.
func misused(body []byte, m span, style thinkingStyle) bool {
	switch {
	case m.name == "reasoning_effort" && (style == thinkIfEnabled || style == thinkByType):
		effort, _ := jsontext.Unquote(body[m.value:m.end])
		return effort == "none"
	case m.name == "reasoning" && style == thinkIfEnabled:
		return slices.ContainsFunc(membersOf(body, m.value), func(inner span) bool { return inner.name != "enabled" })
	}
	return false
}

func wantsStream(body []byte, members []span) bool {
	m, ok := memberOf(members, "stream")
	return ok && string(body[m.value:m.end]) == "true"
}

// read adds what a member asks for.
func (a *thinkingAsk) read(body []byte, m span) {
	value := body[m.value:m.end]
	text, _ := jsontext.Unquote(value)
	switch m.name {
	case "reasoning_effort":
		a.setEffort(text)
	case "enable_thinking":
		a.toggle(string(value) == "true", string(value) == "false")
	case "thinking_budget":
		a.budget, _ = strconv.ParseInt(string(value), 10, 64)
	case "reasoning", "thinking":
		for _, inner := range membersOf(body, m.value) {
			a.readInner(inner.name, body[inner.value:inner.end])
		}
	}
}

// readInner adds what a member of reasoning or thinking asks for.
func (a *thinkingAsk) readInner(name string, value []byte) {
	text, _ := jsontext.Unquote(value)
	switch name {
	case "effort":
		a.setEffort(text)
	case "max_tokens", "budget_tokens":
		a.budget, _ = strconv.ParseInt(string(value), 10, 64)
	case "enabled":
		a.toggle(string(value) == "true", string(value) == "false")
	case "type":
		a.toggle(text == "enabled" || text == "adaptive", text == "disabled")
	case "exclude":
		a.hidden = string(value) == "true"
	}
}

func (a *thinkingAsk) setEffort(level string) {
	switch level {
	case "", "default", "auto":
	case "none":
		a.off = true
	default:
		a.effort = level
	}
}

func (a *thinkingAsk) toggle(on, off bool) { a.on, a.off = a.on || on, a.off || off }

// write returns the members that say it, of those that the provider takes and the request
// does not have yet; nil if they can't say it.
func (a *thinkingAsk) write(style thinkingStyle, free []string, stream bool) []byte {
	has := func(name string) bool { return slices.Contains(free, name) }
	quoted := func(name, value string) []byte {
		return jsontext.AppendQuote([]byte(`"`+name+`":`), value)
	}
	object := func(name, inner string) []byte { return []byte(`"` + name + `":{` + inner + `}`) }
	switch on := !a.off && (a.on || a.effort != "" || a.budget > 0); {
	case style == thinkByReasoning && has("reasoning"):
		return object("reasoning", a.inReasoning())
	case style == thinkByToggle && has("enable_thinking"):
		return a.asToggle(on, stream, has("thinking_budget"))
	case a.off && style == thinkByType && has("thinking"):
		return object("thinking", `"type":"disabled"`)
	case a.off && style == thinkIfEnabled && has("reasoning"):
		return object("reasoning", `"enabled":false`)
	case a.off && style == thinkOrNone && has("reasoning_effort"):
		return quoted("reasoning_effort", "none")
	case !on:
		return nil
	case a.level() != "" && has("reasoning_effort"):
		return quoted("reasoning_effort", a.level())
	case style == thinkByType && has("thinking"):
		return object("thinking", `"type":"enabled"`)
	case style == thinkIfEnabled && has("reasoning"):
		return object("reasoning", `"enabled":true`)
	}
	return nil
}

// inReasoning is the inside of OpenRouter's object.
func (a *thinkingAsk) inReasoning() string {
	exclude := ""
	if a.hidden {
		exclude = `,"exclude":true`
	}
	switch {
	case a.off:
		return `"enabled":false`
	case a.effort != "":
		return string(jsontext.AppendQuote([]byte(`"effort":`), a.effort)) + exclude
	case a.budget > 0:
		return `"max_tokens":` + strconv.FormatInt(a.budget, 10) + exclude
	}
	return `"enabled":true` + exclude
}

// asToggle writes enable_thinking. Some models think in streams only, and refuse the request
// otherwise.
func (a *thinkingAsk) asToggle(on, stream, budget bool) []byte {
	switch {
	case a.off:
		return []byte(`"enable_thinking":false`)
	case !on || !stream:
		return nil
	case a.budget > 0 && budget:
		return strconv.AppendInt([]byte(`"enable_thinking":true,"thinking_budget":`), a.budget, 10)
	}
	return []byte(`"enable_thinking":true`)
}

// level is the effort, or the one that comes close to the budget; empty for neither. The
// bounds are those of the built-in dialects.
func (a *thinkingAsk) level() string {
	switch {
	case a.effort != "":
		return a.effort
	case a.budget <= 0:
		return ""
	case a.budget <= 2<<10:
		return "low"
	case a.budget <= 8<<10:
		return "medium"
	}
	return "high"
}
