package ledger

import (
	"encoding/binary"
	"hash/crc32"
)

// A frame holds one entry of the journal: the length of its payload, the payload's
// CRC-32C, both as four bytes, little end first, and then the payload.
const frameHead = 8

// maxPayload bounds a payload, in bytes. A length beyond it is damage.
const maxPayload = 64 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli) // processors compute it in hardware

// beginFrame leaves room for a frame's head; endFrame fills it in once the payload
// has been appended behind it. start is the length of b before beginFrame.
func beginFrame(b []byte) []byte { return append(b, make([]byte, frameHead)...) }

func endFrame(b []byte, start int) []byte {
	payload := b[start+frameHead:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(payload, castagnoli))
	return b
}

// frame is the length of the frame that b begins with, 0 when that is not whole or
// not sound.
func frame(b []byte) int {
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

// sound is the length of the sound frames that b begins with.
func sound(b []byte) int {
	good := 0
	for n := frame(b); n > 0; n = frame(b[good:]) {
		good += n
	}
	return good
}

// torn reports whether b, which does not begin with a sound frame, holds none at
// all: then it is a write that was cut off, and nobody was told of its success. A
// length that is damaged is implausible nearly always, so that the search computes
// few checksums.
func torn(b []byte) bool {
	for i := range b {
		if frame(b[i:]) > 0 {
			return false
		}
	}
	return true
}

// cut splits the payload off the first of frames that are known to be sound.
func cut(frames string) (payload, rest string) {
	n := int(frames[0]) | int(frames[1])<<8 | int(frames[2])<<16 | int(frames[3])<<24
	return frames[frameHead : frameHead+n], frames[frameHead+n:]
}
