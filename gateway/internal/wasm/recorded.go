package wasm

import (
	"encoding/json"
	"time"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// Recorded is one call as it happened, with everything that its answer depends on, so
// that it can be played again.
type Recorded struct {
	Module string
	// SHA256 is the module's digest in hexadecimal, Config what penstock_init got.
	SHA256 string
	Config json.RawMessage
	Grants hook.Grants
	Hook   hook.Hook
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

// record tells the operator's recorder about a call that has just ended.
func (m *Module) record(g *instance, h hook.Hook, in, out []byte, fuel int64, err error) {
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
