package wire

// span is where a member of an object stands in a body: from its name to the end of its
// value.
type span struct {
	name                       string
	start, nameEnd, value, end int
}

// membersOf returns the members of the object that begins at an offset; nil where there is
// none.
func membersOf(body []byte, offset int) (all []span) {
	s := newScan(body[offset:])
	if !s.Open('{') {
		return nil
	}
	for s.More('}') {
		s.Peek()
		m := span{start: offset + s.Pos()}
		name := s.Name()
		m.name, m.nameEnd = name.String(), m.start+len(name.Raw)+len(`""`)
		s.Peek()
		m.value = offset + s.Pos()
		s.Skip()
		m.end = offset + s.Pos()
		all = append(all, m)
	}
	if !s.OK() {
		return nil
	}
	return all
}

// memberOf returns the member of a name.
func memberOf(members []span, name string) (span, bool) {
	for _, m := range members {
		if m.name == name {
			return m, true
		}
	}
	return span{}, false
}

// eachElement calls f with the position of every element of the list that is a member's value.
func eachElement(body []byte, m span, f func(i, at int)) {
	s := newScan(body[m.value:m.end])
	if !s.Open('[') {
		return
	}
	for i := 0; s.More(']'); i++ {
		s.Peek()
		at := m.value + s.Pos()
		s.Skip()
		f(i, at)
	}
}
