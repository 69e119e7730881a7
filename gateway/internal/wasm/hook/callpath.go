package hook

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// maxPathBytes bounds a call's path, and its query.
const maxPathBytes = 2 << 10

// checkPath returns a call's path as it goes into the URL. It comes written as there, so
// that an escape means what it means in a URL; what no path may hold, is refused however
// often it is escaped, since some servers undo that more than once.
func checkPath(path string) (string, error) {
	if !strings.HasPrefix(path, "/") || len(path) > maxPathBytes {
		return "", fmt.Errorf("the path %q does not begin with a slash, or is too long", Brief(path))
	}
	for plain, rounds := path, 0; ; rounds++ {
		if strings.HasPrefix(plain, "//") || strings.Contains(plain, "..") || strings.Contains(plain+"/", "/./") ||
			strings.Contains(plain, `\`) || hasControl(plain) {
			return "", fmt.Errorf("the path %q leads elsewhere", Brief(path))
		}
		next, err := url.PathUnescape(plain)
		if err != nil && rounds == 0 {
			return "", fmt.Errorf("the path %q has a %% that is not followed by two hexadecimal digits: write it as %%25", Brief(path))
		}
		if err != nil || next == plain {
			break
		}
		plain = next
	}
	if strings.ContainsAny(path, "?# ") {
		return "", fmt.Errorf("the path %q holds more than a path", Brief(path))
	}
	if path = escapeRest(path); len(path) > maxPathBytes {
		return "", fmt.Errorf("the path %q is too long once it is escaped", Brief(path))
	}
	return path, nil
}

// escapeRest escapes what may not stand in a URL's path as it is, and leaves escapes.
func escapeRest(path string) string {
	const kept = "-._~!$&'()*+,;=:@/%"
	var b strings.Builder
	for _, c := range []byte(path) {
		if isAlnum(c) || strings.IndexByte(kept, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// checkQuery refuses a query that is not written as in a URL, and what may be a
// credential in one: those are the host's to add.
func checkQuery(query string) error {
	if len(query) > maxPathBytes || strings.ContainsFunc(query, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '#' }) {
		return fmt.Errorf("the query %q is not one", Brief(query))
	}
	for part := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		name, _, _ := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			return fmt.Errorf("the query %q has a broken escape", Brief(query))
		}
		if isCredential(strings.ToLower(plain)) || strings.Contains(plain, "%") {
			return fmt.Errorf("the parameter %q of the query is the host's to set", Brief(plain))
		}
	}
	return nil
}

// credentials are parts of the names of headers and parameters that carry them.
var credentials = []string{"key", "token", "secret", "passw", "credential", "signature", "auth", "cookie", "session"}

// isCredential reports whether a header or parameter of this name, in lower case, carries
// a credential.
func isCredential(lower string) bool {
	if lower == "idempotency-key" {
		return false
	}
	return lower == "sig" || lower == "pwd" || slices.ContainsFunc(credentials, func(part string) bool { return strings.Contains(lower, part) })
}
