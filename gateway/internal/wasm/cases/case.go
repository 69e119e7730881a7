// Package cases tests plugins: it reads test cases, runs them on a module in a sandbox and
// compares the results with what they expect. A manifest's own tests, a project's tests, the
// conformance suite and recorded calls are all cases. It serves no requests.
package cases

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Case is one call of a plugin with its expected result, as sdk/conformance/README.md
// describes it. The zero value of a member means that the member is missing.
type Case struct {
	Name string `json:"name,omitempty"`
	// Hook is an export without "penstock_", or "init" for the settings alone.
	Hook   string          `json:"hook"`
	Config json.RawMessage `json:"config,omitempty"`
	// Grants are the plugin's grants; nil means those of its manifest, an empty list none.
	Grants []string `json:"grants,omitzero"`
	// KV is the store before the call, KVBase64 the entries that are not text.
	KV       map[string]string `json:"kv,omitempty"`
	KVBase64 map[string][]byte `json:"kv_base64,omitempty"`
	// Now is the clock in Unix milliseconds; zero means 1000.
	Now  int64 `json:"now,omitempty"`
	Seed Seed  `json:"seed,omitempty"`
	// Input is sent compact when it is an object, byte for byte when it is a string;
	// InputBase64 is sent when there is no Input.
	Input       json.RawMessage `json:"input,omitempty"`
	InputBase64 []byte          `json:"input_base64,omitempty"`
	// Events are sent instead of an input, one call each.
	Events []Event `json:"events,omitempty"`
	// Expect is the result: JSON of which only the members given are compared, a string that
	// is compared byte for byte, or null for no opinion; with Events a list with an entry for
	// each.
	Expect       json.RawMessage    `json:"expect,omitempty"`
	ExpectBase64 []byte             `json:"expect_base64,omitzero"`
	ExpectError  *ExpectedError     `json:"expect_error,omitempty"`
	ExpectKV     map[string]*string `json:"expect_kv,omitempty"`
	// MaxFuel is the most instructions that all calls together may use; zero means the host's
	// bound.
	MaxFuel int64 `json:"max_fuel,omitempty"`
}

// Seed is the seed of a plugin's randomness. Beyond 2^53 its JSON is a string, since not every
// reader keeps larger numbers exact.
type Seed uint64

// MarshalJSON writes a number, or a decimal string beyond 2^53.
func (s Seed) MarshalJSON() ([]byte, error) {
	text := strconv.FormatUint(uint64(s), 10)
	if s > 1<<53 {
		text = `"` + text + `"`
	}
	return []byte(text), nil
}

// UnmarshalJSON reads either form.
func (s *Seed) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseUint(strings.Trim(string(b), `"`), 10, 64)
	*s = Seed(v)
	return err
}

// Event is one event of a stream, in JSON a list of its name and its data.
type Event struct {
	Name string
	// Data is sent compact when it is an object, byte for byte when it is a string; nil
	// and null are no data.
	Data json.RawMessage
}

// MarshalJSON writes the list of name and data.
func (e Event) MarshalJSON() ([]byte, error) {
	list := append(jsontext.AppendQuote([]byte{'['}, e.Name), ',')
	if e.Data == nil {
		return append(list, "null]"...), nil
	}
	return append(append(list, e.Data...), ']'), nil
}

// ExpectedError is an error that a case expects: a rejection, or a fault of a kind.
type ExpectedError struct {
	// Code is a rejection's; zero allows any. Message is a part of the error's text.
	Code    int            `json:"code,omitempty"`
	Message string         `json:"message,omitempty"`
	Fault   hook.FaultKind `json:"fault,omitempty"`
}

// defaultNow is the clock of a case that sets none, in Unix milliseconds.
const defaultNow = 1000

// hookInit is the hook of a case about the settings alone.
const hookInit = "init"

// hook returns the case's hook; ok is false for init.
func (c *Case) hook() (h hook.Hook, ok bool) {
	for h := range hook.Count {
		if h.String() == hook.ExportPrefix+c.Hook {
			return h, true
		}
	}
	return 0, false
}

// input returns the plugin's input in a case without events.
func (c *Case) input() ([]byte, error) {
	if c.Input == nil {
		return c.InputBase64, nil
	}
	return payload(c.Input)
}

// entries returns the contents of the store before the call.
func (c *Case) entries() map[string][]byte {
	all := make(map[string][]byte, len(c.KV)+len(c.KVBase64))
	for key, value := range c.KV {
		all[key] = []byte(value)
	}
	for key, value := range c.KVBase64 {
		all[key] = value
	}
	return all
}
