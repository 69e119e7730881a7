package hook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// FlatText returns the text of a flat record that depends on the route alone: the strategy's
// name, then a line key=value for every scalar of its settings, nested keys joined by dots.
func FlatText(strategy string, with json.RawMessage) ([]byte, error) {
	text := append([]byte(strategy), '\n')
	if len(with) == 0 {
		return text, nil
	}
	d := json.NewDecoder(bytes.NewReader(with))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("settings: there is data after the object")
	}
	if _, ok := v.(map[string]any); !ok && v != nil {
		return nil, errors.New("settings: want an object")
	}
	return appendSettings(text, "", v)
}

func appendSettings(dst []byte, key string, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return dst, nil
	case map[string]any:
		return appendObject(dst, key, v)
	case []any:
		var err error
		for i, item := range v {
			if dst, err = appendSettings(dst, join(key, strconv.Itoa(i)), item); err != nil {
				return nil, err
			}
		}
		return dst, nil
	case string:
		if strings.ContainsAny(v, "\r\n") {
			return nil, fmt.Errorf("settings: %s: a value can't hold a line break", key)
		}
	}
	return fmt.Appendf(dst, "%s=%v\n", key, v), nil
}

func appendObject(dst []byte, key string, members map[string]any) ([]byte, error) {
	var err error
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if name == "" || strings.ContainsAny(name, "=\r\n") {
			return nil, fmt.Errorf("settings: %q can't be a key", join(key, name))
		}
		if dst, err = appendSettings(dst, join(key, name), members[name]); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}
