package anthropic

import "github.com/penstock/penstock/plugins/dialects/canonical"

// GenerationOf is generationOf.
func GenerationOf(model string) int { return int(generationOf([]byte(model))) }

// The generations without a number.
const (
	Foreign = int(foreign)
	Newest  = int(newest)
)

// QuickDelta reports whether an event in the middle of a stream is handled without parsing.
// The stream's open blocks are of kinds that are not passed on.
func QuickDelta(data []byte) bool {
	p := new(Provider)
	for i := range int64(maxOpen) {
		p.stream.begin(openBlock{index: i})
	}
	r := reader{Chunks: new(canonical.Chunks), stream: &p.stream}
	return r.quickDelta(data)
}

// Counted is the usage of one or more of Anthropic's objects, in OpenAI's form.
func Counted(objects ...string) string {
	var u usage
	for _, o := range objects {
		u.read(canonical.Value(o))
	}
	if !u.known {
		return "nothing"
	}
	var w canonical.Writer
	c := u.canonical()
	c.Write(&w)
	return string(w.B)
}

// Stored are what a state holds as their memory.
var Stored = []any{progress{}, openBlock{}}
