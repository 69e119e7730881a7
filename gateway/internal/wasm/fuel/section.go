package fuel

// The custom sections that the pass looks into.
const (
	sectionProducers = "producers"
	sectionGo        = "go:buildid"
	sectionNames     = "name"
)

// section is a part of a module. The body of a custom one begins with its name.
type section struct {
	id   byte
	body []byte
}

// custom returns the contents of a custom section with this name; ok is false for any other
// section.
func (s section) custom(name string) (content []byte, ok bool) {
	if s.id != secCustom {
		return nil, false
	}
	r := &reader{b: s.body}
	if r.name() != name {
		return nil, false
	}
	return r.b[r.at:], true
}

// Custom returns the contents of all custom sections with this name.
func (m *Module) Custom(name string) [][]byte {
	var all [][]byte
	for _, s := range m.sections {
		if content, ok := s.custom(name); ok {
			all = append(all, content)
		}
	}
	return all
}

// WithCustom returns the file with this custom section at its end, in place of those
// that had the same name.
func (m *Module) WithCustom(name string, content []byte) []byte {
	out := append([]byte(nil), magic...)
	for _, s := range m.sections {
		if _, replaced := s.custom(name); !replaced {
			out = appendSection(out, s.id, s.body)
		}
	}
	body := append(appendU32(nil, uint32(len(name))), name...)
	return appendSection(out, secCustom, append(body, content...))
}

// MadeByGo reports whether the Go toolchain made the module: the linker left its build id,
// or the producers name the language. Both survive -s -w.
func (m *Module) MadeByGo() bool {
	if len(m.Custom(sectionGo)) > 0 {
		return true
	}
	for _, list := range m.Custom(sectionProducers) {
		if writtenInGo(&reader{b: list}) {
			return true
		}
	}
	return false
}

// writtenInGo looks for the language "Go" in a producers section: fields with values, each
// with a version. A section that can't be read counts as empty.
func writtenInGo(r *reader) bool {
	found := false
	each(r, func(r *reader) {
		field := r.name()
		each(r, func(r *reader) {
			value := r.name()
			r.name()
			found = found || field == "language" && value == "Go"
		})
	})
	return found && r.err == nil
}
