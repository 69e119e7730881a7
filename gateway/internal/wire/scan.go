package wire

import "github.com/penstock/penstock/gateway/internal/jsontext"

// maxDepth bounds nesting, so that a hostile provider cannot exhaust the stack.
const maxDepth = 512

// scan reads a provider's JSON. Strings are checked for nothing but the grammar, because
// what a provider sends is passed on as it is: servers that cut text between the halves of
// a surrogate pair escape each half in a chunk of its own.
type scan struct{ jsontext.Scanner }

func newScan(text []byte) scan { return scan{jsontext.New(text, maxDepth, jsontext.Grammar)} }

// enter steps into the object or array that comes next; it passes over any other value and
// reports false.
func (s *scan) enter(bracket byte) bool {
	if s.Open(bracket) {
		return true
	}
	s.Skip()
	return false
}

// isJSON reports whether data is one valid JSON value.
func isJSON(data []byte) bool { return jsontext.Validate(data, maxDepth, jsontext.Grammar) == nil }
