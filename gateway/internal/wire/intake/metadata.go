package intake

// metadata keeps the members that are strings.
func (s *scanner) metadata() bool {
	if s.Peek() == 'n' {
		return s.value()
	}
	m, ok := s.open(metadata)
	for ok && s.next(&m) {
		if s.Peek() != '"' {
			ok = s.value()
			continue
		}
		ok = s.label(&m)
	}
	return s.OK()
}

func (s *scanner) label(m *members) bool {
	t, ok := s.text()
	if !ok {
		return false
	}
	name := m.name.String()
	switch {
	case len(s.facts.Metadata) >= maxLabels:
		return s.refuse(m.at, "metadata", "metadata may have at most %d members that are strings.", maxLabels)
	case longer(name, maxLabelName):
		return s.refuse(m.at, "metadata", "A name in metadata is longer than %d characters.", maxLabelName)
	}
	value := t.String()
	if longer(value, maxLabelValue) {
		return s.refuse(m.at, "metadata."+name, "metadata.%s is longer than %d characters.", name, maxLabelValue)
	}
	if s.facts.Metadata == nil {
		s.facts.Metadata = make(map[string]string)
	}
	s.facts.Metadata[name] = value
	return true
}

// longer reports whether text has more than limit characters.
func longer(text string, limit int) bool {
	if len(text) <= limit {
		return false
	}
	n := 0
	for range text {
		n++
	}
	return n > limit
}
