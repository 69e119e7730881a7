package dialects

import (
	"slices"

	penstock "github.com/penstock/penstock/sdk/go"
)

// writer appends JSON to b. Members and elements put their own commas: one is due
// unless the last byte opens a container or ends a name.
type writer struct{ b []byte }

// The methods of writer are kept out of their callers: an append takes hundreds of
// bytes of Wasm, and nearly all that this module does is appending.

// grow makes room for n more bytes and a comma, and writes the comma if one is due.
//
//go:noinline
func (w *writer) grow(n int) {
	w.b = slices.Grow(w.b, n+1)
	if end := len(w.b); end > 0 {
		switch w.b[end-1] {
		case '{', '[', ':', '\n':
		default:
			w.b = w.b[:end+1]
			w.b[end] = ','
		}
	}
}

// open begins an object or an array with the given bracket, close ends it.
func (w *writer) open(bracket byte) {
	w.grow(1)
	w.close(bracket)
}

//go:noinline
func (w *writer) close(bracket byte) { w.b = append(w.b, bracket) }

// name begins a member. The name is a plain word that needs no escaping.
//
//go:noinline
func (w *writer) name(name string) {
	w.grow(len(name) + 3)
	end := len(w.b)
	w.b = w.b[:end+len(name)+3]
	b := w.b[end:]
	b[0], b[len(name)+1], b[len(name)+2] = '"', '"', ':'
	copy(b[1:], name)
}

// literal writes s, which is JSON already.
func (w *writer) literal(s string) {
	w.grow(len(s))
	w.add(s)
}

// add writes s, whatever it is.
//
//go:noinline
func (w *writer) add(s string) { w.b = append(w.b, s...) }

// value writes a value as it came.
//
//go:noinline
func (w *writer) value(v value) {
	w.grow(len(v))
	w.b = append(w.b, v...)
}

// quoted writes a string whose inside is already written as JSON has it.
//
//go:noinline
func (w *writer) quoted(inside []byte) {
	w.grow(len(inside) + 2)
	end := len(w.b)
	w.b = w.b[:end+len(inside)+2]
	b := w.b[end:]
	b[0], b[len(inside)+1] = '"', '"'
	copy(b[1:], inside)
}

func (w *writer) int(n int64) {
	w.grow(20)
	w.b = penstock.AppendWhole(w.b, n)
}

// text writes s, which is UTF-8, as a JSON string.
func (w *writer) text(s []byte) {
	w.grow(len(s) + 2)
	w.b = penstock.AppendText(w.b, s)
}

// memberValue writes a member unless the value is absent or null.
func (w *writer) memberValue(name string, v value) {
	if !v.Null() {
		w.name(name)
		w.value(v)
	}
}

func (w *writer) memberLiteral(name, json string) {
	w.name(name)
	w.literal(json)
}

func (w *writer) memberInt(name string, n int64) {
	w.name(name)
	w.int(n)
}

func (w *writer) memberText(name string, s []byte) {
	w.name(name)
	w.text(s)
}
