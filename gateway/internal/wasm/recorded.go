package wasm

import (
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"
)

// Recorded is one call as it happened, with everything that its answer depends on, so
// that it can be played again.
type Recorded struct {
	Module string
	// SHA256 is the module's digest in hexadecimal, Config what penstock_init got.
	SHA256 string
	Config json.RawMessage
	Grants Grants
	Hook   Hook
	Seed   uint64
	// Clock is the time that the module was shown; zero when it did not look.
	Clock time.Time
	// Read holds what the module found in its store, without what it put there itself
	// during the call.
	Read          map[string][]byte
	Input, Output []byte
	// Err is a *Rejection or a *Fault; nil when there was an answer.
	Err error
	// Fuel is in instructions.
	Fuel int64
}

// Case is the call as a case that expects the same bytes for no more fuel.
func (r Recorded) Case() Case {
	c := Case{Name: "recorded " + r.Hook.String()[len(exportPrefix):], Hook: r.Hook.String()[len(exportPrefix):],
		Config: r.Config, Grants: append([]string{}, r.Grants...), Seed: Seed(r.Seed)}
	if !r.Clock.IsZero() {
		c.Now = r.Clock.UnixMilli()
	}
	c.Input, c.InputBase64 = asText(r.Input)
	for key, value := range r.Read {
		c.keep(key, value)
	}
	if r.Err != nil {
		c.ExpectError = failureOf(r.Err)
		return c
	}
	c.MaxFuel = r.Fuel
	switch text, raw := asText(r.Output); {
	case len(r.Output) == 0:
		c.Expect = json.RawMessage("null")
	case raw != nil || r.Hook == RouteFlat || r.Hook.streams():
		c.ExpectBase64 = r.Output
	default:
		c.Expect = text
	}
	return c
}

// keep puts a value into the case's store, as text if it is text.
func (c *Case) keep(key string, value []byte) {
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

// asText is b as a JSON string, or as it is when it is not text.
func asText(b []byte) (text json.RawMessage, raw []byte) {
	if !utf8.Valid(b) {
		return nil, b
	}
	return appendString(nil, b), nil
}

// failureOf expects an error that came once.
func failureOf(err error) *Failure {
	var r *Rejection
	if errors.As(err, &r) {
		return &Failure{Code: r.Code, Message: r.Message}
	}
	var f *Fault
	if errors.As(err, &f) {
		return &Failure{Fault: f.Kind, Message: f.Detail}
	}
	return &Failure{Message: err.Error()}
}

// record tells the operator's recorder about a call that has just ended.
func (m *Module) record(g *instance, h Hook, in, out []byte, fuel int64, err error) {
	r := Recorded{Module: m.name, SHA256: m.digest, Config: m.config, Grants: m.grants, Hook: h, Seed: g.now.seed,
		Read: g.now.read, Input: append([]byte(nil), in...), Output: append([]byte(nil), out...), Err: err, Fuel: fuel}
	if g.now.clock != 0 {
		r.Clock = time.Unix(0, g.now.clock)
	}
	m.recorder(r)
}

// noteRead remembers what the guest found in its store, for the recorder.
func (g *instance) noteRead(key, value []byte) {
	if g.owner.recorder == nil || g.now.wrote[string(key)] {
		return
	}
	if _, known := g.now.read[string(key)]; known {
		return
	}
	if g.now.read == nil {
		g.now.read = map[string][]byte{}
	}
	g.now.read[string(key)] = append([]byte{}, value...)
}

// noteWrite remembers which entries are the guest's own of this call.
func (g *instance) noteWrite(key []byte) {
	if g.owner.recorder == nil {
		return
	}
	if g.now.wrote == nil {
		g.now.wrote = map[string]bool{}
	}
	g.now.wrote[string(key)] = true
}
