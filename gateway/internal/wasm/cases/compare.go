package cases

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// matches compares a result with a case's expectation: a string byte for byte, null with an
// empty result, anything else as JSON. The error names the position of the first difference.
func matches(want json.RawMessage, out []byte) error {
	if string(want) == "null" {
		if len(out) > 0 {
			return fmt.Errorf("want no opinion, got %s", hook.Clip(out))
		}
		return nil
	}
	if len(out) == 0 {
		return fmt.Errorf("want %s, got no opinion", hook.Clip(want))
	}
	if text, ok := jsontext.Unquote(want); ok {
		if text != string(out) {
			return fmt.Errorf("want the bytes %s, got %s (%s)", hook.Clip([]byte(text)), hook.Clip(out), firstDifference(text, string(out)))
		}
		return nil
	}
	return matchesJSON(want, out)
}

func matchesJSON(want, out []byte) error {
	w, err := decode(want)
	if err != nil {
		return fmt.Errorf("the expected result is not JSON: %w", err)
	}
	g, err := decode(out)
	if err != nil {
		return fmt.Errorf("want JSON, got %s: %w", hook.Clip(out), err)
	}
	if err := covers("", w, g); err != nil {
		return fmt.Errorf("%w; the whole result is %s", err, hook.Clip(out))
	}
	return nil
}

// decode decodes JSON and keeps numbers as they are written.
func decode(b []byte) (v any, err error) {
	if err := hook.CheckJSON(b); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return v, d.Decode(&v)
}

// covers reports where got differs from want. An object may have more members than want; a
// list must be as long.
func covers(at string, want, got any) error {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return mismatch(at, want, got)
		}
		return coversMembers(at, w, g)
	case []any:
		g, ok := got.([]any)
		if !ok {
			return mismatch(at, want, got)
		}
		return coversItems(at, w, g)
	case json.Number:
		g, ok := got.(json.Number)
		if !ok || !equalNumbers(string(w), string(g)) {
			return mismatch(at, want, got)
		}
		return nil
	}
	if want != got { // strings, booleans and null
		return mismatch(at, want, got)
	}
	return nil
}

func coversMembers(at string, want, got map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		v, there := got[name]
		if !there {
			return fmt.Errorf("%s is missing", joinPath(at, name))
		}
		if err := covers(joinPath(at, name), want[name], v); err != nil {
			return err
		}
	}
	return nil
}

func coversItems(at string, want, got []any) error {
	if len(want) != len(got) {
		return fmt.Errorf("%s has %d items, want %d", cmp.Or(at, "the list"), len(got), len(want))
	}
	for i := range want {
		if err := covers(joinPath(at, strconv.Itoa(i)), want[i], got[i]); err != nil {
			return err
		}
	}
	return nil
}

// joinPath is the path of a member.
func joinPath(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

func mismatch(at string, want, got any) error {
	return fmt.Errorf("%s is %s, want %s", cmp.Or(at, "the result"), toJSON(got), toJSON(want))
}

func toJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte(err.Error())
	}
	return hook.Clip(b)
}

// equalNumbers compares by value, and whole numbers exactly.
func equalNumbers(a, b string) bool {
	if a == b {
		return true
	}
	i, err1 := strconv.ParseInt(a, 10, 64)
	j, err2 := strconv.ParseInt(b, 10, 64)
	if err1 == nil && err2 == nil {
		return i == j
	}
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err1 == nil && err2 == nil && x == y
}

func firstDifference(want, got string) string {
	n := min(len(want), len(got))
	for i := range n {
		if want[i] != got[i] {
			return fmt.Sprintf("they differ at byte %d", i)
		}
	}
	return fmt.Sprintf("%d bytes, want %d", len(got), len(want))
}
