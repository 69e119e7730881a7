package hook

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// The names of events that the host makes: the first and the last of a stream, and one for
// each canonical chunk.
const (
	EventStart = "penstock.start"
	EventEnd   = "penstock.end"
	EventChunk = "chunk"
)

// The bounds of a stream's state, in bytes. A format may have to repeat a whole reply at its
// end, so the state of what is rendered may hold one.
const (
	maxState    = 64 << 10
	maxRendered = 4 << 20
)

// maxState returns the bound of the state that an event hook keeps.
func (h Hook) maxState() int {
	if h == RenderEvent {
		return maxRendered
	}
	return maxState
}

// StreamDone is the line that ends a complete stream.
const StreamDone = "[DONE]"

// HasError reports whether a line of a stream is an error.
func HasError(line []byte) bool {
	r, err := ReadReply(line)
	return err == nil && r.Error != nil
}

// AppendFrame appends u32le(len(state)) | state | name | "\n" | data.
func AppendFrame(dst, state []byte, name string, data []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(state)))
	dst = append(dst, state...)
	dst = append(dst, name...)
	dst = append(dst, '\n')
	return append(dst, data...)
}

// SplitFrame splits a result into the new state and the payload.
func SplitFrame(out []byte) (state, payload []byte, err error) {
	if len(out) < 4 {
		return nil, nil, fmt.Errorf("the frame has %d bytes; at least 4 are needed", len(out))
	}
	n := binary.LittleEndian.Uint32(out)
	out = out[4:]
	if int64(n) > int64(len(out)) {
		return nil, nil, fmt.Errorf("the frame announces a state of %d bytes, and %d follow", n, len(out))
	}
	return out[:n], out[n:], nil
}

// SplitResult is SplitFrame for the result of an event hook, whose state is bounded.
func SplitResult(h Hook, out []byte) (state, payload []byte, err error) {
	state, payload, err = SplitFrame(out)
	if err == nil && len(state) > h.maxState() {
		err = fmt.Errorf("the state has %d bytes; at most %d are kept", len(state), h.maxState())
	}
	return state, payload, err
}

// SplitLines splits a payload and checks every line with read.
func SplitLines(payload []byte, read func([]byte) (Reply, error)) ([][]byte, error) {
	var lines [][]byte
	for len(payload) > 0 {
		line, rest, _ := bytes.Cut(payload, []byte{'\n'})
		payload = rest
		if len(line) == 0 {
			continue
		}
		if string(line) != StreamDone {
			if _, err := read(line); err != nil {
				return nil, fmt.Errorf("line %d: %w", len(lines)+1, err)
			}
		}
		lines = append(lines, line)
	}
	return lines, nil
}
