package framing

import "bytes"

// fields are the fields of the current frame, as offsets from its start, so that they stay
// valid when the buffer moves.
type fields struct {
	name, id, data span
	lines          int
}

type span struct{ start, end int }

// scan consumes one line of the buffer. done reports whether it was the blank line that
// ends the frame, ok whether the buffer had a whole line.
func (r *Reader) scan() (done, ok bool) {
	if !r.prefix() {
		return false, false
	}
	stop, next, ok := r.terminator()
	if !ok {
		return false, false
	}
	line := r.buf[r.line:stop]
	r.loneCR = next == stop+1 && r.buf[stop] == '\r'
	if len(line) > 0 {
		r.field(line)
	}
	r.line, r.seen = next, next
	// If a carriage return ended the frame, the line feed that belongs to it may follow.
	r.skipLF = len(line) == 0 && r.loneCR
	return len(line) == 0, true
}

// prefix skips bytes that belong to no line: a byte order mark at the start of the stream,
// and the line feed after a carriage return that ended the previous frame. It returns false
// when it needs more input.
func (r *Reader) prefix() bool {
	if r.started && !r.skipLF {
		return true
	}
	rest := r.buf[r.line:r.end]
	if len(rest) == 0 {
		return false
	}
	if r.skipLF {
		r.skipLF = false
		if rest[0] == '\n' {
			r.line++
			r.seen = r.line
		}
		return true
	}
	const bom = "\xef\xbb\xbf"
	if len(rest) < len(bom) && string(rest) == bom[:len(rest)] && r.err == nil {
		return false
	}
	r.started = true
	if bytes.HasPrefix(rest, []byte(bom)) {
		r.line += len(bom)
		r.seen = r.line
	}
	return true
}

// terminator finds the end of the current line: buf[stop:next] is "\n", "\r\n" or "\r". It
// returns false when it needs more input.
func (r *Reader) terminator() (stop, next int, ok bool) {
	rest := r.buf[r.seen:r.end]
	n := bytes.IndexByte(rest, '\n')
	if n >= 0 {
		rest = rest[:n]
	}
	c := bytes.IndexByte(rest, '\r')
	switch {
	case c < 0 && n < 0:
		r.seen = r.end
		return 0, 0, false
	case c < 0:
		return r.seen + n, r.seen + n + 1, true
	case n == c+1:
		stop = r.seen + c
		if stop == r.line && r.loneCR {
			return stop, stop + 1, true // as below, regardless of how the input was split
		}
		return stop, stop + 2, true
	}
	stop = r.seen + c
	if stop+1 < r.end || stop == r.line && r.loneCR {
		// Where lines end in "\r" only, a blank line is complete at its "\r".
		return stop, stop + 1, true
	}
	r.seen = stop
	return 0, 0, false
}

// field parses one line that is not blank.
func (r *Reader) field(line []byte) {
	name, value := line, line[len(line):]
	if len(line) > 5 && string(line[:5]) == "data:" {
		name, value = line[:4], line[5:]
	} else if i := bytes.IndexByte(line, ':'); i >= 0 {
		name, value = line[:i], line[i+1:]
	}
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	switch string(name) {
	case "data":
		r.data(value)
	case "event":
		r.f.name = r.span(value)
	case "id":
		r.f.id = r.span(value)
	}
}

// span returns the offsets of a part of the buffer. Since a field's name precedes its
// value, no span starts at zero.
func (r *Reader) span(value []byte) span {
	start := cap(r.buf) - cap(value) - r.frame
	return span{start, start + len(value)}
}

// data adds one line of data. Only a second line needs a copy.
func (r *Reader) data(value []byte) {
	r.f.lines++
	if r.f.lines == 1 {
		r.f.data = r.span(value)
		return
	}
	if r.f.lines == 2 {
		r.joined = append(r.joined[:0], r.at(r.f.data)...)
	}
	r.joined = append(r.joined, '\n')
	r.joined = append(r.joined, value...)
}

func (r *Reader) at(s span) []byte {
	if s.start == 0 {
		return nil
	}
	return r.buf[r.frame+s.start : r.frame+s.end : r.frame+s.end]
}
