package dialects

import (
	"encoding/binary"
	"strings"

	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// Hooks are the module's hooks for one instance. They are for one call at a time, as an
// instance is.
type Hooks struct {
	// Of the provider side:
	TransformRequest, NormaliseResponse, NormaliseEvent penstock.Hook
	// Of the client side:
	AcceptRequest, RenderResponse, RenderEvent penstock.Hook
}

// NewHooks returns the hooks for one instance.
func NewHooks() Hooks {
	m := &module{rows: table()}
	return Hooks{TransformRequest: m.transformRequest, NormaliseResponse: m.normaliseResponse, NormaliseEvent: m.normaliseEvent,
		AcceptRequest: m.acceptRequest, RenderResponse: m.renderResponse, RenderEvent: m.renderEvent}
}

// module holds what the hooks reuse from call to call.
type module struct {
	rows   []row
	env    canonical.Envelope
	chunks canonical.Chunks
	// frames are those of one event on the client side.
	frames []byte
}

// open reads a hook's input into env and returns the dialect that it names, which has the
// side, with its position in the table.
func (m *module) open(in []byte, s side) (*row, int, error) {
	m.env = canonical.ReadEnvelope(in)
	for i := range m.rows {
		if r := &m.rows[i]; r.name == string(m.env.Dialect) && r.has(s) {
			return r, i, nil
		}
	}
	return nil, 0, penstock.Reject(500, "unknown dialect ", string(penstock.AppendText(nil, m.env.Dialect)),
		"; this module speaks ", strings.Join(names(s), ", "))
}

// frame takes an event hook's input apart.
func frame(in []byte) (state, name, data []byte, err error) {
	state, payload, ok := penstock.SplitFrame(in)
	name, data, hasName := penstock.SplitEvent(payload)
	if !ok || !hasName {
		return nil, nil, nil, penstock.Reject(500, "the event's frame is cut short")
	}
	return state, name, data, nil
}

// endState writes the length of the state that was appended to out since begin, which is
// bounded.
func endState(out []byte, begin, limit int) error {
	if len(out)-begin > limit {
		return penstock.Reject(500, "the stream's state exceeds its bound")
	}
	binary.LittleEndian.PutUint32(out[begin-4:], uint32(len(out)-begin))
	return nil
}

// notOurs rejects a state.
func notOurs() error { return penstock.Reject(500, "the stream's state is not one of this module") }

// The events that the host makes around those of a stream.
const (
	eventStart = "penstock.start"
	eventEnd   = "penstock.end"
)
