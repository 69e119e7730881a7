package main

import (
	"bytes"

	penstock "github.com/penstock/penstock/sdk/go"
)

// redactor holds what the hooks reuse from call to call.
type redactor struct {
	// text is a content as it came, clean without addresses.
	text, clean []byte
	// lines and state are an event's output before it is framed; kept is where texts that
	// are to wait stand.
	lines, state, kept []byte
	held               []held
}

// normaliseResponse is the hook for plain replies.
func (r *redactor) normaliseResponse(out, in []byte) ([]byte, error) {
	body := penstock.JSON(in).Member("body")
	copied := 0
	for choice := range body.Member("choices").Items {
		content := choice.Member("message", "content")
		r.text, _ = content.Text(r.text[:0])
		r.clean = appendRedacted(r.clean[:0], r.text)
		if bytes.Equal(r.text, r.clean) {
			continue
		}
		at := body.Offset(content)
		out = penstock.AppendText(append(out, body[copied:at]...), r.clean)
		copied = at + len(content)
	}
	if copied == 0 {
		return nil, nil
	}
	return append(out, body[copied:]...), nil
}
