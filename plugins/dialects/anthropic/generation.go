package anthropic

// generation is the version of a model, on which its features depend. It is 100 times the major version plus the minor one:
// 405 is Claude 4.5. A Claude without a number counts as newer than all numbered ones.
// Anything that is not called Claude is 0 and treated as services that imitate Anthropic's
// API expect.
type generation int

const (
	foreign generation = 0
	newest  generation = 9900
)

// generationOf reads the generation from names such as claude-3-5-sonnet-20241022,
// us.anthropic.claude-sonnet-4-20250514-v1:0, claude-sonnet-4@20250514 and
// anthropic/claude-opus-4.5.
func generationOf(model []byte) generation {
	rest, ok := afterClaude(model)
	if !ok {
		return foreign
	}
	major, seen := 0, false
	for len(rest) > 0 {
		var word []byte
		word, rest = cutWord(rest)
		n, ok := smallNumber(word)
		switch {
		case !ok && seen:
			return generation(major * 100)
		case ok && seen:
			return generation(major*100 + n)
		case ok:
			major, seen = n, true
		}
	}
	if seen {
		return generation(major * 100)
	}
	return newest
}

// afterClaude is what follows the word claude.
func afterClaude(model []byte) ([]byte, bool) {
	const name = "claude"
	for i := 0; i+len(name) <= len(model); i++ {
		if string(model[i:i+len(name)]) == name {
			return model[i+len(name):], true
		}
	}
	return nil, false
}

func cutWord(s []byte) (word, rest []byte) {
	for i, c := range s {
		switch c {
		case '-', '.', '@', ':', '/', '_':
			return s[:i], s[i+1:]
		}
	}
	return s, nil
}

// smallNumber reads a version number, which has at most two digits; dates have
// more. The v of claude-v2 is skipped.
func smallNumber(word []byte) (int, bool) {
	if len(word) > 1 && word[0] == 'v' {
		word = word[1:]
	}
	if len(word) == 0 || len(word) > 2 {
		return 0, false
	}
	n := 0
	for _, c := range word {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// thinks reports whether the model knows thinking at all.
func (g generation) thinks() bool { return g == foreign || g >= 307 }

// adaptive models choose themselves how much to think and take an effort; the
// others take a budget in tokens.
func (g generation) adaptive() bool { return g >= 406 }

// prefills reports whether the model continues a message that the assistant has begun.
func (g generation) prefills() bool { return g < 406 }

// takesBudget reports whether an adaptive model still takes a budget in tokens, too.
func (g generation) takesBudget() bool { return g < 407 }

// samples reports whether temperature, top_p and top_k are accepted.
func (g generation) samples() bool { return g < 407 }

// samplesOneWay reports whether temperature and top_p exclude each other.
func (g generation) samplesOneWay() bool { return g >= 401 }

// hidesThinking reports whether replies hold thinking only when the request asks for it.
func (g generation) hidesThinking() bool { return g >= 407 }

// structured reports whether the model takes output_config.format and strict tools.
func (g generation) structured() bool { return g == foreign || g >= 401 }

// effort maps OpenAI's levels to those that the model has.
func (g generation) effort(level string) string {
	switch level {
	case "minimal":
		return "low"
	case "xhigh":
		if g < 407 {
			return "high"
		}
	}
	return level
}
