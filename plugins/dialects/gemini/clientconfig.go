package gemini

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

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

// writeFormat writes the form of the answer. A choice of words has no counterpart.
func (a *accepted) writeFormat(c *clientConfig) error {
	mime := string(canonical.Text(c.mime))
	switch {
	case !c.mime.Null() && c.mime.Kind() != '"':
		return canonical.Reject(configPrefix+"responseMimeType", "must be a string")
	case !c.schema.Null() && !c.jsonSchema.Null():
		return canonical.Reject(configPrefix+"responseJsonSchema", "must not be set beside responseSchema")
	case mime == "text/x.enum":
		a.lose(configPrefix+"responseMimeType", c.mime)
		if schema := canonical.Or(c.schema, c.jsonSchema); !schema.Null() {
			a.lose(configPrefix+"responseSchema", schema)
		}
		return nil
	case mime != "" && mime != "text/plain" && mime != "application/json":
		return canonical.Reject(configPrefix+"responseMimeType", "must be text/plain, application/json or text/x.enum")
	case c.schema.Null() && c.jsonSchema.Null():
		if mime == "application/json" {
			a.MemberLiteral("response_format", `{"type":"json_object"}`)
		}
		return nil
	}
	a.Name("response_format")
	a.Raw(`{"type":"json_schema","json_schema":{"name":"response","schema":`)
	if err := a.writeSchemaOf(c.schema, c.jsonSchema, configPrefix+"responseSchema", configPrefix+"responseJsonSchema"); err != nil {
		return err
	}
	a.Raw("}}")
	return nil
}

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

// writeModalities writes what the answer may consist of, unless that is text alone, and the
// voice of one that is spoken.
func (a *accepted) writeModalities(c *clientConfig) error {
	const at = configPrefix + "responseModalities"
	var words [3]bool // text, image, audio
	i := 0
	for v := range c.modalities.Items {
		switch word := string(bytes.ToUpper(canonical.Text(v))); {
		case word == "TEXT" || string(v) == "1":
			words[0] = true
		case word == "IMAGE" || string(v) == "2":
			words[1] = true
		case word == "AUDIO" || string(v) == "3":
			words[2] = true
		case word == "MODALITY_UNSPECIFIED":
		default:
			return canonical.Reject(canonical.At(at, i), "must be TEXT, IMAGE or AUDIO")
		}
		i++
	}
	if !c.modalities.Null() && c.modalities.Kind() != '[' {
		return canonical.Reject(at, "must be an array")
	}
	if words[1] || words[2] {
		a.Name("modalities")
		a.Open('[')
		for i, name := range [...]string{`"text"`, `"image"`, `"audio"`} {
			if words[i] {
				a.Literal(name)
			}
		}
		a.Close(']')
	}
	voice := voiceOf(c.speech)
	if words[2] {
		a.Name("audio")
		a.Raw(`{"format":"pcm16"`)
		a.MemberValue("voice", voice)
		a.Close('}')
	}
	if c.speech.Kind() == '{' && (voice.Null() || !words[2]) {
		a.lose(configPrefix+"speechConfig", c.speech)
	}
	return nil
}

// voiceOf is the name of the one voice that is asked for, nil without one.
func voiceOf(speech canonical.Value) canonical.Value {
	for _, name := range [...][3]string{{"voiceConfig", "prebuiltVoiceConfig", "voiceName"}, {"voice_config", "prebuilt_voice_config", "voice_name"}} {
		if v := speech.Member(name[0], name[1], name[2]); len(canonical.Inside(v)) > 0 {
			return v
		}
	}
	return nil
}
