package gemini

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

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
