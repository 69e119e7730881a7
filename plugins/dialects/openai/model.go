package openai

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// model says what the target's model takes, as far as its name and features tell.
type model struct {
	// reasons says that it takes a reasoning effort, high that this may be above "high".
	reasons, high bool
	// fixed says that it takes no sampling parameters but the defaults.
	fixed bool
	// searches says that it can search the web by itself.
	searches bool
	// thoughts says that it is to be sent its own thoughts again.
	thoughts bool
	// details says that it is Claude at OpenRouter, which is to be sent its own thoughts
	// again as reasoning_details.
	details bool
}

func modelOf(env *canonical.Envelope) (m model) {
	name := bytes.ToLower(env.Model)
	if slash := bytes.LastIndexByte(name, '/'); slash >= 0 {
		name = name[slash+1:]
	}
	m.details = string(env.Provider) == "openrouter" && bytes.Contains(name, []byte("claude"))
	for feature := range env.Features.Items {
		m.reasons = m.reasons || string(canonical.Text(feature)) == "reasoning"
	}
	for _, begins := range [...]string{"gpt-5", "o1", "o3", "o4"} {
		m.fixed = m.fixed || bytes.HasPrefix(name, []byte(begins)) && !bytes.Contains(name, []byte("chat"))
	}
	if minor, ok := bytes.CutPrefix(name, []byte("gpt-5.")); ok && len(minor) > 0 {
		m.high = minor[0] >= '2' && minor[0] <= '9'
	}
	m.high = m.high || bytes.Contains(name, []byte("codex-max"))
	for _, word := range [...]string{"search", "sonar"} {
		m.searches = m.searches || bytes.Contains(name, []byte(word))
	}
	for _, family := range [...]string{"deepseek", "kimi", "glm-", "minimax", "mimo"} {
		m.thoughts = m.thoughts || bytes.Contains(name, []byte(family))
	}
	return m
}
