package intake

// integer reads a whole number from 1 to limit; null means not given.
func (s *scanner) integer(param string, limit int64) (n int64, given, ok bool) {
	if s.Peek() == 'n' {
		return 0, false, s.value()
	}
	at := s.Pos()
	if !isDigit(s.Peek()) && s.Peek() != '-' {
		return 0, false, s.wrongType(param, "a whole number")
	}
	if !s.value() {
		return 0, false, false
	}
	for _, c := range s.body[at:s.Pos()] {
		if !isDigit(c) || n > limit {
			n = 0
			break
		}
		n = n*10 + int64(c-'0')
	}
	if n < 1 || n > limit {
		return 0, false, s.refuse(at, param, "%s must be a whole number from 1 to %d, or be left out.", param, limit)
	}
	return n, true, true
}
