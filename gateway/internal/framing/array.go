package framing

import "io"

// arrayReader returns the elements of one JSON array as events without a name. It only
// finds where an element ends: by its brackets, outside of strings.
type arrayReader struct {
	input
	// begun says that the opening bracket has been read, ended that the closing one has.
	begun, ended bool
}

// Next implements Source.
func (a *arrayReader) Next() (Event, error) {
	if a.ended {
		return Event{}, io.EOF
	}
	for {
		if err := a.skip(); err != nil || a.ended {
			return Event{}, orEOF(err)
		}
		n, whole := elementLen(a.unread())
		if whole {
			return a.element(n, false)
		}
		if a.more() {
			continue
		}
		if a.err == io.EOF && n > 0 {
			return a.element(n, true)
		}
		return Event{}, a.err
	}
}

func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// skip reads up to the next element, or to the end of the array.
func (a *arrayReader) skip() error {
	for {
		for a.start < a.end {
			switch c := a.buf[a.start]; {
			case c == ' ' || c == '\t' || c == '\r' || c == '\n' || a.begun && c == ',':
			case !a.begun && c == '[':
				a.begun = true
			case !a.begun:
				a.err = errNotArray
				return a.err
			case c == ']':
				a.ended = true
				a.start++
				return nil
			default:
				return nil
			}
			a.start++
		}
		if !a.more() {
			return a.cut()
		}
	}
}

// cut is the error of a stream that ends before its array does.
func (a *arrayReader) cut() error {
	if a.err == io.EOF && a.begun {
		return io.ErrUnexpectedEOF
	}
	return a.err
}

// element hands out the next n bytes.
func (a *arrayReader) element(n int, partial bool) (Event, error) {
	if n > a.max {
		a.err = tooLong(a.max)
		return Event{}, a.err
	}
	raw := a.buf[a.start : a.start+n : a.start+n]
	a.start += n
	return Event{Raw: raw, Data: raw, Partial: partial}, nil
}

// Ready implements Source.
func (a *arrayReader) Ready() bool {
	if a.err != nil || a.ended {
		return true
	}
	rest := a.unread()
	for i, c := range rest {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != ',' {
			_, whole := elementLen(rest[i:])
			return whole
		}
	}
	return false
}

// elementLen is the length of the element that b begins with, and whether b holds all of
// it. A number or word is whole once something follows it.
func elementLen(b []byte) (n int, whole bool) {
	depth, text := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == ']' || c == '}'):
			return i, true
		case c == '}' || c == ']':
			depth--
		}
		if depth == 0 && !text && (b[i] == '}' || b[i] == ']' || b[i] == '"') && i < len(b) {
			return i + 1, true
		}
	}
	return len(b), false
}
