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
	// shortSecret is the length in bytes below which a secret is redacted only where it
	// stands as a word of its own: it may be part of ordinary words.
	shortSecret = 8
	// noSecret is the length up to which a value is not taken for a secret.
	noSecret = 2
)

// secrets are a provider's credentials in every form in which a text may show them.
type secrets []string

// newSecrets collects the values of all headers and the credentials of the proxy.
func newSecrets(header http.Header, proxy *url.URL) secrets {
	var s secrets
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
	return s
}

// allSecrets returns the client's secrets and those that its signers have now.
func (c *Client) allSecrets() secrets {
	signers := []Signer{c.o.Signer}
	for _, credential := range c.o.Credentials {
		signers = append(signers, credential.Signer)
	}
	all := slices.Clone(c.secrets)
	for _, s := range signers {
		if s == nil {
			continue
		}
		for _, v := range s.Secrets() {
			all.add(v)
		}
	}
	return all
}

// add adds a secret, and what follows a scheme in it: "Bearer SECRET".
func (s *secrets) add(v string) {
	s.addForms(v)
	scheme, rest, ok := strings.Cut(v, " ")
	if !ok {
		return
	}
	s.addForms(strings.TrimSpace(rest))
	if pair, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest)); err == nil && strings.EqualFold(scheme, "basic") {
		_, password, _ := strings.Cut(string(pair), ":")
		s.addForms(string(pair))
		s.addForms(password)
	}
}

// addForms adds a secret as it is and in the encodings that replace all of its
// characters. Escapes need no forms: they are undone when a text is read.
func (s *secrets) addForms(v string) {
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
		inner := base64Within(v, before)
		*s = append(*s, inner, strings.NewReplacer("+", "-", "/", "_").Replace(inner))
	}
}

// base64Within returns the base64 of a secret that follows so many other bytes, modulo 3,
// without the characters at its ends that depend on its neighbours.
func base64Within(v string, before int) string {
	encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), v...))
	if (before+len(v))%3 != 0 {
		encoded = encoded[:len(encoded)-1]
	}
	return encoded[(before*8+5)/6:]
}

// redact replaces the secrets in a text, also where they are written with the escapes of
// JSON, URLs or HTML. JSON stays valid: an escape is replaced as a whole.
func (s secrets) redact(in string) string {
	var found []span
	for r, more := (reading{text: in}), true; more; r, more = r.unescape() {
		found = s.find(found, &r)
	}
	return replaceSpans(in, found)
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

// replaceSpans replaces parts of a text, parts that overlap by one mark.
func replaceSpans(in string, parts []span) string {
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

// maxErrorBody bounds how much of an error reply is read, and how much is passed on, in
// bytes.
const maxErrorBody = 64 << 10

// Redact returns a copy of an error without the provider's secrets: those of the signer,
// the values of all headers and the proxy's credentials, in any common encoding. A body
// above 64 KiB is dropped.
func (c *Client) Redact(e *llm.Error) *llm.Error {
	s := c.allSecrets()
	clean := *e
	clean.Message, clean.Param = s.redact(e.Message), s.redact(e.Param)
	clean.Type, clean.Code = s.redact(e.Type), llm.Code(s.redact(string(e.Code)))
	switch {
	case len(e.Body) > maxErrorBody:
		clean.Body = nil // the body is rendered from the message instead
	case e.Body != nil:
		clean.Body = []byte(s.redact(string(e.Body)))
	}
	if e.Err != nil {
		if text := e.Err.Error(); s.redact(text) != text {
			clean.Err = errors.New(s.redact(text))
		}
	}
	return &clean
}
