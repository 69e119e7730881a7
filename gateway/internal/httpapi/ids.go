package httpapi

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// newID returns a request id: "req_" and 26 characters that sort by time, to the
// microsecond, and hold 70 random bits.
func newID(now time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[6:]) // never fails: the runtime stops the process instead
	ms := uint64(now.UnixMilli())
	micro := uint16(now.Nanosecond()/1000) % 1000
	binary.BigEndian.PutUint16(b[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(b[2:], uint32(ms))
	tail := binary.BigEndian.Uint16(b[6:])
	binary.BigEndian.PutUint16(b[6:], micro<<6|tail&0x3f)
	return encodeID(b)
}

// encodeID encodes 128 bits in Crockford's base32, most significant first, so that
// ids sort as the bits do.
func encodeID(b [16]byte) string {
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	out := [4 + 26]byte{'r', 'e', 'q', '_'}
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	for i := len(out) - 1; i >= 4; i-- {
		out[i] = digits[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out[:])
}
