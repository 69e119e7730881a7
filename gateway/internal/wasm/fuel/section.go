package fuel

import "bytes"

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

// named reports whether a custom section has this name.
func (s section) named(name string) bool {
	return s.id == secCustom && bytes.HasPrefix(s.body, customName(name))
}

// customName is how the body of a custom section begins.
func customName(name string) []byte {
	return append(appendU32(nil, uint32(len(name))), name...)
}

// Custom returns the contents of all custom sections with this name.
func (o *Module) Custom(name string) [][]byte {
	var all [][]byte
	for _, s := range o.sections {
		if s.named(name) {
			all = append(all, s.body[len(customName(name)):])
		}
	}
	return all
}

// WithCustom returns the file with this custom section at its end, in place of those
// that had the same name.
func (o *Module) WithCustom(name string, content []byte) []byte {
	out := append([]byte(nil), magic...)
	for _, s := range o.sections {
		if !s.named(name) {
			out = appendSection(out, s.id, s.body)
		}
	}
	return appendSection(out, secCustom, append(customName(name), content...))
}

// MadeByGo reports whether the Go toolchain made the module: the linker left its build id,
// or the producers name the language. Both survive -s -w.
func (o *Module) MadeByGo() bool {
	if len(o.Custom(sectionGo)) > 0 {
		return true
	}
	for _, list := range o.Custom(sectionProducers) {
		if writtenInGo(&reader{b: list}) {
			return true
		}
	}
	return false
}

// writtenInGo looks for the language "Go" in a list of producers: fields with values,
// each with a version. What tools write there is for people; a list that is broken says
// nothing.
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
