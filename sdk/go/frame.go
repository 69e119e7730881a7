package penstock

import "bytes"

// MaxState bounds the state that an event hook may ask the host to carry, in bytes.
const MaxState = 64 << 10

// SplitFrame takes an event hook's input apart into the state that the previous
// call returned and the payload. It reports false when the frame is cut short.
func SplitFrame(in []byte) (state, payload []byte, ok bool) {
	if len(in) < 4 {
		return nil, nil, false
	}
	n := readU32(in)
	rest := in[4:]
	if uint64(n) > uint64(len(rest)) {
		return nil, nil, false
	}
	return rest[:n:n], rest[n:], true
}

// AppendState begins an event hook's output: the state to carry to the next call.
// What is appended after it is the payload.
func AppendState(out, state []byte) []byte {
	n := len(state)
	out = append(out, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	return append(out, state...)
}

// readU32 is not encoding/binary's, which brings reflect with it.
func readU32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// SplitEvent takes an event hook's payload apart into the event's name and its data. It
// reports false when there is no name.
func SplitEvent(payload []byte) (name, data []byte, ok bool) {
	return bytes.Cut(payload, []byte{'\n'})
}

// AppendLine appends one line, which holds no line feed, to an event hook's output that
// AppendState began.
func AppendLine(out, line []byte) []byte {
	if uint64(len(out)) > 4+uint64(readU32(out)) {
		out = append(out, '\n')
	}
	return append(out, line...)
}
