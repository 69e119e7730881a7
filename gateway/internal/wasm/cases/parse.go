package cases

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Parse reads a file with one case or a list of them. Name is the file's; a case without a
// name is named after it. The error names the file, the line and the member that is wrong. An
// unknown member is an error, since a misspelt expectation would pass.
func Parse(name string, data []byte) ([]Case, error) {
	cases := []Case{}
	s := jsontext.New(data, hook.MaxDepth, jsontext.UTF8)
	one := func() {
		c := readCase(&s, data)
		if c.Name == "" {
			c.Name = fmt.Sprintf("%s %d", filepath.Base(name), len(cases)+1)
		}
		cases = append(cases, c)
	}
	if s.Peek() == '[' {
		for range s.Elements() {
			one()
		}
	} else {
		one()
	}
	if err := s.End(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return cases, nil
}

// readCase reads the next case.
func readCase(s *jsontext.Scanner, data []byte) Case {
	var c Case
	s.Peek()
	start := s.Pos()
	seen := map[string]bool{}
	for name := range s.Members() {
		s.Peek()
		key, at := string(name.Raw), s.Pos()
		raw := s.Raw()
		if !s.OK() {
			return c
		}
		err := c.set(key, raw)
		if err == nil && seen[key] {
			err = errors.New("it appears twice")
		}
		if seen[key] = true; err != nil {
			s.Stop(fmt.Errorf("line %d: %s: %w", lineAt(data, at), key, err))
		}
	}
	if s.OK() {
		if err := c.validate(); err != nil {
			s.Stop(fmt.Errorf("line %d: %w", lineAt(data, start), err))
		}
	}
	return c
}

func lineAt(b []byte, at int) int { return 1 + bytes.Count(b[:at], []byte{'\n'}) }

// set reads one member.
func (c *Case) set(key string, raw []byte) error {
	members := map[string]any{
		"name": &c.Name, "hook": &c.Hook, "config": &c.Config, "grants": &c.Grants, "kv": &c.KV, "kv_base64": &c.KVBase64,
		"now": &c.Now, "seed": &c.Seed, "input": &c.Input, "input_base64": &c.InputBase64, "expect": &c.Expect,
		"expect_base64": &c.ExpectBase64, "expect_kv": &c.ExpectKV, "max_fuel": &c.MaxFuel,
	}
	switch key {
	case "events":
		return c.setEvents(raw)
	case "expect_error":
		return c.setExpectedError(raw)
	}
	field, ok := members[key]
	if !ok {
		return errors.New("a case has no such member")
	}
	return json.Unmarshal(raw, field)
}

// setEvents reads a list of [name, data].
func (c *Case) setEvents(raw []byte) error {
	c.Events = []Event{}
	s := jsontext.New(raw, hook.MaxDepth, jsontext.UTF8)
	for range s.Elements() {
		var parts [][]byte
		for range s.Elements() {
			parts = append(parts, s.Raw())
		}
		name, ok := "", len(parts) == 2
		if ok {
			name, ok = jsontext.Unquote(parts[0])
		}
		if !ok {
			s.Stop(fmt.Errorf("event %d is not a list of a name and data", len(c.Events)+1))
			break
		}
		c.Events = append(c.Events, Event{Name: name, Data: parts[1]})
	}
	return s.End()
}

func (c *Case) setExpectedError(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(&c.ExpectError)
}

// validate checks that the members fit together.
func (c *Case) validate() error {
	h, known := c.hook()
	inputs := 0
	for _, present := range [...]bool{c.Input != nil, c.InputBase64 != nil, c.Events != nil} {
		if present {
			inputs++
		}
	}
	switch {
	case c.Hook == "":
		return errors.New("the case has no hook")
	case !known && c.Hook != hookInit:
		return fmt.Errorf("there is no hook %q", c.Hook)
	case inputs > 1:
		return errors.New("input, input_base64 and events exclude each other")
	case c.Events != nil && !h.Streams():
		return fmt.Errorf("the hook %s has no events", c.Hook)
	case c.Now < 0 || c.MaxFuel < 0:
		return errors.New("now and max_fuel must not be negative")
	case c.Events != nil && c.Expect != nil:
		return c.validateEntries()
	}
	return nil
}

// validateEntries checks that Expect has an entry for each event.
func (c *Case) validateEntries() error {
	var entries []json.RawMessage
	if err := json.Unmarshal(c.Expect, &entries); err != nil || entries == nil {
		return errors.New("expect: want a list with an entry for each event")
	}
	if len(entries) != len(c.Events) {
		return fmt.Errorf("expect has %d entries for %d events", len(entries), len(c.Events))
	}
	return nil
}

// payload returns what the plugin gets for a value of a case: a string's text, nothing for
// null, anything else as compact JSON.
func payload(raw json.RawMessage) ([]byte, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if text, ok := jsontext.Unquote(raw); ok {
		return []byte(text), nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return nil, fmt.Errorf("the input: %w", err)
	}
	return b.Bytes(), nil
}
