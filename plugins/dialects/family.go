package dialects

// family says what a generation of models can do. It is 100 times the major
// version plus the minor one: 405 is Claude 4.5. A Claude without a number counts
// as newer than all numbered ones; anything that is not called Claude is 0, and is
// spoken to as Anthropic-compatible services expect.
type family int

const (
	foreign family = 0
	newest  family = 9900
)

// familyOf reads the generation off names such as claude-3-5-sonnet-20241022,
// us.anthropic.claude-sonnet-4-20250514-v1:0, claude-sonnet-4@20250514 and
// anthropic/claude-opus-4.5.
func familyOf(model []byte) family {
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
			return family(major * 100)
		case ok && seen:
			return family(major*100 + n)
		case ok:
			major, seen = n, true
		}
	}
	if seen {
		return family(major * 100)
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
func (f family) thinks() bool { return f == foreign || f >= 307 }

// adaptive models choose themselves how much to think and take an effort; the
// others take a budget in tokens.
func (f family) adaptive() bool { return f >= 406 }

// prefills reports whether the model continues a message that the assistant has begun.
func (f family) prefills() bool { return f < 406 }

// takesBudget reports whether an adaptive model still takes a budget in tokens, too.
func (f family) takesBudget() bool { return f < 407 }

// samples reports whether temperature, top_p and top_k are accepted.
func (f family) samples() bool { return f < 407 }

// samplesOneWay reports whether temperature and top_p exclude each other.
func (f family) samplesOneWay() bool { return f >= 401 }

// hidesThinking reports whether thinking has to be asked for to be shown.
func (f family) hidesThinking() bool { return f >= 407 }

// structured reports whether the model takes output_config.format and strict tools.
func (f family) structured() bool { return f == foreign || f >= 401 }

// effort maps OpenAI's levels to those that the model has.
func (f family) effort(level string) string {
	switch level {
	case "minimal":
		return "low"
	case "xhigh":
		if f < 407 {
			return "high"
		}
	}
	return level
}
