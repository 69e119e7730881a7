package gemini

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// The functions of this file write members that only clients of Google's format send, as the
// client side names them. None of them can be one that is written from another.

// onlyGoogles is the name in generationConfig of such a member; false for any other.
func onlyGoogles(name []byte) ([]byte, bool) {
	name, ok := bytes.CutPrefix(name, []byte(configPrefix))
	switch string(name) {
	case "responseMimeType", "responseSchema", "speechConfig": // where the canonical form has no words for them
		return name, ok
	}
	return name, ok && len(name) > 0 && new(clientConfig).field(string(camel(name))) == nil
}

// onlyGooglesBody is the name in the body of such a member; false for any other.
func onlyGooglesBody(name []byte) ([]byte, bool) {
	name, ok := bytes.CutPrefix(name, []byte(bodyPrefix))
	return name, ok && len(name) > 0 && string(name) != "model" && new(clientRequest).field(string(camel(name))) == nil
}

// writeGoogles writes those of generationConfig.
func (r *request) writeGoogles() {
	for _, m := range r.in.Members {
		name, ok := onlyGoogles(m.Key)
		written := string(name) == "responseMimeType" && r.format.json && !r.format.words ||
			string(name) == "speechConfig" && len(canonical.Inside(r.voice())) > 0
		if ok && !written {
			r.Key(name)
			r.Value(m.Value)
		}
	}
}

// writeBodyGoogles writes those of the body.
func (r *request) writeBodyGoogles() {
	for _, m := range r.in.Members {
		if name, ok := onlyGooglesBody(m.Key); ok {
			r.Key(name)
			r.Value(m.Value)
		}
	}
}
