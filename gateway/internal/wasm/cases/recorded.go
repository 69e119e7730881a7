package cases

import (
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// FromRecorded returns a case that repeats a call and expects the same bytes for no more fuel.
func FromRecorded(r wasm.Recorded) Case {
	c := Case{Name: "recorded " + r.Hook.String()[len(hook.ExportPrefix):], Hook: r.Hook.String()[len(hook.ExportPrefix):],
		Config: r.Config, Grants: append([]string{}, r.Grants...), Seed: Seed(r.Seed)}
	if !r.Clock.IsZero() {
		c.Now = r.Clock.UnixMilli()
	}
	c.Input, c.InputBase64 = asText(r.Input)
	for key, value := range r.Read {
		c.addEntry(key, value)
	}
	if r.Err != nil {
		c.ExpectError = expectedError(r.Err)
		return c
	}
	c.MaxFuel = r.Fuel
	switch text, raw := asText(r.Output); {
	case len(r.Output) == 0:
		c.Expect = json.RawMessage("null")
	case raw != nil || r.Hook == hook.RouteFlat || r.Hook.Streams():
		c.ExpectBase64 = r.Output
	default:
		c.Expect = text
	}
	return c
}

// addEntry adds an entry to the case's store, as text if it is text.
func (c *Case) addEntry(key string, value []byte) {
	if utf8.Valid(value) {
		if c.KV == nil {
			c.KV = map[string]string{}
		}
		c.KV[key] = string(value)
		return
	}
	if c.KVBase64 == nil {
		c.KVBase64 = map[string][]byte{}
	}
	c.KVBase64[key] = value
}

// asText returns b as a JSON string, or as it is if it is not text.
func asText(b []byte) (text json.RawMessage, raw []byte) {
	if !utf8.Valid(b) {
		return nil, b
	}
	return jsontext.AppendQuote(nil, string(b)), nil
}

// expectedError returns the expectation of an error like err.
func expectedError(err error) *ExpectedError {
	var r *hook.Rejection
	if errors.As(err, &r) {
		return &ExpectedError{Code: r.Code, Message: r.Message}
	}
	var f *hook.Fault
	if errors.As(err, &f) {
		return &ExpectedError{Fault: f.Kind, Message: f.Detail}
	}
	return &ExpectedError{Message: err.Error()}
}
