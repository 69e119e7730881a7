package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// Key identifies requests with the same answer.
type Key [sha256.Size]byte

// writePart writes a part after its length, so that different lists of parts never give
// the same bytes.
func writePart(h hash.Hash, part []byte) {
	var size [8]byte
	binary.LittleEndian.PutUint64(size[:], uint64(len(part)))
	h.Write(size[:]) // a hash takes everything
	h.Write(part)
}

func sum(h hash.Hash) Key {
	var k Key
	h.Sum(k[:0])
	return k
}
