package intake

import (
	"bytes"
	"strings"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

// carried reads what a content part carries: the medium itself, or where it lies. It is
// read by its members, since a text that looks like a data URL, or a name in escapes, may
// stand anywhere.
func (s *scanner) carried(p *partInfo) bool {
	switch s.Peek() {
	case '"':
		return s.mediumText(p)
	case '{':
	default:
		return s.value()
	}
	m, ok := s.open(medium)
	for ok && s.next(&m) {
		switch {
		case m.field == unknown:
			p.elsewhere = p.elsewhere || pointing(m.name)
			ok = s.value()
		case s.Peek() != '"':
			ok = s.value()
		case m.field == fFileID:
			p.byID = true
			ok = s.value()
		default:
			ok = s.mediumText(p)
		}
	}
	return s.OK()
}

// mediumText reads the text that is a medium: a data URL, base64 or an address.
func (s *scanner) mediumText(p *partInfo) bool {
	t, ok := s.text()
	if ok && addressed(t.Raw) {
		p.elsewhere = true
	} else {
		p.inline = ok
	}
	return ok
}

// addressed reports whether a medium's text is an address and not the medium: base64 has
// no colon, and a data URL starts as one without any escape.
func addressed(raw []byte) bool {
	const scheme = "data:"
	if len(raw) >= len(scheme) && bytes.EqualFold(raw[:len(scheme)], []byte(scheme)) {
		return false
	}
	return bytes.IndexByte(raw, ':') >= 0 || bytes.Contains(raw, []byte(`\u003a`)) || bytes.Contains(raw, []byte(`\u003A`))
}

// pointing reports whether a member that nobody here knows seems to name a medium that
// lies elsewhere, such as file_url, gcs_uri or attachment_id.
func pointing(name jsontext.Text) bool {
	low := strings.ToLower(name.String())
	return strings.Contains(low, "url") || strings.Contains(low, "uri") || low == "id" || strings.HasSuffix(low, "_id")
}
