package gemini

import "github.com/penstock/penstock/plugins/dialects/canonical"

// configPrefix begins the names of canonical members that are generationConfig's, and that
// only Google has.
const configPrefix = "generationConfig."

// clientConfig is generationConfig with its members, nil when absent.
type clientConfig struct {
	temperature, topP, topK, seed, candidates, maxTokens canonical.Value
	presence, frequency, stop                            canonical.Value
	mime, schema, jsonSchema                             canonical.Value
	chances, topChances                                  canonical.Value
	thinking, modalities, speech                         canonical.Value
}

// field returns where a member belongs, nil when it has no field.
func (c *clientConfig) field(name string) *canonical.Value {
	switch name {
	case "temperature":
		return &c.temperature
	case "topP":
		return &c.topP
	case "topK":
		return &c.topK
	case "seed":
		return &c.seed
	case "candidateCount":
		return &c.candidates
	case "maxOutputTokens":
		return &c.maxTokens
	case "presencePenalty":
		return &c.presence
	case "frequencyPenalty":
		return &c.frequency
	case "stopSequences":
		return &c.stop
	case "responseMimeType":
		return &c.mime
	case "responseSchema":
		return &c.schema
	case "responseJsonSchema", "_responseJsonSchema":
		return &c.jsonSchema
	case "responseLogprobs":
		return &c.chances
	case "logprobs":
		return &c.topChances
	case "thinkingConfig":
		return &c.thinking
	case "responseModalities":
		return &c.modalities
	case "speechConfig":
		return &c.speech
	}
	return nil
}

// writeConfig writes what bounds and shapes the answer.
func (a *accepted) writeConfig() error {
	switch a.in.config.Kind() {
	case '{':
	case 0, 'n':
		return nil
	default:
		return canonical.Reject("generationConfig", "must be an object")
	}
	var c clientConfig
	for key, v := range a.in.config.Members {
		if field := c.field(string(camel(key))); field != nil {
			*field = v
		} else if !v.Null() {
			a.lose(configPrefix+string(camel(key)), v)
		}
	}
	for _, step := range [...]func(*accepted, *clientConfig) error{
		(*accepted).writeNumbers, (*accepted).writeStop, (*accepted).writeLogprobs, (*accepted).writeFormat, (*accepted).writeThinking,
		(*accepted).writeModalities,
	} {
		if err := step(a, &c); err != nil {
			return err
		}
	}
	return nil
}

// writeNumbers writes the members that are numbers.
func (a *accepted) writeNumbers(c *clientConfig) error {
	for _, p := range [...]struct {
		name, own string
		v         canonical.Value
		whole     bool
	}{
		{"maxOutputTokens", "max_tokens", c.maxTokens, true}, {"temperature", "temperature", c.temperature, false},
		{"topP", "top_p", c.topP, false}, {"topK", "top_k", c.topK, true}, {"seed", "seed", c.seed, true},
		{"candidateCount", "n", c.candidates, true},
		{"presencePenalty", "presence_penalty", c.presence, false}, {"frequencyPenalty", "frequency_penalty", c.frequency, false},
	} {
		if p.v.Null() {
			continue
		}
		n, whole := wholeOf(p.v)
		_, number := p.v.Number()
		switch {
		case p.whole && whole:
			a.MemberInt(p.own, n)
		case p.whole:
			return canonical.Reject(configPrefix+p.name, "must be a whole number")
		case number && p.v.Kind() == '0':
			a.MemberValue(p.own, p.v)
		default:
			return canonical.Reject(configPrefix+p.name, "must be a number")
		}
	}
	return nil
}

// wholeOf reads a whole number, also as Google's client for Python writes one: 40.0.
func wholeOf(v canonical.Value) (int64, bool) {
	if n, ok := v.Whole(); ok {
		return n, true
	}
	x, ok := v.Number()
	n := int64(max(min(x, 1<<53), -1<<53))
	return n, ok && float64(n) == x
}

func (a *accepted) writeStop(c *clientConfig) error {
	switch {
	case c.stop.Null():
		return nil
	case c.stop.Kind() != '[':
		return canonical.Reject(configPrefix+"stopSequences", "must be an array of strings")
	}
	k := 0
	for v := range c.stop.Items {
		if v.Kind() != '"' {
			return canonical.Reject(canonical.At(configPrefix+"stopSequences", k), "must be a string")
		}
		k++
	}
	if k > 0 {
		a.MemberValue("stop", c.stop)
	}
	return nil
}

func (a *accepted) writeLogprobs(c *clientConfig) error {
	switch c.chances.Kind() {
	case 't':
	case 0, 'n', 'f':
		return nil
	default:
		return canonical.Reject(configPrefix+"responseLogprobs", "must be true or false")
	}
	a.MemberLiteral("logprobs", "true")
	if c.topChances.Null() {
		return nil
	}
	n, ok := wholeOf(c.topChances)
	if !ok || n < 0 {
		return canonical.Reject(configPrefix+"logprobs", "must be a whole number")
	}
	a.MemberInt("top_logprobs", n)
	return nil
}
