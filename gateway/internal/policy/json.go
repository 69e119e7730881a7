package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// maxDepth bounds how deep JSON may be nested.
const maxDepth = 200

// node is a JSON value that knows where it stands, in bytes from the start of its text.
type node struct {
	at int
	// value is a map[string]*node, a []*node, or what encoding/json makes of a scalar,
	// numbers as written.
	value any
}

// textFault is something wrong at a place in a text.
type textFault struct {
	at      int
	message string
}

func (f *textFault) Error() string { return f.message }

// parseJSON reads one JSON value. A member that comes twice is an error: the second one
// would replace the first without a word.
func parseJSON(text []byte) (*node, error) {
	p := &jsonParser{text: text, tokens: json.NewDecoder(bytes.NewReader(text))}
	p.tokens.UseNumber()
	n, err := p.value(0)
	if err != nil {
		return nil, err
	}
	end := p.next()
	if _, err := p.tokens.Token(); err != io.EOF {
		return nil, &textFault{end, "something follows the end of the JSON value"}
	}
	return n, nil
}

type jsonParser struct {
	text   []byte
	tokens *json.Decoder
}

// next is where the next token starts.
func (p *jsonParser) next() int {
	at := min(int(p.tokens.InputOffset()), len(p.text))
	return at + len(p.text[at:]) - len(bytes.TrimLeft(p.text[at:], " \t\r\n,:"))
}

func (p *jsonParser) value(depth int) (*node, error) {
	n := &node{at: p.next()}
	token, err := p.tokens.Token()
	switch {
	case err != nil:
		return nil, &textFault{n.at, "not JSON: " + plainJSONError(err)}
	case depth > maxDepth:
		return nil, &textFault{n.at, fmt.Sprintf("nested more than %d deep", maxDepth)}
	case token == json.Delim('{'):
		n.value, err = p.members(depth)
	case token == json.Delim('['):
		n.value, err = p.elements(depth)
	default:
		n.value = token
	}
	return n, err
}

func plainJSONError(err error) string {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return "it ends too early"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

func (p *jsonParser) members(depth int) (map[string]*node, error) {
	members := make(map[string]*node)
	for p.tokens.More() {
		at := p.next()
		token, err := p.tokens.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, &textFault{at, "not JSON: a member needs a name"}
		}
		if members[name] != nil {
			return nil, &textFault{at, fmt.Sprintf("%q is given twice in the same object", name)}
		}
		if members[name], err = p.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return members, p.end()
}

func (p *jsonParser) elements(depth int) ([]*node, error) {
	list := []*node{}
	for p.tokens.More() {
		n, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, p.end()
}

func (p *jsonParser) end() error {
	at := p.next()
	if _, err := p.tokens.Token(); err != nil {
		return &textFault{at, "not JSON: " + plainJSONError(err)}
	}
	return nil
}

// plain is the value as encoding/json would give it.
func (n *node) plain() any {
	switch v := n.value.(type) {
	case map[string]*node:
		m := make(map[string]any, len(v))
		for name, member := range v {
			m[name] = member.plain()
		}
		return m
	case []*node:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = element.plain()
		}
		return list
	default:
		return v
	}
}

// place turns an offset into row and column, both from 1. Columns count bytes.
func place(text []byte, at int) (row, col int) {
	before := text[:min(at, len(text))]
	return 1 + bytes.Count(before, []byte("\n")), at - bytes.LastIndexByte(before, '\n')
}
