package cases

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

func refHouseStyle(config json.RawMessage, h hook.Hook, in []byte) ([]byte, error) {
	var s struct {
		Styles map[string]*string `json:"styles"`
	}
	if err := json.Unmarshal(config, &s); err != nil || s.Styles == nil {
		return nil, reject(400, "styles must be an object of strings")
	}
	for _, text := range s.Styles {
		if text == nil {
			return nil, reject(400, "styles must be an object of strings")
		}
	}
	if h == hook.Count {
		return nil, nil
	}
	var e struct {
		Target struct{ ID string }
		Body   json.RawMessage
	}
	if err := json.Unmarshal(in, &e); err != nil {
		return nil, reject(500, err.Error())
	}
	best := ""
	for pattern := range s.Styles {
		start, open := strings.CutSuffix(pattern, "*")
		if (pattern == e.Target.ID || open && strings.HasPrefix(e.Target.ID, start)) && len(pattern) > len(best) {
			best = pattern
		}
	}
	if best == "" {
		return nil, nil
	}
	at, insert, ok := refPosition(e.Body, *s.Styles[best])
	if !ok {
		return nil, reject(400, "messages must be a list")
	}
	return slices.Concat([]byte(`{"body":`), e.Body[:at], insert, e.Body[at:], []byte("}")), nil
}

// refPosition finds where in a body to insert what.
func refPosition(body []byte, text string) (at int, insert []byte, ok bool) {
	quoted := jsontext.AppendQuote(nil, text)
	s := jsontext.New(body, hook.MaxDepth, jsontext.UTF8)
	for key := range s.Members() {
		if string(key.Raw) != "messages" || s.Peek() != '[' {
			s.Raw()
			continue
		}
		ok = true
		at = s.Pos() + 1
		insert = slices.Concat([]byte(`{"role":"system","content":`), quoted, []byte("}"))
		first := true
		for range s.Elements() {
			s.Peek()
			start := s.Pos()
			message := s.Raw()
			if !first {
				continue
			}
			if first = false; !refSystem(message) {
				insert = append(insert, ',')
				continue
			}
			where, what := refContent(message, quoted)
			if what == nil {
				insert = append(insert, ',')
				continue
			}
			at, insert = start+where, what
		}
	}
	return at, insert, ok
}

func refSystem(message []byte) bool {
	var m struct{ Role string }
	return json.Unmarshal(message, &m) == nil && (m.Role == "system" || m.Role == "developer")
}

func refContent(message, quoted []byte) (at int, insert []byte) {
	s := jsontext.New(message, hook.MaxDepth, jsontext.UTF8)
	for key := range s.Members() {
		c := s.Peek()
		start := s.Pos()
		v := s.Raw()
		switch {
		case string(key.Raw) == "content" && c == '"':
			at, insert = start+1, slices.Concat(quoted[1:len(quoted)-1], []byte(`\n\n`))
		case string(key.Raw) == "content" && c == '[':
			at, insert = start+1, slices.Concat([]byte(`{"type":"text","text":`), quoted, []byte("}"))
			if len(bytes.TrimSpace(v[1:len(v)-1])) > 0 {
				insert = append(insert, ',')
			}
		}
	}
	return at, insert
}
