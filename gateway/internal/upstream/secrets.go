package upstream

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

const (
	// shortSecret is the length in bytes below which a secret is struck out only where it
	// stands as a word of its own: it may be part of ordinary words.
	shortSecret = 8
	// noSecret is the length up to which a value keeps nothing secret.
	noSecret = 2
)

// secrets are a provider's credentials in every form in which a text may show them,
// the longest first.
type secrets []string

// newSecrets collects the key, the values of all headers and what the proxy wants.
func newSecrets(key Key, header http.Header, proxy *url.URL) secrets {
	var s secrets
	s.add(string(key))
	for _, values := range header {
		for _, v := range values {
			s.add(v)
		}
	}
	if proxy != nil && proxy.User != nil {
		password, _ := proxy.User.Password()
		s.add(password)
		s.add(proxy.User.Username() + ":" + password)
		s.add(proxy.User.String())
	}
	slices.SortFunc(s, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(s)
}

// add takes a secret in, and what stands behind a scheme in it: "Bearer SECRET".
func (s *secrets) add(v string) {
	s.forms(v)
	scheme, rest, ok := strings.Cut(v, " ")
	if !ok {
		return
	}
	s.forms(strings.TrimSpace(rest))
	if pair, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest)); err == nil && strings.EqualFold(scheme, "basic") {
		_, password, _ := strings.Cut(string(pair), ":")
		s.forms(string(pair))
		s.forms(password)
	}
}

// forms adds a secret as it is and as the encodings show it that leave none of its
// letters standing. Escapes are undone when a text is read.
func (s *secrets) forms(v string) {
	if len(v) <= noSecret {
		return
	}
	*s = append(*s, v)
	if len(v) < shortSecret {
		return
	}
	digits := hex.EncodeToString([]byte(v))
	*s = append(*s, url.QueryEscape(v), digits, strings.ToUpper(digits), base64.StdEncoding.EncodeToString([]byte(v)))
	for before := range 3 {
		inner := withinBase64(v, before)
		*s = append(*s, inner, strings.NewReplacer("+", "-", "/", "_").Replace(inner))
	}
}

// withinBase64 is what base64 makes of a secret behind so many other bytes, modulo 3,
// without the letters at its ends that hold bits of what stands around it.
func withinBase64(v string, before int) string {
	encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), v...))
	if (before+len(v))%3 != 0 {
		encoded = encoded[:len(encoded)-1]
	}
	return encoded[(before*8+5)/6:]
}

// text strikes the secrets out of a text, also where the escapes of JSON, URLs or HTML
// hide them. JSON stays JSON: an escape goes as a whole.
func (s secrets) text(in string) string {
	var found []span
	for r, more := (reading{text: in}), true; more; r, more = r.unescape() {
		found = s.find(found, &r)
	}
	return strike(in, found)
}

// find adds where the secrets stand in a text.
func (s secrets) find(found []span, r *reading) []span {
	for _, secret := range s {
		for from := 0; ; {
			i := strings.Index(r.text[from:], secret)
			if i < 0 {
				break
			}
			at, end := from+i, from+i+len(secret)
			if from = end; len(secret) >= shortSecret || !wordAt(r.text, at-1) && !wordAt(r.text, end) {
				found = append(found, r.origin(at, end))
			}
		}
	}
	return found
}

func wordAt(s string, i int) bool {
	if i < 0 || i >= len(s) {
		return false
	}
	c := s[i]
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

// strike replaces parts of a text, those that overlap by one mark.
func strike(in string, parts []span) string {
	if len(parts) == 0 {
		return in
	}
	slices.SortFunc(parts, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var b strings.Builder
	done := 0
	for _, p := range parts {
		if p.from >= done {
			b.WriteString(in[done:p.from])
			b.WriteString(hidden)
		}
		done = max(done, p.to)
	}
	b.WriteString(in[done:])
	return b.String()
}

// maxErrorBody is how much of an error reply is read, and passed on of an error, in
// bytes.
const maxErrorBody = 64 << 10

// Redact strikes every secret of the provider out of an error that may show what the
// provider said: the key, the values of all headers and the proxy's credentials, in any
// encoding that is common. It returns e itself if there is none.
func (c *Client) Redact(e *llm.Error) *llm.Error {
	clean := *e
	clean.Message, clean.Param = c.secrets.text(e.Message), c.secrets.text(e.Param)
	clean.Type, clean.Code = c.secrets.text(e.Type), llm.Code(c.secrets.text(string(e.Code)))
	switch {
	case len(e.Body) > maxErrorBody:
		clean.Body = nil // who shows it makes one of the message
	case e.Body != nil:
		clean.Body = []byte(c.secrets.text(string(e.Body)))
	}
	if e.Err != nil {
		if text := e.Err.Error(); c.secrets.text(text) != text {
			clean.Err = errors.New(c.secrets.text(text))
		}
	}
	return &clean
}
