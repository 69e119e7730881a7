package penstock

import "math/bits"

// space is where s goes on behind white space from i on.
func space(s []byte, i int) int {
	for i < len(s) && s[i] <= ' ' && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
		i++
	}
	return i
}

// skip is the end of the value at i, -1 when it has none. Of what is in objects and
// lists it looks at quotes and brackets only.
func skip(s []byte, i int) int {
	if i >= len(s) {
		return -1
	}
	switch s[i] {
	case '"':
		return skipString(s, i+1)
	case '{', '[':
		return skipContainer(s, i)
	}
	return scalarEnd(s, i)
}

// skipString is the end of a string, given from behind the quote that opens it. Escapes
// are not looked into.
func skipString(s []byte, i int) int {
	n := odd(word(s, i), 0)
	for i += n; i < len(s); {
		switch {
		case n == 8:
			i, n = oddAt(s, i, 0), 0
		case s[i] == '"':
			return i + 1
		case s[i] == '\\':
			n = odd(word(s, i+2), 0)
			i += 2 + n
		default:
			return -1
		}
	}
	return -1
}

// skipContainer is the end of an object or list. It takes eight bytes in one go as long
// as there is no backslash and the end is not near: the parity of the quotes before a
// byte tells whether it is in a string.
func skipContainer(s []byte, i int) int {
	depth, inside := 0, uint64(0) // inside is ones in a string
	for ; i < len(s); i += 8 {
		x := word(s, i)
		if equal(x, '\\')&^x&tops != 0 {
			if i, depth = escaped(s, i, depth, inside != 0); i < 0 || depth == 0 {
				return i
			}
			i, inside = i-8, 0
			continue
		}
		quotes := exactly(x, '"')
		parity := quotes >> 7 * ones
		// The brackets become DEL. So do y, Y and _, which stand in strings only.
		brackets := exactly(x|ones*0x26, 0x7f) &^ ((parity ^ inside) << 7)
		if inside != 0 && quotes == 0 {
			i = oddAt(s, i+8, 0) - 8
			continue
		}
		inside ^= parity >> 56 & 1 * ones
		closing := brackets &^ (x << 6) // bit 1 is set in those that open
		if n := bits.OnesCount64(closing); n < depth {
			depth += bits.OnesCount64(brackets) - 2*n
			continue
		}
		for ; brackets != 0; brackets &= brackets - 1 {
			if mark := brackets & -brackets; closing&mark == 0 {
				depth++
			} else if depth--; depth <= 0 {
				return bounded(s, i+first(mark)+1)
			}
		}
	}
	return -1
}

// escaped goes on from i, in a string or before one that has escapes, to the end of that
// string; not so far when the container ends before.
func escaped(s []byte, i, depth int, inside bool) (next, level int) {
	for ; !inside && i < len(s); i++ {
		switch s[i] {
		case '"':
			inside = true
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1, 0
			}
		}
	}
	return skipString(s, i), depth
}

func bounded(s []byte, end int) int {
	if end > len(s) {
		return -1
	}
	return end
}

// scalarEnd is where the number or word ends that begins at i.
func scalarEnd(s []byte, i int) int {
	end := i
	n := ended(word(s, end))
	for end += n; n == 8 && end < len(s); end += n {
		n = ended(word(s, end))
	}
	if end == i {
		return -1
	}
	return min(end, len(s))
}
