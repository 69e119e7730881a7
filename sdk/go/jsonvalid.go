package penstock

// valid reports whether s is one well-formed value with white space around it.
func valid(s []byte) bool {
	var closing [MaxDepth + 1]byte // the brackets that are due
	s = roomy(s)
	depth, i := 0, space(s, 0)
	for {
		if closing[depth] == '}' {
			// Most names are short and plain.
			n := odd(word(s, i+1), 0)
			if end := i + 1 + n; end+2 < len(s) && s[i] == '"' && s[end] == '"' && s[end+1] == ':' && s[end+2] > ' ' {
				i = end + 2
			} else if i = nameEnd(s, i); i < 0 {
				return false
			}
		}
		if i >= len(s) {
			return false
		}
		switch c := s[i]; {
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return false
			}
			closing[depth] = c + 2
			if i = space(s, i+1); i >= len(s) || s[i] != c+2 {
				continue
			}
			depth--
			i++
		case c == '"':
			n := odd(word(s, i+1), 0)
			if end := i + 1 + n; end < len(s) && s[end] == '"' {
				i = end + 1
			} else {
				i = stringEnd(s, i+1)
			}
		case c > '9':
			i = literalEnd(s, i)
		default:
			// Most numbers are short and whole.
			n := digits(word(s, i))
			if end := i + n; n > 0 && n < 8 && end < len(s) && s[end] == ',' && (c > '0' || n == 1) {
				i = end
			} else {
				i = numberEnd(s, i)
			}
		}
		for i >= 0 {
			if i < len(s) && s[i] <= ' ' {
				i = space(s, i)
			}
			if depth == 0 || i >= len(s) || s[i] != closing[depth] {
				break
			}
			depth--
			i++
		}
		if depth == 0 || i < 0 || i >= len(s) || s[i] != ',' {
			return depth == 0 && i == len(s)
		}
		if i++; i < len(s) && s[i] <= ' ' {
			i = space(s, i)
		}
	}
}

// nameEnd is where the value of the member at i begins, -1 when there is none.
func nameEnd(s []byte, i int) int {
	if i >= len(s) || s[i] != '"' {
		return -1
	}
	i++
	end := i
	n := odd(word(s, end), 0)
	for end += n; n == 8 && end < len(s); end += n {
		n = odd(word(s, end), 0)
	}
	if end++; end >= len(s) || s[end-1] != '"' {
		if end = stringEnd(s, i); end < 0 {
			return -1
		}
	}
	if end < len(s) && s[end] <= ' ' {
		end = space(s, end)
	}
	if end >= len(s) || s[end] != ':' {
		return -1
	}
	if end++; end < len(s) && s[end] <= ' ' {
		end = space(s, end)
	}
	return end
}

// stringEnd is the end of a string, given from behind the quote that opens it; -1 when
// it is not well-formed.
func stringEnd(s []byte, i int) int {
	n := odd(word(s, i), 0)
	for i += n; i < len(s); {
		switch {
		case n == 8:
			i, n = oddAt(s, i, 0), 0
		case s[i] == '"':
			return i + 1
		case s[i] == '\\':
			if _, n = escape(s[i:]); n == 0 {
				return -1
			}
			i += n
			n = odd(word(s, i), 0)
			i += n
		default:
			return -1
		}
	}
	return -1
}

// literalEnd is the end of true, false or null, which are compared as the words that
// their letters make.
func literalEnd(s []byte, i int) int {
	switch x := word(s, i); {
	case x&(1<<32-1) == 0x65757274, x&(1<<32-1) == 0x6c6c756e:
		i += 4
	case x&(1<<40-1) == 0x65736c6166:
		i += 5
	default:
		return -1
	}
	return bounded(s, i)
}

// digitsEnd is where the run of digits ends that begins at i.
func digitsEnd(s []byte, i int) int {
	n := digits(word(s, i))
	for i += n; n == 8 && i < len(s); i += n {
		n = digits(word(s, i))
	}
	return min(i, len(s))
}

func numberEnd(s []byte, i int) int {
	if s[i] == '-' {
		i++
	}
	end := i
	n := digits(word(s, end))
	for end += n; n == 8 && end < len(s); end += n {
		n = digits(word(s, end))
	}
	end = min(end, len(s))
	if end == i || end > i+1 && s[i] == '0' {
		return -1
	}
	if end < len(s) && s[end] == '.' {
		i = end + 1
		if end = digitsEnd(s, i); end == i {
			return -1
		}
	}
	if end < len(s) && s[end]|0x20 == 'e' {
		i = end + 1
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if end = digitsEnd(s, i); end == i {
			return -1
		}
	}
	return end
}
