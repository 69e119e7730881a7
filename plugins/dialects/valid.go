package dialects

// maxDepth is how many objects and lists may stand within each other in what a provider
// sends, or a model as a tool's arguments.
const maxDepth = 300

// valid reports whether s is one well-formed JSON value, with white space around it or
// not. The host vouches for its envelopes, but neither for a provider's events nor for
// the text in which a model has put its arguments.
func valid(s []byte) bool {
	end := valueEnd(s, blank(s, 0), maxDepth)
	return end >= 0 && blank(s, end) == len(s)
}

// The functions below return where something ends that begins at i, or -1 when it is not
// well-formed.

func valueEnd(s []byte, i, depth int) int {
	if i >= len(s) || depth == 0 {
		return -1
	}
	switch s[i] {
	case '"':
		return textEnd(s, i+1)
	case '{', '[':
		return containerEnd(s, i, depth)
	case 't':
		return wordEnd(s, i, "true")
	case 'f':
		return wordEnd(s, i, "false")
	case 'n':
		return wordEnd(s, i, "null")
	}
	return numberEnd(s, i)
}

func containerEnd(s []byte, i, depth int) int {
	closing := s[i] + 2
	if i = blank(s, i+1); i < len(s) && s[i] == closing {
		return i + 1
	}
	for i < len(s) {
		if closing == '}' {
			if i = nameEnd(s, i); i < 0 {
				return -1
			}
		}
		if i = valueEnd(s, i, depth-1); i < 0 {
			return -1
		}
		i = blank(s, i)
		switch {
		case i < len(s) && s[i] == closing:
			return i + 1
		case i == len(s) || s[i] != ',':
			return -1
		}
		i = blank(s, i+1)
	}
	return -1
}

// nameEnd is where the value of a member begins.
func nameEnd(s []byte, i int) int {
	if s[i] != '"' {
		return -1
	}
	if i = textEnd(s, i+1); i < 0 {
		return -1
	}
	if i = blank(s, i); i == len(s) || s[i] != ':' {
		return -1
	}
	return blank(s, i+1)
}

// textEnd is given a text from behind the quote that opens it.
func textEnd(s []byte, i int) int {
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

// escapeEnd is the last byte of an escape, given behind its backslash.
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

func wordEnd(s []byte, i int, word string) int {
	if end := i + len(word); end <= len(s) && string(s[i:end]) == word {
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

// blank is where s goes on behind white space from i on.
func blank(s []byte, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
		i++
	}
	return i
}
