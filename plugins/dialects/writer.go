package main

import penstock "github.com/penstock/penstock/sdk/go"

// writer appends JSON to b. Members and elements put their own commas: one is due
// unless the last byte opens a container or ends a name.
type writer struct{ b []byte }

func (w *writer) comma() {
	if n := len(w.b); n > 0 {
		switch w.b[n-1] {
		case '{', '[', ':', '\n':
		default:
			w.b = append(w.b, ',')
		}
	}
}

// open begins an object or an array with the given bracket, close ends it.
func (w *writer) open(bracket byte) {
	w.comma()
	w.b = append(w.b, bracket)
}

func (w *writer) close(bracket byte) { w.b = append(w.b, bracket) }

// name begins a member. The name is a plain word that needs no escaping.
func (w *writer) name(name string) {
	w.comma()
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

// literal writes s, which is JSON already.
func (w *writer) literal(s string) {
	w.comma()
	w.b = append(w.b, s...)
}

// value writes a value as it came.
func (w *writer) value(v value) {
	w.comma()
	w.b = append(w.b, v...)
}

// quoted writes a string whose inside is already written as JSON has it.
func (w *writer) quoted(inside []byte) {
	w.comma()
	w.b = append(w.b, '"')
	w.b = append(w.b, inside...)
	w.b = append(w.b, '"')
}

func (w *writer) int(n int64) {
	w.comma()
	w.b = penstock.AppendWhole(w.b, n)
}

// text writes s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func (w *writer) text(s []byte) {
	w.comma()
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
