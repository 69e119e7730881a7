package apierror

import (
	"encoding/json"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

// maxDepth is how deep an error may nest that is read as JSON.
const maxDepth = 512

func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// object returns the members of a JSON object, nil if raw is none. The last of two members
// with one name counts.
func object(raw []byte) map[string]json.RawMessage {
	s := jsontext.New(raw, maxDepth, jsontext.Grammar)
	if !s.Open('{') {
		return nil
	}
	m := map[string]json.RawMessage{}
	for s.More('}') {
		name := s.Name().String()
		m[name] = s.Raw()
	}
	if s.End() != nil {
		return nil
	}
	return m
}

// array returns the elements of a JSON array, nil if raw is none.
func array(raw []byte) (list []json.RawMessage) {
	s := jsontext.New(raw, maxDepth, jsontext.Grammar)
	if !s.Open('[') {
		return nil
	}
	for s.More(']') {
		list = append(list, s.Raw())
	}
	if s.End() != nil {
		return nil
	}
	return list
}

// text returns the value of a JSON string, empty if raw is none.
func text(raw []byte) string {
	s, _ := jsontext.Unquote(raw)
	return s
}

// number returns a whole number, 0 if raw is none.
func number(raw []byte) int {
	n, err := strconv.Atoi(string(raw))
	if err != nil {
		return 0
	}
	return n
}

func isString(raw []byte) bool { return len(raw) > 0 && raw[0] == '"' }

func stringOrNull(raw []byte) bool { return isString(raw) || string(raw) == "null" }
