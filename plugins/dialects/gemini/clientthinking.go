package gemini

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// writeThinking writes how much the model is to think, in OpenRouter's or OpenAI's
// words. What the client does not want to see is left out of the reply.
func (a *accepted) writeThinking(c *clientConfig) error {
	var include, budget, level canonical.Value
	for key, v := range c.thinking.Members {
		switch string(camel(key)) {
		case "includeThoughts":
			include = v
		case "thinkingBudget":
			budget = v
		case "thinkingLevel":
			level = v
		}
	}
	const at = configPrefix + "thinkingConfig"
	n, whole := wholeOf(budget)
	word := string(bytes.ToLower(canonical.Text(level)))
	switch {
	case !c.thinking.Null() && c.thinking.Kind() != '{':
		return canonical.Reject(at, "must be an object")
	case !include.Null() && include.Kind() != 't' && include.Kind() != 'f':
		return canonical.Reject(at+".includeThoughts", "must be true or false")
	case !budget.Null() && (!whole || n < -1):
		return canonical.Reject(at+".thinkingBudget", "must be a whole number: tokens, 0 for none, or -1 to leave it to the model")
	case !level.Null() && !isLevel(word):
		return canonical.Reject(at+".thinkingLevel", "must be MINIMAL, LOW, MEDIUM or HIGH")
	case !budget.Null() && !level.Null():
		return canonical.Reject(at, "must not have both thinkingBudget and thinkingLevel")
	}
	a.shows = include.Kind() == 't'
	if word == "thinking_level_unspecified" {
		word = ""
	}
	if budget.Null() && word == "" && !a.shows {
		return nil
	}
	if word != "" && !a.shows { // which asks for no summary of thoughts
		a.MemberText("reasoning_effort", []byte(word))
		return nil
	}
	a.Name("reasoning")
	a.Open('{')
	switch {
	case word != "":
		a.MemberText("effort", []byte(word))
	case budget.Null() || n < 0:
		a.MemberLiteral("enabled", "true")
	case n == 0:
		a.MemberLiteral("enabled", "false")
	default:
		a.MemberInt("max_tokens", n)
	}
	a.Close('}')
	return nil
}

func isLevel(word string) bool {
	switch word {
	case "thinking_level_unspecified", "minimal", "low", "medium", "high":
		return true
	}
	return false
}
