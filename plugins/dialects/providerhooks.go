package dialects

import (
	penstock "github.com/penstock/penstock/sdk/go"
)

// transformRequest is the hook: canonical request in, provider request out.
func (m *module) transformRequest(out, in []byte) ([]byte, error) {
	r, _, err := m.open(in, requestSide)
	if err != nil {
		return nil, err
	}
	if r.provider != nil {
		return r.provider.Request(out, &m.env)
	}
	return r.requests.Request(out, &m.env)
}

// normaliseResponse is the hook: a plain reply or an error of the provider in, the canonical
// completion or the error out.
func (m *module) normaliseResponse(out, in []byte) ([]byte, error) {
	r, _, err := m.open(in, providerSide)
	if err != nil {
		return nil, err
	}
	return r.provider.Response(out, &m.env), nil
}

// normaliseEvent is the hook: a stream's state and one event of the provider in, the new
// state and the canonical chunks out. The state is the dialect's position in the table, one
// byte, then that of the chunks and the dialect's own.
func (m *module) normaliseEvent(out, in []byte) ([]byte, error) {
	state, name, data, err := frame(in)
	if err != nil {
		return nil, err
	}
	m.chunks.BeginEvent()
	p, position, err := m.event(state, name, data)
	if err != nil {
		return nil, err
	}
	out = penstock.AppendState(out, nil)
	begin := len(out)
	out = p.AppendState(m.chunks.AppendState(append(out, byte(position))))
	if err := endState(out, begin, penstock.MaxState); err != nil {
		return nil, err
	}
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
		return nil, 0, notOurs()
	case m.chunks.Ended():
	case string(name) == eventEnd:
		p.End(&m.chunks)
	default:
		p.Event(&m.chunks, name, data)
	}
	return p, position, nil
}

func (m *module) start(data []byte) (provider, int, error) {
	r, position, err := m.open(data, providerSide)
	if err != nil {
		return nil, 0, err
	}
	r.provider.Start(&m.env)
	return r.provider, position, m.chunks.Start(&m.env)
}

// load reads a stream's state; the provider is nil for what is none.
func (m *module) load(state []byte) (p provider, position int) {
	if len(state) == 0 || int(state[0]) >= len(m.rows) || !m.rows[state[0]].has(providerSide) {
		return nil, 0
	}
	p, position = m.rows[state[0]].provider, int(state[0])
	own, ok := m.chunks.LoadState(state[1:])
	if !ok || !p.LoadState(own) {
		return nil, 0
	}
	return p, position
}
