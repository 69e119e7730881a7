package cases

import (
	"encoding/json"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

// output is a run's result for people: as it is, in JSON where the plugin's own form is
// binary, and for events a list as a case's expectation has it.
func (c *Case) output(r run) []byte {
	if c.Events != nil {
		return c.eventsJSON(r.outs)
	}
	if len(r.outs) == 0 {
		return nil
	}
	out, err := c.readable(r.outs[0])
	if err != nil { // judged already
		return r.outs[0]
	}
	return out
}

func (c *Case) eventsJSON(outs [][]byte) []byte {
	dst := []byte{'['}
	for _, out := range outs {
		dst = jsontext.AppendComma(dst)
		lines, opinion := linesOf(c.Hook, out)
		if !opinion {
			dst = append(dst, "null"...)
			continue
		}
		dst = append(dst, linesJSON(lines)...)
	}
	return append(dst, ']')
}

// linesJSON is a list of lines, those that are JSON as they stand.
func linesJSON(lines [][]byte) []byte {
	dst := []byte{'['}
	for _, line := range lines {
		dst = jsontext.AppendComma(dst)
		if json.Valid(line) {
			dst = append(dst, line...)
		} else {
			dst = jsontext.AppendQuote(dst, string(line))
		}
	}
	return append(dst, ']')
}
