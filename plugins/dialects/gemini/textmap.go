package gemini

// textMap maps places in a text, which Google counts in bytes of UTF-8, to characters. It
// holds the characters beyond ASCII only.
type textMap struct {
	// wide has for each such character the characters of ASCII before it since the last one, as
	// a number of seven bits a byte, the last byte's eighth bit being 0, and then its size.
	wide []byte
	// run is how many characters of ASCII have come since the last one.
	run int64
	// full is set when the text has more of them than can be remembered.
	full bool
}

// maxWide bounds what is remembered, in bytes.
const maxWide = 12 << 10

// add appends a text, given as the inside of a JSON string, to that of an answer. Only that of
// the first is kept.
func (m *textMap) add(raw []byte, answer int64) {
	for answer == 0 && len(raw) > 0 && !m.full {
		written, size := nextRune(raw)
		raw = raw[written:]
		if size == 1 {
			m.run++
			continue
		}
		for ; m.run >= 0x80; m.run >>= 7 {
			m.wide = append(m.wide, byte(m.run)|0x80)
		}
		m.wide = append(m.wide, byte(m.run), byte(size))
		m.run, m.full = 0, len(m.wide) > maxWide
	}
}

// runesAt counts the characters in the first so many bytes.
func (m *textMap) runesAt(bytes int64) (n int64) {
	for run, size := range m.pairs {
		if bytes <= run {
			return n + max(bytes, 0)
		}
		n, bytes = n+run+1, bytes-run-size
	}
	return n + max(bytes, 0)
}

// bytesAt counts the bytes of the first so many characters.
func (m *textMap) bytesAt(runes int64) (n int64) {
	for run, size := range m.pairs {
		if runes <= run {
			return n + max(runes, 0)
		}
		n, runes = n+run+size, runes-run-1
	}
	return n + max(runes, 0)
}

// pairs yields, for each character beyond ASCII, how many of ASCII come before it, and its
// size.
func (m *textMap) pairs(yield func(run, size int64) bool) {
	for i := 0; i < len(m.wide); {
		run, shift := int64(0), 0
		for ; i < len(m.wide) && m.wide[i]&0x80 != 0; i++ {
			run |= int64(m.wide[i]&0x7f) << shift
			shift += 7
		}
		if i+1 >= len(m.wide) {
			return
		}
		run |= int64(m.wide[i]) << shift
		if !yield(run, int64(m.wide[i+1])) {
			return
		}
		i += 2
	}
}
