package upstream

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
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

// forms adds a secret as it is and in the encodings of JSON, URLs and basic
// authentication.
func (s *secrets) forms(v string) {
	if len(v) <= noSecret {
		return
	}
	*s = append(*s, v)
	if len(v) < shortSecret {
		return
	}
	*s = append(*s, url.QueryEscape(v), url.PathEscape(v), base64.StdEncoding.EncodeToString([]byte(v)),
		base64.RawStdEncoding.EncodeToString([]byte(v)), base64.RawURLEncoding.EncodeToString([]byte(v)))
	quoted, _ := json.Marshal(v) // a string always encodes
	inner := string(quoted[1 : len(quoted)-1])
	*s = append(*s, inner, strings.ReplaceAll(inner, "/", `\/`))
}

// text strikes the secrets out of a text.
func (s secrets) text(in string) string {
	for _, secret := range s {
		if !strings.Contains(in, secret) {
			continue
		}
		if len(secret) < shortSecret {
			in = strikeWord(in, secret)
		} else {
			in = strings.ReplaceAll(in, secret, hidden)
		}
	}
	return in
}

// strikeWord strikes a secret out where it is no part of a longer word.
func strikeWord(in, secret string) string {
	var b strings.Builder
	for from := 0; ; {
		i := strings.Index(in[from:], secret)
		if i < 0 {
			b.WriteString(in[from:])
			return b.String()
		}
		at, end := from+i, from+i+len(secret)
		b.WriteString(in[from:at])
		if wordAt(in, at-1) || wordAt(in, end) {
			b.WriteString(secret)
		} else {
			b.WriteString(hidden)
		}
		from = end
	}
}

func wordAt(s string, i int) bool {
	if i < 0 || i >= len(s) {
		return false
	}
	c := s[i]
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

// body strikes the secrets out of a body, also where JSON's escapes hide them.
func (s secrets) body(in []byte) []byte {
	out := []byte(s.text(string(in)))
	if bytes.IndexByte(out, '\\') < 0 {
		return out
	}
	d := json.NewDecoder(bytes.NewReader(out))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return out
	}
	cleaned, found := s.value(v)
	if !found {
		return out
	}
	again, err := json.Marshal(cleaned)
	if err != nil { // what was decoded encodes
		return nil
	}
	return again
}

// value strikes the secrets out of all strings of a JSON value, names included.
func (s secrets) value(v any) (out any, found bool) {
	switch v := v.(type) {
	case string:
		clean := s.text(v)
		return clean, clean != v
	case []any:
		for i := range v {
			clean, hit := s.value(v[i])
			v[i], found = clean, found || hit
		}
		return v, found
	case map[string]any:
		for name, member := range v {
			clean, hit := s.value(member)
			delete(v, name)
			v[s.text(name)] = clean
			found = found || hit || s.text(name) != name
		}
		return v, found
	}
	return v, false
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
		clean.Body = c.secrets.body(e.Body)
	}
	if e.Err != nil {
		if text := e.Err.Error(); c.secrets.text(text) != text {
			clean.Err = errors.New(c.secrets.text(text))
		}
	}
	return &clean
}
