package dialects

import (
	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// acceptRequest is the hook: a client's request in, the canonical request out.
func (m *module) acceptRequest(out, in []byte) ([]byte, error) {
	r, _, err := m.open(in, clientSide)
	if err != nil {
		return nil, err
	}
	return r.client.Accept(out, &m.env)
}

// renderResponse is the hook: a canonical completion or error in, the client's reply out.
func (m *module) renderResponse(out, in []byte) ([]byte, error) {
	r, _, err := m.open(in, clientSide)
	if err != nil {
		return nil, err
	}
	return r.client.Render(out, &m.env), nil
}

// maxRendered bounds the state of a stream to a client, in bytes: some formats repeat the
// whole reply at its end.
const maxRendered = 4 << 20

// renderEvent is the hook: a stream's state and one canonical chunk in, the new state and
// the client's frames out. The state is the dialect's position in the table, one byte, then
// the dialect's own.
func (m *module) renderEvent(out, in []byte) ([]byte, error) {
	state, name, data, err := frame(in)
	if err != nil {
		return nil, err
	}
	c, position, err := m.openStream(state, name, data)
	if err != nil {
		return nil, err
	}
	m.frames = m.frames[:0]
	switch string(name) {
	case eventStart:
	case eventEnd:
		m.frames = c.End(m.frames)
	default:
		m.frames = c.Chunk(m.frames, canonical.OneLine(data))
	}
	out = penstock.AppendState(out, nil)
	begin := len(out)
	out = c.AppendState(append(out, byte(position)))
	if err := endState(out, begin, maxRendered); err != nil {
		return nil, err
	}
	return append(out, m.frames...), nil
}

// openStream begins the stream that an event starts, or continues that of a state.
func (m *module) openStream(state, name, data []byte) (client, int, error) {
	if string(name) == eventStart {
		r, position, err := m.open(data, clientSide)
		if err != nil {
			return nil, 0, err
		}
		r.client.Start(&m.env)
		return r.client, position, nil
	}
	if len(state) == 0 || int(state[0]) >= len(m.rows) || !m.rows[state[0]].has(clientSide) {
		return nil, 0, notOurs()
	}
	c := m.rows[state[0]].client
	if !c.LoadState(state[1:]) {
		return nil, 0, notOurs()
	}
	return c, int(state[0]), nil
}
