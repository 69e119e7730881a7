package framing

import (
	"bytes"
	"io"
)

// lineReader returns the lines of a stream as events without a name. A blank line is an
// event without data.
type lineReader struct{ input }

// Next implements Source.
func (l *lineReader) Next() (Event, error) {
	searched := 0
	for {
		rest := l.unread()
		if i := bytes.IndexByte(rest[searched:], '\n'); i >= 0 {
			return l.line(searched+i+1, false)
		}
		searched = len(rest)
		if l.more() {
			continue
		}
		if l.err == io.EOF && searched > 0 {
			return l.line(searched, true)
		}
		return Event{}, l.err
	}
}

// line hands out the next n bytes, a line with its end unless it is partial.
func (l *lineReader) line(n int, partial bool) (Event, error) {
	raw := l.buf[l.start : l.start+n : l.start+n]
	if n-1 > l.max {
		l.err = tooLong(l.max)
		return Event{}, l.err
	}
	l.start += n
	e := Event{Raw: raw, Partial: partial}
	if data := bytes.TrimSpace(raw); len(data) > 0 {
		e.Data = data
	}
	return e, nil
}

// Ready implements Source.
func (l *lineReader) Ready() bool { return l.err != nil || bytes.IndexByte(l.unread(), '\n') >= 0 }
