package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// Key identifies a request among all that could be answered alike.
type Key [sha256.Size]byte

// writePart frames a part by its length, so that no two lists of parts run together into
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
