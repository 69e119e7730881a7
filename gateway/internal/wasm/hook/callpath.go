package hook

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// maxPathBytes bounds a call's path, and its query, in bytes.
const maxPathBytes = 2 << 10

// checkPath returns a call's path as it goes into the URL. The path is written as in a URL,
// escapes included. What a path may not hold is refused however often it is escaped, since
// some servers unescape more than once.
func checkPath(path string) (string, error) {
	if !strings.HasPrefix(path, "/") || len(path) > maxPathBytes {
		return "", fmt.Errorf("the path %q does not begin with a slash, or is too long", Brief(path))
	}
	for plain, rounds := path, 0; ; rounds++ {
		if strings.HasPrefix(plain, "//") || strings.Contains(plain, "..") || strings.Contains(plain+"/", "/./") ||
			strings.Contains(plain, `\`) || hasControl(plain) {
			return "", fmt.Errorf("the path %q must not hold .., //, a backslash or a control character", Brief(path))
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
		return "", fmt.Errorf("the path %q must not hold ?, # or a space", Brief(path))
	}
	if path = escapePath(path); len(path) > maxPathBytes {
		return "", fmt.Errorf("the path %q is too long once it is escaped", Brief(path))
	}
	return path, nil
}

// escapePath escapes what must be escaped in a URL's path, and leaves escapes.
func escapePath(path string) string {
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

// checkQuery refuses a query that is not written as in a URL, and parameters that may be
// credentials, which the host adds.
func checkQuery(query string) error {
	if len(query) > maxPathBytes || strings.ContainsFunc(query, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '#' }) {
		return fmt.Errorf("invalid query %q", Brief(query))
	}
	for part := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		name, _, _ := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			return fmt.Errorf("the query %q has an invalid escape", Brief(query))
		}
		if isCredential(strings.ToLower(plain)) || strings.Contains(plain, "%") {
			return fmt.Errorf("the parameter %q of the query is set by the gateway", Brief(plain))
		}
	}
	return nil
}

// credentials are parts of the names of headers and parameters that carry credentials.
var credentials = []string{"key", "token", "secret", "passw", "credential", "signature", "auth", "cookie", "session"}

// isCredential reports whether a header or parameter of this name, in lower case, carries
// a credential.
func isCredential(lower string) bool {
	if lower == "idempotency-key" {
		return false
	}
	return lower == "sig" || lower == "pwd" || slices.ContainsFunc(credentials, func(part string) bool { return strings.Contains(lower, part) })
}
