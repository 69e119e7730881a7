package penstock

// walk gives yield the members or items of the container that text begins with.
func walk(text JSON, yield func(key []byte, value JSON) bool) {
	s := roomy(text)
	i := space(s, 0)
	if i >= len(s) {
		return
	}
	object, closing := s[i] == '{', s[i]+2
	for i++; ; i++ {
		if i < len(s) && s[i] <= ' ' {
			i = space(s, i)
		}
		if i >= len(s) || s[i] == closing {
			return
		}
		var key []byte
		if object {
			start := i + 1
			i = start
			n := odd(word(s, i), 0)
			for i += n; n == 8 && i < len(s); i += n {
				n = odd(word(s, i), 0)
			}
			if i+1 < len(s) && s[i] == '"' && s[i+1] == ':' && s[start-1] == '"' {
				key = text[start:i]
				if i += 2; i < len(s) && s[i] <= ' ' {
					i = space(s, i)
				}
			} else if key, i = name(s, start-1); i < 0 {
				return
			}
		}
		end := i
		if i < len(s) && s[i] != '"' && s[i]|0x20 != '{' {
			n := ended(word(s, end))
			for end += n; n == 8 && end < len(s); end += n {
				n = ended(word(s, end))
			}
			end = min(end, len(s))
		} else {
			end = skip(s, i)
		}
		if end <= i || !yield(key, text[i:end]) {
			return
		}
		if i = end; i < len(s) && s[i] <= ' ' {
			i = space(s, i)
		}
		if i >= len(s) || s[i] != ',' {
			return
		}
	}
}

// name reads the name of the member at i, and finds its value; -1 when there is none.
func name(s []byte, i int) (key []byte, value int) {
	if s[i] != '"' {
		return nil, -1
	}
	i++
	end := i
	n := odd(word(s, end), 0)
	for end += n; n == 8 && end < len(s); end += n {
		n = odd(word(s, end), 0)
	}
	if end < len(s) && s[end] == '"' {
		key = s[i:end]
	} else if end = stringEnd(s, i) - 1; end >= 0 {
		key = unescape(nil, s[i:end])
	} else {
		return nil, -1
	}
	if end++; end < len(s) && s[end] <= ' ' {
		end = space(s, end)
	}
	if end >= len(s) || s[end] != ':' {
		return nil, -1
	}
	if end++; end < len(s) && s[end] <= ' ' {
		end = space(s, end)
	}
	return key, end
}
