package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// scalar reads text, numbers and booleans.
func (d *decoder) scalar(path string, n ast.Node, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if number(n) != "" {
			d.fault(path, n, "put it in quotes", "must be text, not %s", kindOf(n))
		} else if s, ok := d.text(path, n); ok {
			v.SetString(s)
		}
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.fault(path, n, "", "must be true or false, not %s", kindOf(n))
			return
		}
		v.SetBool(b.Value)
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(number(n), 10, 64)
		if err != nil {
			d.fault(path, n, "", "must be a whole number, not %s", kindOf(n))
			return
		}
		v.SetInt(i)
	case reflect.Float64:
		f, err := strconv.ParseFloat(float(n), 64)
		if err != nil || f-f != 0 {
			d.fault(path, n, "", "must be a number, not %s", kindOf(n))
			return
		}
		v.SetFloat(f)
	}
}

// text reads a scalar as it is written, numbers included: the caller, which knows the
// notation, reports a wrong one.
func (d *decoder) text(path string, n ast.Node) (string, bool) {
	switch x := n.(type) {
	case *ast.StringNode:
		return x.Value, true
	case *ast.LiteralNode:
		return x.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode:
		return n.GetToken().Value, true
	case *ast.BoolNode:
		d.fault(path, n, "put it in quotes if it is meant as text", "must be text, not true or false")
	case *ast.NullNode:
		d.fault(path, n, "write a value, or remove the line", "has no value")
	default:
		d.fault(path, n, "", "must be text, not %s", kindOf(n))
	}
	return "", false
}

// number returns a number's text in Go's notation; empty for other nodes. YAML allows
// 1_000 and +1.
func number(n ast.Node) string {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return strings.TrimPrefix(strings.ReplaceAll(n.GetToken().Value, "_", ""), "+")
	}
	return ""
}

// float is number, but for the form 1e3 as well, which the parser takes for text.
func float(n ast.Node) string {
	s, ok := n.(*ast.StringNode)
	if ok && s.Token.Type == token.StringType && json.Valid([]byte(s.Value)) {
		return s.Value
	}
	return number(n)
}

func isNull(n ast.Node) bool {
	_, null := n.(*ast.NullNode)
	return null || n == nil
}

// kindOf describes a node in fault messages.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value
	case *ast.IntegerNode, *ast.FloatNode:
		return fmt.Sprintf("the number %s", n.GetToken().Value)
	case *ast.BoolNode:
		return "true or false"
	case *ast.SequenceNode:
		return "a list"
	case ast.MapNode:
		return "a mapping"
	}
	return "nothing"
}

// positionOf returns where a node begins and how many characters of the line it takes.
func positionOf(n ast.Node) position {
	t := startToken(n)
	if t == nil || t.Position == nil {
		return position{1, 1, 1}
	}
	p := position{t.Position.Line, t.Position.Column, 1}
	switch n.(type) {
	case ast.MapNode, *ast.SequenceNode, *ast.LiteralNode:
		return p
	}
	p.width = len([]rune(t.Value))
	if t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
		p.width += 2
	}
	return p
}

// startToken returns the first token of a node; a mapping's own token is its first colon.
func startToken(n ast.Node) *token.Token {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0]
	}
	if mv, ok := n.(*ast.MappingValueNode); ok {
		return mv.Key.GetToken()
	}
	return n.GetToken()
}

// rejoin turns a mapping back into text where the YAML parser has split it wrongly: in a
// list inside braces it splits "local/llama3:8b" at the colon, which in YAML 1.2 needs a
// blank after it.
func rejoin(n ast.Node) ast.Node {
	m, ok := n.(*ast.MappingNode)
	if !ok || m.IsFlowStyle || len(m.Values) != 1 {
		return n
	}
	key, colon, value := m.Values[0].Key.GetToken(), m.Values[0].Start, m.Values[0].Value.GetToken()
	if value == nil || key.Type != token.StringType || value.Indicator == token.QuotedScalarIndicator ||
		value.Position.Line != key.Position.Line || colon.Position.Column+1 != value.Position.Column {
		return n
	}
	if _, scalar := m.Values[0].Value.(ast.ScalarNode); !scalar {
		return n
	}
	text := key.Value + ":" + value.Value
	return ast.String(token.New(text, text, key.Position))
}
