package canonical

import (
	"slices"

	penstock "github.com/penstock/penstock/sdk/go"
)

// Writer appends JSON to B. Members and elements write their own commas: one is needed
// unless the last byte opens a container or ends a name.
type Writer struct{ B []byte }

// The methods of Writer are not inlined: an append takes hundreds of bytes of Wasm, and
// nearly all that this module does is appending.

// grow makes room for n more bytes and a comma, and writes the comma if one is needed.
//
//go:noinline
func (w *Writer) grow(n int) {
	w.B = slices.Grow(w.B, n+1)
	if end := len(w.B); end > 0 {
		switch w.B[end-1] {
		case '{', '[', ':', '\n':
		default:
			w.B = w.B[:end+1]
			w.B[end] = ','
		}
	}
}

// Open begins an object or a list with the given bracket.
func (w *Writer) Open(bracket byte) {
	w.grow(1)
	w.Byte(bracket)
}

// Close ends an object or a list with the given bracket.
func (w *Writer) Close(bracket byte) { w.Byte(bracket) }

// Byte writes one byte as it is.
//
//go:noinline
func (w *Writer) Byte(c byte) { w.B = append(w.B, c) }

// Raw writes s as it is.
//
//go:noinline
func (w *Writer) Raw(s string) { w.B = append(w.B, s...) }

// Name begins a member whose name needs no escaping.
//
//go:noinline
func (w *Writer) Name(name string) {
	w.grow(len(name) + 3)
	end := len(w.B)
	w.B = w.B[:end+len(name)+3]
	b := w.B[end:]
	b[0], b[len(name)+1], b[len(name)+2] = '"', '"', ':'
	copy(b[1:], name)
}

// Key begins a member of any name, which is UTF-8.
func (w *Writer) Key(name []byte) {
	w.Text(name)
	w.Byte(':')
}

// Literal writes s, which is JSON already.
func (w *Writer) Literal(s string) {
	w.grow(len(s))
	w.Raw(s)
}

// Value writes a value as it came.
//
//go:noinline
func (w *Writer) Value(v Value) {
	w.grow(len(v))
	w.B = append(w.B, v...)
}

// Quoted writes a string whose inside is already written as JSON has it.
//
//go:noinline
func (w *Writer) Quoted(inside []byte) {
	w.grow(len(inside) + 2)
	end := len(w.B)
	w.B = w.B[:end+len(inside)+2]
	b := w.B[end:]
	b[0], b[len(inside)+1] = '"', '"'
	copy(b[1:], inside)
}

// Int writes a whole number.
func (w *Writer) Int(n int64) {
	w.grow(20)
	w.B = penstock.AppendWhole(w.B, n)
}

// Text writes s, which is UTF-8, as a string.
func (w *Writer) Text(s []byte) {
	w.grow(len(s) + 2)
	w.B = penstock.AppendText(w.B, s)
}

// MemberValue writes a member unless the value is absent or null.
func (w *Writer) MemberValue(name string, v Value) {
	if !v.Null() {
		w.Name(name)
		w.Value(v)
	}
}

// MemberLiteral writes a member whose value is JSON already.
func (w *Writer) MemberLiteral(name, json string) {
	w.Name(name)
	w.Literal(json)
}

// MemberInt writes a member that is a whole number.
func (w *Writer) MemberInt(name string, n int64) {
	w.Name(name)
	w.Int(n)
}

// MemberText writes a member that is a string, given as UTF-8.
func (w *Writer) MemberText(name string, s []byte) {
	w.Name(name)
	w.Text(s)
}
