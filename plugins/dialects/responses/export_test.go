package responses

import "github.com/penstock/penstock/plugins/dialects/canonical"

// QuickDelta reports whether an event in the middle of a stream is handled without parsing.
func QuickDelta(data []byte) bool {
	p := new(Provider)
	for i := range int64(maxOpen) {
		p.stream.begin(openItem{index: i, kind: messageItem})
	}
	r := reader{Chunks: new(canonical.Chunks), stream: &p.stream}
	return r.quickDelta(data)
}

// FamilyOf is familyOf, by name.
func FamilyOf(model string) string {
	return [...]string{"unknown", "plain", "always", "minimal", "optional", "standard", "grok"}[familyOf([]byte(model))]
}
