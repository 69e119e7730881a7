package remote

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"
)

// A value is a version, when it was put and until when it holds (Unix milliseconds, big
// endian), the HMAC-SHA256 of all that and of its name, and the data.
const (
	version  = 1
	overhead = 1 + 8 + 8 + sha256.Size
)

// prefix begins all names.
const prefix = "penstock:cache:"

var (
	// errOver is for a value that is over, or of another version.
	errOver = errors.New("the value is over")
	// errDown is for a purge that the server was not told of.
	errDown = errors.New("the cache's server does not answer")
	// errForged is for a value that does not belong there.
	errForged = errors.New("the signature is wrong")
)

// signer names and signs values. Both depend on the secret, so that nobody without it can tell
// whether a request that he guesses has a reply there.
type signer struct{ naming, signing []byte }

func newSigner(secret []byte) signer {
	return signer{mac(secret, []byte("names of cached replies")), mac(secret, []byte("cached replies"))}
}

func mac(secret []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, secret)
	for _, part := range parts {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:]) // a hash takes everything
		h.Write(part)
	}
	return h.Sum(nil)
}

// name is the name of a key's value.
func (s signer) name(key [32]byte) string {
	return prefix + hex.EncodeToString(mac(s.naming, key[:]))
}

func (s signer) seal(name string, data []byte, now time.Time, ttl time.Duration) []byte {
	b := make([]byte, 0, overhead+len(data))
	b = append(b, version)
	b = binary.BigEndian.AppendUint64(b, uint64(now.UnixMilli()))
	b = binary.BigEndian.AppendUint64(b, uint64(now.Add(ttl).UnixMilli()))
	b = append(b, mac(s.signing, []byte(name), b, data)...)
	return append(b, data...)
}

// maxAhead is how far the clock of another gateway may be ahead of this one's.
const maxAhead = 5 * time.Minute

// value is one stored value.
type value struct {
	data           []byte
	created, until time.Time
}

// open checks a value and returns it. A value from the future is over: its age is unknown. One
// within maxAhead of now holds for as long as it was put for.
func (s signer) open(name string, text []byte, now time.Time) (value, error) {
	if text[0] != version {
		return value{}, errOver
	}
	if len(text) < overhead {
		return value{}, errForged
	}
	head, sum, data := text[:1+8+8], text[1+8+8:overhead], text[overhead:]
	if !hmac.Equal(sum, mac(s.signing, []byte(name), head, data)) {
		return value{}, errForged
	}
	created := time.UnixMilli(int64(binary.BigEndian.Uint64(head[1:])))
	until := time.UnixMilli(int64(binary.BigEndian.Uint64(head[9:])))
	if !now.Before(until) || created.After(now.Add(maxAhead)) {
		return value{}, errOver
	}
	if lifetime := until.Sub(created); until.Sub(now) > lifetime {
		until = now.Add(lifetime)
	}
	return value{data, created, until}, nil
}
