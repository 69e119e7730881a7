package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

// maxDepth bounds how deep JSON may be nested.
const maxDepth = 200

// node is a JSON value with its position, in bytes from the start of its text.
type node struct {
	at int
	// value is a map[string]*node, a []*node, or what encoding/json makes of a scalar,
	// numbers as written.
	value any
}

// textFault is a fault at a position in a text.
type textFault struct {
	at      int
	message string
}

func (f *textFault) Error() string { return f.message }

// parseJSON parses one JSON value. A duplicate member is an error: the second one would
// silently replace the first.
func parseJSON(text []byte) (*node, error) {
	p := jsonParser{jsontext.New(text, maxDepth, jsontext.Grammar)}
	n := p.value()
	err := p.End()
	if at := new(jsontext.Error); errors.As(err, &at) {
		return nil, &textFault{at.Offset, at.Reason}
	}
	return n, err
}

type jsonParser struct{ jsontext.Scanner }

func (p *jsonParser) value() *node {
	kind := p.Peek()
	n := &node{at: p.Pos()}
	switch kind {
	case '{':
		n.value = p.members()
	case '[':
		n.value = p.elements()
	case '"':
		n.value = p.Text().String()
	default:
		n.value = scalar(p.Raw())
	}
	return n
}

// scalar returns what encoding/json decodes from a number, true, false or null.
func scalar(raw []byte) any {
	switch s := string(raw); s {
	case "null", "": // or a fault
		return nil
	case "true", "false":
		return s == "true"
	default:
		return json.Number(s)
	}
}

func (p *jsonParser) members() map[string]*node {
	members := make(map[string]*node)
	for p.Open('{'); p.More('}'); {
		p.Peek()
		at := p.Pos()
		name := p.Name().String()
		if members[name] != nil {
			p.Stop(&textFault{at, fmt.Sprintf("%q is given twice in the same object", name)})
		}
		members[name] = p.value()
	}
	return members
}

func (p *jsonParser) elements() []*node {
	list := []*node{}
	for p.Open('['); p.More(']'); {
		list = append(list, p.value())
	}
	return list
}

// plain returns the value as encoding/json would decode it.
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

// rowCol converts an offset to row and column, both from 1. Columns count bytes.
func rowCol(text []byte, at int) (row, col int) {
	before := text[:min(at, len(text))]
	return 1 + bytes.Count(before, []byte("\n")), at - bytes.LastIndexByte(before, '\n')
}
