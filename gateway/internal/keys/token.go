package keys

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"math/big"
)

// A token has four parts without separators between the last three:
//
//	pk_  IIIIIIII  SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS  CCCCCC
//
// I is the public id, S the secret (32 random bytes) and C the CRC-32 (IEEE) of
// everything before it. All are written in base 62 with leading zeros, most
// significant digit first, so that a double click selects a whole token. The
// checksum finds typing errors without a query to the database.
const (
	prefix      = "pk_"
	idLen       = 8
	secretLen   = 43 // 62^43 > 2^256
	checksumLen = 6  // 62^6 > 2^32
	idEnd       = len(prefix) + idLen
	secretEnd   = idEnd + secretLen
	tokenLen    = secretEnd + checksumLen
)

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Token is a key with its secret, as callers send it. It does not show when it is printed:
// only Reveal returns the text.
type Token struct{ text string }

// Reveal returns the text of the token, to be shown once.
func (t Token) Reveal() string { return t.text }

// String returns the public part of the token.
func (t Token) String() string {
	if t.text == "" {
		return "no token"
	}
	return prefix + t.id() + "…"
}

// GoString is like String.
func (t Token) GoString() string { return t.String() }

// Format keeps every verb from printing the token.
func (t Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue keeps the token out of logs.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText keeps the token out of JSON and other encodings.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

func (t Token) id() string { return t.text[len(prefix):idEnd] }

// hash returns the hash of the secret, which is stored in its place.
func (t Token) hash() [sha256.Size]byte {
	var secret [secretLen]byte // a conversion would allocate
	copy(secret[:], t.text[idEnd:secretEnd])
	return sha256.Sum256(secret[:])
}

// newToken makes a token from random bytes. Reading random must not fail.
func newToken(random io.Reader) Token {
	var id [idLen]byte
	var secret [32]byte
	for i := range id {
		id[i] = digits[below62(random)]
	}
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		panic(fmt.Sprintf("read random bytes: %v", err)) // crypto/rand.Reader never fails
	}
	text := prefix + string(id[:]) + base62(new(big.Int).SetBytes(secret[:]), secretLen)
	return Token{text + checksum(text)}
}

// below62 returns a random number from 0 to 61, all equally likely.
func below62(random io.Reader) byte {
	var b [1]byte
	for {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			panic(fmt.Sprintf("read random bytes: %v", err)) // crypto/rand.Reader never fails
		}
		if b[0] < 4*62 {
			return b[0] % 62
		}
	}
}

// base62 writes n with leading zeros.
func base62(n *big.Int, width int) string {
	out := make([]byte, width)
	digit, base := new(big.Int), big.NewInt(62)
	for i := width - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		out[i] = digits[digit.Int64()]
	}
	return string(out)
}

func checksum(text string) string {
	sum := checksumDigits(text)
	return string(sum[:])
}

func checksumDigits(text string) (out [checksumLen]byte) {
	sum := crc(text)
	for i := checksumLen - 1; i >= 0; i-- {
		out[i] = digits[sum%62]
		sum /= 62
	}
	return out
}

// crc is crc32.ChecksumIEEE for a string: converting it to bytes would allocate.
func crc(text string) uint32 {
	sum := ^uint32(0)
	for i := range len(text) {
		sum = crc32.IEEETable[byte(sum)^text[i]] ^ sum>>8
	}
	return ^sum
}

// The faults of a text that is not a token.
var (
	errPrefix   = errors.New("does not begin with " + prefix)
	errLength   = errors.New("has the wrong length")
	errChecksum = errors.New("has a wrong checksum")
)

// splitToken checks a token's prefix and length only.
func splitToken(s string) (Token, error) {
	switch {
	case len(s) < len(prefix) || s[:len(prefix)] != prefix:
		return Token{}, errPrefix
	case len(s) != tokenLen:
		return Token{}, errLength
	}
	return Token{s}, nil
}

// verify checks the token's digits and checksum.
func (t Token) verify() error {
	for i := len(prefix); i < len(t.text); i++ {
		if !isDigit(t.text[i]) {
			return errChecksum
		}
	}
	if sum := checksumDigits(t.text[:secretEnd]); string(sum[:]) != t.text[secretEnd:] {
		return errChecksum
	}
	return nil
}

func isDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
