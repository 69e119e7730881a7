package wasm

import "bytes"

// The custom sections that the host looks into.
const (
	sectionManifest  = "penstock.manifest"
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
	return bytes.HasPrefix(s.body, append(appendU32(nil, uint32(len(name))), name...))
}

// readCustom looks into the custom sections that say something about the module.
func (o *outline) readCustom(r *reader) {
	switch r.name() {
	case sectionManifest:
		if o.manifest != nil {
			r.fail("it has two manifests")
			return
		}
		o.manifest = append([]byte{}, r.b[r.at:]...)
	case sectionGo:
		o.isGo = true
	case sectionProducers:
		// What tools write there is for people; a list that is broken says nothing.
		p := reader{b: r.b, at: r.at}
		o.isGo = o.isGo || writtenInGo(&p)
		r.err = nil
	}
	r.at = len(r.b)
}

// writtenInGo looks for the language "Go" in a list of producers: fields with values,
// each with a version.
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

// memory is the most that an instance may hold when the operator does not say, in bytes.
// Go's runtime takes megabytes before it does anything. A module is Go's if the linker
// left its build id or the producers name the language; both survive -s -w.
func (o *outline) memory() int64 {
	if o.isGo {
		return defaultGoMemory
	}
	return defaultMemory
}
