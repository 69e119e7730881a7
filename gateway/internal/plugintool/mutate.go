package plugintool

import (
	"bytes"
	"math/rand/v2"
	"slices"
)

// mutator makes variations of inputs. They depend only on its seed.
type mutator struct {
	rand *rand.Rand
	// corpus are the inputs that pieces are taken from.
	corpus [][]byte
}

// maxMutant bounds the size of a variation, in bytes.
const maxMutant = 256 << 10

func newMutator(seed uint64, corpus [][]byte) *mutator {
	return &mutator{rand.New(rand.NewPCG(seed, 0)), corpus}
}

// oddValues are values that programs often handle wrongly.
var oddValues = []string{`null`, `true`, `{}`, `[]`, `""`, `0`, `-1`, `1e308`, `1e999`, `-0.0`, `9007199254740993`, `18446744073709551616`,
	`4294967296`, `"\u0000"`, `"\ud800"`, `"\"\\\/\n"`, `"ä€😀"`, `[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]`, `{"a":{"a":{"a":{}}}}`, `[{},{},{}]`,
	`"system"`, `"stop"`, `[{"role":"user","content":"hi"}]`, `{"index":4294967295}`}

// mutate returns an input with one to four changes. With keepJSON, valid JSON stays valid:
// only values are replaced.
func (m *mutator) mutate(in []byte, keepJSON bool) []byte {
	out := bytes.Clone(in)
	for range 1 + m.rand.IntN(4) {
		if keepJSON || m.rand.IntN(2) == 0 {
			out = m.replaceValue(out)
		} else {
			out = m.scramble(out)
		}
	}
	return out[:min(len(out), maxMutant)]
}

// replaceValue replaces one of the values in a JSON text.
func (m *mutator) replaceValue(in []byte) []byte {
	spans := valuesOf(in)
	if len(spans) == 0 {
		return in
	}
	at := spans[m.rand.IntN(len(spans))]
	with := []byte(oddValues[m.rand.IntN(len(oddValues))])
	if m.rand.IntN(3) == 0 {
		other := spans[m.rand.IntN(len(spans))]
		with = bytes.Clone(in[other.from:other.to])
	}
	if len(in)-(at.to-at.from)+len(with) > maxMutant {
		return in
	}
	return slices.Concat(in[:at.from], with, in[at.to:])
}

// span is a part of a text.
type span struct{ from, to int }

// valuesOf returns the values in a JSON text at every depth, without the names of members.
// In a text that is not JSON it finds some.
func valuesOf(in []byte) []span {
	var all []span
	var open []int // where the objects and arrays began
	for i := 0; i < len(in); {
		switch c := in[i]; c {
		case '{', '[':
			open = append(open, i)
			i++
		case '}', ']':
			i++
			if n := len(open); n > 0 {
				all = append(all, span{open[n-1], i})
				open = open[:n-1]
			}
		case ' ', '\t', '\r', '\n', ',', ':':
			i++
		default:
			end := scalarEnd(in, i)
			if rest := bytes.TrimLeft(in[end:], " \t\r\n"); len(rest) == 0 || rest[0] != ':' {
				all = append(all, span{i, end})
			}
			i = end
		}
	}
	return all
}

// scalarEnd returns the end of the string, number or word that starts at i.
func scalarEnd(in []byte, i int) int {
	if in[i] != '"' {
		n := bytes.IndexAny(in[i+1:], " \t\r\n,:[]{}\"")
		if n < 0 {
			return len(in)
		}
		return i + 1 + n
	}
	for i++; i < len(in); i++ {
		switch in[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(in)
}

// scramble changes bytes regardless of their meaning.
func (m *mutator) scramble(in []byte) []byte {
	from, to := m.cut(in)
	switch m.rand.IntN(6) {
	case 0: // flip a bit
		if len(in) > 0 {
			in[m.rand.IntN(len(in))] ^= 1 << m.rand.IntN(8)
		}
		return in
	case 1: // overwrite
		for i := from; i < to; i++ {
			in[i] = byte(m.rand.Uint32())
		}
		return in
	case 2: // delete
		return slices.Delete(in, from, to)
	case 3: // truncate
		return in[:from]
	case 4: // repeat
		return slices.Insert(in, from, bytes.Clone(in[from:to])...)
	default: // insert a piece of another input
		other := m.corpus[m.rand.IntN(len(m.corpus))]
		f, t := m.cut(other)
		return slices.Insert(in, from, other[f:t]...)
	}
}

// cut chooses a part of a text, usually a short one.
func (m *mutator) cut(in []byte) (from, to int) {
	if len(in) == 0 {
		return 0, 0
	}
	from = m.rand.IntN(len(in))
	longest := len(in) - from
	if m.rand.IntN(4) > 0 {
		longest = min(longest, 16)
	}
	return from, from + 1 + m.rand.IntN(longest)
}
