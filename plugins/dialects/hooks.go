package dialects

import (
	"encoding/binary"
	"strings"

	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// Hooks returns the three hooks of the provider's side for one instance. They are for one
// call at a time, as an instance is.
func Hooks() (transformRequest, normaliseResponse, normaliseEvent penstock.Hook) {
	m := &module{rows: table()}
	return m.transformRequest, m.normaliseResponse, m.normaliseEvent
}

// module holds what the hooks reuse from call to call.
type module struct {
	rows   []row
	env    canonical.Envelope
	chunks canonical.Chunks
}

// open reads a hook's input into env and returns the dialect that it names, with its position
// in the table.
func (m *module) open(in []byte) (provider, int, error) {
	m.env = canonical.ReadEnvelope(in)
	for i := range m.rows {
		if m.rows[i].name == string(m.env.Dialect) {
			return m.rows[i].provider, i, nil
		}
	}
	return nil, 0, penstock.Reject(500, "unknown dialect ", string(penstock.AppendText(nil, m.env.Dialect)),
		"; this module speaks ", strings.Join(Names(), ", "))
}

// transformRequest is the hook: canonical request in, provider request out.
func (m *module) transformRequest(out, in []byte) ([]byte, error) {
	p, _, err := m.open(in)
	if err != nil {
		return nil, err
	}
	return p.Request(out, &m.env)
}

// normaliseResponse is the hook: a plain reply or an error of the provider in, the canonical
// completion or the error out.
func (m *module) normaliseResponse(out, in []byte) ([]byte, error) {
	p, _, err := m.open(in)
	if err != nil {
		return nil, err
	}
	return p.Response(out, &m.env), nil
}

// The events that the host makes around the provider's.
const (
	eventStart = "penstock.start"
	eventEnd   = "penstock.end"
)

// normaliseEvent is the hook: a stream's state and one event of the provider in, the new
// state and the canonical chunks out. The state is the dialect's position in the table, one
// byte, then that of the chunks and the dialect's own.
func (m *module) normaliseEvent(out, in []byte) ([]byte, error) {
	state, payload, ok := penstock.SplitFrame(in)
	name, data, hasName := penstock.SplitEvent(payload)
	if !ok || !hasName {
		return nil, penstock.Reject(500, "the event's frame is cut short")
	}
	m.chunks.BeginEvent()
	p, position, err := m.event(state, name, data)
	if err != nil {
		return nil, err
	}
	out = penstock.AppendState(out, nil)
	begin := len(out)
	out = p.AppendState(m.chunks.AppendState(append(out, byte(position))))
	if len(out)-begin > penstock.MaxState {
		return nil, penstock.Reject(500, "the stream's state exceeds its bound")
	}
	binary.LittleEndian.PutUint32(out[begin-4:], uint32(len(out)-begin))
	return append(out, m.chunks.Lines()...), nil
}

// event handles one event and returns the dialect that it belongs to.
func (m *module) event(state, name, data []byte) (provider, int, error) {
	if string(name) == eventStart {
		return m.start(data)
	}
	p, position := m.load(state)
	switch {
	case p == nil:
		return nil, 0, penstock.Reject(500, "the stream's state is not one of this module")
	case m.chunks.Ended():
	case string(name) == eventEnd:
		p.End(&m.chunks)
	default:
		p.Event(&m.chunks, name, data)
	}
	return p, position, nil
}

func (m *module) start(data []byte) (provider, int, error) {
	p, position, err := m.open(data)
	if err != nil {
		return nil, 0, err
	}
	p.Start()
	return p, position, m.chunks.Start(&m.env)
}

// load reads a stream's state; the provider is nil for what is none.
func (m *module) load(state []byte) (p provider, position int) {
	if len(state) == 0 || int(state[0]) >= len(m.rows) {
		return nil, 0
	}
	p, position = m.rows[state[0]].provider, int(state[0])
	own, ok := m.chunks.LoadState(state[1:])
	if !ok || !p.LoadState(own) {
		return nil, 0
	}
	return p, position
}
