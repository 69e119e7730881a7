package responses

import "bytes"

// family is a group of models with the same abilities, recognized by their names.
type family byte

const (
	// unknown models are taken to accept everything.
	unknown family = iota
	// plain models of OpenAI's do not reason.
	plain
	// always are models that always reason: o1, o3, o4.
	always
	// minimal is GPT-5, which reasons at least a little.
	minimal
	// optional are GPT-5.1 to 5.4, which reason only when an effort is set.
	optional
	// standard are later ones, which reason unless the effort is none.
	standard
	// grok are xAI's models that reason.
	grok
)

// familyOf reads the family from names such as gpt-5.4-mini, openai.gpt-5.5, openai/o3 and
// grok-4.3.
func familyOf(model []byte) family {
	if i := bytes.Index(model, []byte("gpt-")); i >= 0 {
		return gptFamily(model[i+len("gpt-"):])
	}
	if bytes.Contains(model, []byte("grok")) && !bytes.Contains(model, []byte("non-reasoning")) {
		return grok
	}
	for word := range bytes.FieldsFuncSeq(model, func(c rune) bool { return c == '-' || c == '/' || c == '.' || c == ':' }) {
		switch string(word) {
		case "o1", "o3", "o4", "codex":
			return always
		}
	}
	return unknown
}

// gptFamily reads the version behind "gpt-".
func gptFamily(version []byte) family {
	switch {
	case len(version) == 0 || version[0] < '3' || version[0] > '9':
		return unknown // gpt-oss, gpt-image
	case version[0] < '5' || bytes.Contains(version, []byte("-chat")):
		return plain
	case version[0] > '5':
		return standard
	case len(version) < 3 || version[1] != '.':
		return minimal
	case version[2] >= '1' && version[2] <= '4' && (len(version) == 3 || version[3] == '-'):
		return optional
	}
	return standard
}

// reasons reports whether models are known to reason.
func (f family) reasons() bool { return f > plain }

// isOpenAI reports whether models are known to be OpenAI's.
func (f family) isOpenAI() bool { return f != unknown && f != grok }

// samples reports whether temperature, top_p and log probabilities are accepted at an
// effort, which is empty where none is asked for.
func (f family) samples(effort string) bool {
	switch f {
	case always, minimal:
		return false
	case optional:
		return effort == "" || effort == "none"
	case standard:
		return effort == "none"
	}
	return true
}
