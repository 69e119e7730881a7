package wasm

import (
	"encoding/json"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Recorded is one call with everything that its result depends on, so that it can be
// repeated.
type Recorded struct {
	Module string
	// SHA256 is the module's digest in hexadecimal, Config the settings in penstock_init.
	SHA256 string
	Config json.RawMessage
	Grants hook.Grants
	Hook   hook.Hook
	Seed   uint64
	// Clock is the time that the module read; zero if it did not.
	Clock time.Time
	// Read holds the entries that the module read from its store, without those that it wrote
	// during the call.
	Read          map[string][]byte
	Input, Output []byte
	// Err is a *hook.Rejection or a *hook.Fault; nil when there was a result.
	Err error
	// Fuel is in instructions.
	Fuel int64
}

// record passes a call that has just ended to the recorder.
func (m *Module) record(g *instance, h hook.Hook, in, out []byte, fuel int64, err error) {
	r := Recorded{Module: m.name, SHA256: m.digest, Config: m.config, Grants: m.grants, Hook: h, Seed: g.state.seed,
		Read: g.state.read, Input: append([]byte(nil), in...), Output: append([]byte(nil), out...), Err: err, Fuel: fuel}
	if g.state.clock != 0 {
		r.Clock = time.Unix(0, g.state.clock)
	}
	m.recorder(r)
}

// noteRead keeps what the guest read from its store, for the recorder.
func (g *instance) noteRead(key, value []byte) {
	if g.module.recorder == nil || g.state.wrote[string(key)] {
		return
	}
	if _, known := g.state.read[string(key)]; known {
		return
	}
	if g.state.read == nil {
		g.state.read = map[string][]byte{}
	}
	g.state.read[string(key)] = append([]byte{}, value...)
}

// noteWrite keeps which entries the guest wrote during this call.
func (g *instance) noteWrite(key []byte) {
	if g.module.recorder == nil {
		return
	}
	if g.state.wrote == nil {
		g.state.wrote = map[string]bool{}
	}
	g.state.wrote[string(key)] = true
}
