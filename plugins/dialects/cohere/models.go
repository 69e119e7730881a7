package cohere

import "strings"

// model is what is known of a model by its name.
type model struct {
	// thinks is set for models that take the parameter thinking, strictTools for those that
	// take strict_tools.
	thinks, strictTools bool
}

// modelOf knows the models of before the ones that think. A name that it does not know is
// taken for a newer model.
func modelOf(name []byte) model {
	s := string(name)
	old := s == "command" || hasPrefix(s, "command-r", "command-light", "command-nightly", "command-a-03", "command-a-vision",
		"command-a-translate", "c4ai-", "aya-")
	return model{thinks: !old, strictTools: hasPrefix(s, "command-r")}
}

func hasPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
