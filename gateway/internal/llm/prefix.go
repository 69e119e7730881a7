package llm

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"
)

// minPrefix is from what size of prompt providers cache one, in tokens. What is shorter needs
// no affinity: OpenAI's documentation of prompt caching has this figure, Anthropic's the same
// or higher ones.
const minPrefix = 1024

// Affinity returns what the requests of one conversation share, so that they can keep to the
// target that has their prompt cached: the session's name, or without one a name that is made
// of how the conversation begins, with its key and model. That name is for nothing else. It
// is empty for a short prompt, and for what is no conversation.
func (r *Request) Affinity() string {
	f := &r.Facts
	if r.Session != "" || f.Beginning == 0 || f.EstInputTokens < minPrefix || f.Inputs > 0 || f.Free {
		return r.Session
	}
	h := f.Beginning ^ TextHash([]byte(r.Principal.KeyID))*3 ^ TextHash([]byte(f.Model))*5
	if !f.ToolsAt.IsZero() {
		h ^= toolsHash(r.Body[f.ToolsAt.Start:f.ToolsAt.End]) * 7
	}
	return string(strconv.AppendUint(append(make([]byte, 0, 32), "prefix:"...), mix(h), 16))
}

// hashPrime is an odd number whose bits are those of the golden ratio.
const hashPrime = 0x9E3779B97F4A7C15

// TextHash returns a hash of a text, the same in every process. It is no protection against
// somebody who makes texts of equal hashes.
func TextHash(text []byte) uint64 {
	h := uint64(len(text)) * hashPrime
	for ; len(text) >= 16; text = text[16:] {
		h = fold(binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[8:])^h)
	}
	first, last := ends(text)
	return mix(fold(first, last^h))
}

// fold multiplies two numbers, and joins the halves of the product.
func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a^hashPrime, b)
	return high ^ low
}

// ends returns the beginning and the end of fewer than 16 bytes; together they are all of them.
func ends(text []byte) (first, last uint64) {
	switch n := len(text); {
	case n >= 8:
		return binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[n-8:])
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(text)), uint64(binary.LittleEndian.Uint32(text[n-4:]))
	case n > 0:
		return uint64(text[0]), uint64(text[n/2])<<8 | uint64(text[n-1])
	}
	return 0, 0
}

// mix makes every bit of the result depend on all bits of h.
func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// cacheControl is the name of the member by which callers mark what a provider is to cache.
// The marks move as a conversation grows.
var cacheControl = []byte("cache_control")

// toolsHash returns a hash of the names and texts in a JSON text, in any order, and without
// cache marks. The text must be valid JSON.
func toolsHash(text []byte) (sum uint64) {
	for {
		one, rest, ok := nextString(text)
		if !ok {
			return sum
		}
		if text = rest; bytes.Equal(one, cacheControl) {
			text = afterMark(text)
			continue
		}
		sum += TextHash(one)
	}
}

// nextString returns the next string of a JSON text as it is written, without its quotes, and
// what follows it.
func nextString(text []byte) (one, rest []byte, ok bool) {
	start := bytes.IndexByte(text, '"')
	if start < 0 {
		return nil, nil, false
	}
	text = text[start+1:]
	for at := 0; ; at++ {
		end := bytes.IndexByte(text[at:], '"')
		if end < 0 {
			return nil, nil, false
		}
		at += end
		if escapes(text[:at])%2 == 0 {
			return text[:at], text[at+1:], true
		}
	}
}

// escapes counts the backslashes at the end of a text.
func escapes(text []byte) int { return len(text) - len(bytes.TrimRight(text, `\`)) }

// afterMark returns what follows the value of a cache mark, which is a flat object. The text
// begins after the mark's name.
func afterMark(text []byte) []byte {
	value := bytes.TrimLeft(text, ": \t\r\n")
	if len(value) == 0 || value[0] != '{' {
		return value
	}
	if end := bytes.IndexByte(value, '}'); end >= 0 {
		return value[end+1:]
	}
	return nil
}
