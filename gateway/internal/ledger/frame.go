package ledger

import (
	"encoding/binary"
	"hash/crc32"
)

// A frame holds one entry of the journal: the length of its payload, the payload's
// CRC-32C, both as four bytes, little end first, and then the payload.
const frameHead = 8

// maxPayload bounds a payload, in bytes. A greater length means damage.
const maxPayload = 64 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli) // processors compute it in hardware

// beginFrame appends room for a frame's head.
func beginFrame(b []byte) []byte { return append(b, make([]byte, frameHead)...) }

// endFrame writes the head of the frame that begins at start, once its payload has been
// appended.
func endFrame(b []byte, start int) []byte {
	payload := b[start+frameHead:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(payload, castagnoli))
	return b
}

// frameLen returns the length of the frame at the start of b, 0 when it is incomplete or
// damaged.
func frameLen(b []byte) int {
	if len(b) <= frameHead {
		return 0
	}
	n := int64(binary.LittleEndian.Uint32(b))
	if n == 0 || n > maxPayload || n > int64(len(b)-frameHead) {
		return 0
	}
	end := frameHead + int(n)
	if crc32.Checksum(b[frameHead:end], castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return 0
	}
	return end
}

// validLen returns the length of the valid frames at the start of b.
func validLen(b []byte) int {
	good := 0
	for n := frameLen(b); n > 0; n = frameLen(b[good:]) {
		good += n
	}
	return good
}

// torn reports whether b, which does not begin with a valid frame, holds none at all: then
// it is a write that was cut off and never acknowledged. The search computes few
// checksums, since most lengths that it tries are implausible.
func torn(b []byte) bool {
	for i := range b {
		if frameLen(b[i:]) > 0 {
			return false
		}
	}
	return true
}

// splitFrame returns the payload of the first of valid frames, and the frames after it.
func splitFrame(frames string) (payload, rest string) {
	n := int(frames[0]) | int(frames[1])<<8 | int(frames[2])<<16 | int(frames[3])<<24
	return frames[frameHead : frameHead+n], frames[frameHead+n:]
}
