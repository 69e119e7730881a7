package canonical

// maxDepth bounds how deep objects and lists are nested in what a provider sends, or a
// model as the arguments of a call.
const maxDepth = 300

// Valid reports whether s is one well-formed JSON value, which may have white space
// around it. The host checks its envelopes, but neither a provider's events nor the text in
// which a model has put its arguments.
func Valid(s []byte) bool {
	end := valueEnd(s, skipSpace(s, 0), maxDepth)
	return end >= 0 && skipSpace(s, end) == len(s)
}

// The functions below return where what begins at i ends, or -1 when it is not
// well-formed.

func valueEnd(s []byte, i, depth int) int {
	if i >= len(s) || depth == 0 {
		return -1
	}
	switch s[i] {
	case '"':
		return TextEnd(s, i+1)
	case '{', '[':
		return containerEnd(s, i, depth)
	case 't':
		return literalEnd(s, i, "true")
	case 'f':
		return literalEnd(s, i, "false")
	case 'n':
		return literalEnd(s, i, "null")
	}
	return numberEnd(s, i)
}

func containerEnd(s []byte, i, depth int) int {
	closing := s[i] + 2
	if i = skipSpace(s, i+1); i < len(s) && s[i] == closing {
		return i + 1
	}
	for i < len(s) {
		if closing == '}' {
			if i = memberStart(s, i); i < 0 {
				return -1
			}
		}
		if i = valueEnd(s, i, depth-1); i < 0 {
			return -1
		}
		i = skipSpace(s, i)
		switch {
		case i < len(s) && s[i] == closing:
			return i + 1
		case i == len(s) || s[i] != ',':
			return -1
		}
		i = skipSpace(s, i+1)
	}
	return -1
}

// memberStart returns where the value of the member that begins at i begins.
func memberStart(s []byte, i int) int {
	if s[i] != '"' {
		return -1
	}
	if i = TextEnd(s, i+1); i < 0 {
		return -1
	}
	if i = skipSpace(s, i); i == len(s) || s[i] != ':' {
		return -1
	}
	return skipSpace(s, i+1)
}

// TextEnd returns where a string ends, behind its closing quote, given from behind the
// quote that opens it; -1 when it is not well-formed.
func TextEnd(s []byte, i int) int {
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return -1
		case c == '\\':
			if i = escapeEnd(s, i+1); i < 0 {
				return -1
			}
		}
	}
	return -1
}

// escapeEnd returns the last byte of an escape, given from behind its backslash.
func escapeEnd(s []byte, i int) int {
	if i >= len(s) {
		return -1
	}
	switch s[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i
	case 'u':
		for k := i + 1; k <= i+4; k++ {
			if k >= len(s) || s[k]-'0' > 9 && (s[k]|0x20)-'a' > 5 {
				return -1
			}
		}
		return i + 4
	}
	return -1
}

func literalEnd(s []byte, i int, literal string) int {
	if end := i + len(literal); end <= len(s) && string(s[i:end]) == literal {
		return end
	}
	return -1
}

func numberEnd(s []byte, i int) int {
	if s[i] == '-' {
		i++
	}
	end := digitsEnd(s, i)
	if end < 0 || s[i] == '0' && end > i+1 {
		return -1
	}
	if end < len(s) && s[end] == '.' {
		if end = digitsEnd(s, end+1); end < 0 {
			return -1
		}
	}
	if end < len(s) && s[end]|0x20 == 'e' {
		end++
		if end < len(s) && (s[end] == '+' || s[end] == '-') {
			end++
		}
		return digitsEnd(s, end)
	}
	return end
}

func digitsEnd(s []byte, i int) int {
	end := i
	for end < len(s) && s[end]-'0' <= 9 {
		end++
	}
	if end == i {
		return -1
	}
	return end
}

// skipSpace returns where s goes on behind white space from i on.
func skipSpace(s []byte, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
		i++
	}
	return i
}
