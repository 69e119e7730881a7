package intake

import (
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// tool reads one of the tools. What a tool finds that the provider runs becomes part of the
// prompt, so only a tool that is known to be run by the caller leaves the prompt bounded.
func (s *scanner) tool() bool {
	if s.Peek() != '{' {
		return s.value()
	}
	typed, own := false, false
	m, ok := s.open(tool)
	for ok && s.next(&m) {
		switch {
		case m.field == fType && s.Peek() == '"':
			typed = true
			own, ok = s.toolType()
		case m.field == unknown && !typed:
			own = own || isAny(m.name, "function", "name")
			ok = s.value()
		default:
			ok = s.value()
		}
	}
	s.unbounded(!own, "a tool that the provider runs")
	return s.OK()
}

// toolType reads a tool's type and says whether tools of this type are the caller's.
func (s *scanner) toolType() (own, ok bool) {
	t, ok := s.text()
	if !ok || t.Size > maxNameBytes {
		return false, ok
	}
	kind := t.String()
	s.need(llm.WebSearch, strings.Contains(kind, "web_search"))
	return ownTool(kind), true
}

// ownTools are the types of tools that callers run: functions and, by the beginnings of
// their names, those whose form Anthropic knows.
var ownTools = [...]string{"bash_", "computer_", "memory_", "text_editor_"}

func ownTool(kind string) bool {
	for _, start := range ownTools {
		if strings.HasPrefix(kind, start) {
			return true
		}
	}
	return kind == "function" || kind == "custom" || ownResponseTool(kind)
}
