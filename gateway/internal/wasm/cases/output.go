package cases

import (
	"encoding/json"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

// output returns a run's result for display: as it is, or in JSON if the plugin's form is
// binary; for events a list in the form of a case's expectation.
func (c *Case) output(r run) []byte {
	if c.Events != nil {
		return c.eventsJSON(r.outs)
	}
	if len(r.outs) == 0 {
		return nil
	}
	out, err := c.readable(r.outs[0])
	if err != nil { // check has reported it
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

// linesJSON returns a JSON list of lines; those that are JSON are not quoted.
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
