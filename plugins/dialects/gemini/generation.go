package gemini

import "bytes"

// generation says what a model can do, as far as its name tells.
type generation struct {
	// version is 100 times the major version plus the minor one: 250 is Gemini 2.5. A Gemini
	// without a number, such as gemini-flash-latest, counts as newer than all numbered ones.
	// Anything that is not called Gemini is 0.
	version int
	// pro and lite are the largest and the smallest models of a version.
	pro, lite bool
}

const newest = 9900

// generationOf reads the generation from names such as gemini-2.5-flash-lite-001,
// models/gemini-3-pro-preview and google/gemini-flash-latest.
func generationOf(model []byte) (g generation) {
	_, rest, ok := bytes.Cut(model, []byte("gemini-"))
	if !ok {
		return g
	}
	g.version = newest
	first := true
	for word := range bytes.SplitSeq(rest, []byte("-")) {
		if first {
			g.version = versionOf(word)
		}
		first = false
		switch string(word) {
		case "pro":
			g.pro = true
		case "lite", "8b":
			g.lite = true
		}
	}
	return g
}

// versionOf reads a version such as 2.5 or 3.
func versionOf(word []byte) int {
	major, minor, _ := bytes.Cut(word, []byte("."))
	if len(major) != 1 || major[0] < '0' || major[0] > '9' || len(minor) > 1 {
		return newest
	}
	version := int(major[0]-'0') * 100
	if len(minor) == 1 && minor[0] >= '0' && minor[0] <= '9' {
		version += int(minor[0]-'0') * 10
	}
	return version
}

// thinks reports whether the model thinks, and takes a wish of how much.
func (g generation) thinks() bool { return g.version >= 250 }

// levels reports whether the model takes a level of thinking; older ones take a budget in
// tokens.
func (g generation) levels() bool { return g.version >= 300 }

// level maps OpenAI's levels, and "none", to those that the model has.
func (g generation) level(effort string) string {
	switch effort {
	case "none", "minimal":
		if g.pro {
			return "low"
		}
		return "minimal"
	case "medium":
		if g.pro && g.version == 300 {
			return "high"
		}
	case "xhigh", "max":
		return "high"
	}
	return effort
}

// budget bounds a budget in tokens to what the model takes. Zero is no thinking, which the
// largest models can't do without.
func (g generation) budget(tokens int64) int64 {
	switch {
	case g.pro:
		return min(max(tokens, 128), 32<<10)
	case tokens == 0:
		return 0
	case g.lite:
		tokens = max(tokens, 512)
	}
	return min(tokens, 24<<10)
}

// penalizes reports whether presence_penalty and frequency_penalty are accepted.
func (g generation) penalizes() bool { return g.version < 250 }

// combines reports whether functions may stand beside a schema of the answer, or tools that
// Google runs.
func (g generation) combines() bool { return g.version >= 300 }

// seesResults reports whether results of functions may hold media.
func (g generation) seesResults() bool { return g.version >= 300 }

// wantsSignatures reports whether the model refuses a call of the conversation that comes
// back without a signature.
func (g generation) wantsSignatures() bool { return g.version >= 300 }

// validates reports whether the model can be held to the schemas of functions that it may or
// may not call.
func (g generation) validates() bool { return g.version >= 250 }
