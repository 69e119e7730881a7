package penstock

import "encoding/binary"

// MaxState bounds the state that an event hook may ask the host to carry, in bytes.
const MaxState = 64 << 10

// SplitFrame takes an event hook's input apart into the state that the previous
// call returned and the payload. It reports false when the frame is cut short.
func SplitFrame(in []byte) (state, payload []byte, ok bool) {
	if len(in) < 4 {
		return nil, nil, false
	}
	n := binary.LittleEndian.Uint32(in)
	rest := in[4:]
	if uint64(n) > uint64(len(rest)) {
		return nil, nil, false
	}
	return rest[:n:n], rest[n:], true
}

// AppendState begins an event hook's output: the state to carry to the next call.
// What is appended after it is the payload.
func AppendState(out, state []byte) []byte {
	out = binary.LittleEndian.AppendUint32(out, uint32(len(state)))
	return append(out, state...)
}
