package canonical

import (
	"bytes"
	"encoding/base64"
)

// DataURL reads a base64 data: URL. Its scheme, type and encoding may be in any case; the
// type is returned in lower case, without parameters.
func DataURL(url []byte) (media, data []byte, ok bool) {
	rest, ok := cutScheme(url, "data:")
	if !ok {
		return nil, nil, false
	}
	head, data, ok := bytes.Cut(rest, []byte(","))
	head = bytes.ToLower(head)
	media, isBase64 := bytes.CutSuffix(head, []byte(";base64"))
	if !ok || !isBase64 {
		return nil, nil, false
	}
	media, _, _ = bytes.Cut(media, []byte(";"))
	return bytes.TrimSpace(media), data, true
}

// HTTPSURL returns an https URL with its scheme in lower case, nil for anything else.
func HTTPSURL(url []byte) []byte {
	rest, ok := cutScheme(url, "https://")
	if !ok || len(rest) == 0 {
		return nil
	}
	return append([]byte("https://"), rest...)
}

// WebURL returns an http or https URL as it is, nil for anything else.
func WebURL(url []byte) []byte {
	for _, scheme := range [...]string{"https://", "http://"} {
		if rest, ok := cutScheme(url, scheme); ok && len(rest) > 0 {
			return url
		}
	}
	return nil
}

// cutScheme cuts off a prefix in any case; scheme is in lower case.
func cutScheme(url []byte, scheme string) ([]byte, bool) {
	if len(url) < len(scheme) || !bytes.EqualFold(url[:len(scheme)], []byte(scheme)) {
		return nil, false
	}
	return url[len(scheme):], true
}

// ImageType returns the type of an image that models take, PNG, JPEG, GIF or WebP, and nil
// for any other. It looks at the base64 data, because providers refuse an image that is
// declared as another type. Where the data is of no known type, the declared one counts.
func ImageType(media, data []byte) []byte {
	switch string(media) {
	case "", "application/octet-stream", "image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp":
	default:
		return nil
	}
	for _, known := range [...]struct{ begins, media string }{ // base64 of the formats' first bytes
		{"iVBORw0KGgo", "image/png"}, {"/9j/", "image/jpeg"}, {"R0lGOD", "image/gif"}, {"UklGR", "image/webp"},
	} {
		if bytes.HasPrefix(data, []byte(known.begins)) {
			return []byte(known.media)
		}
	}
	switch string(media) {
	case "", "application/octet-stream":
		return nil
	case "image/jpg": // a common misnomer
		return []byte("image/jpeg")
	}
	return media
}

// IsTextType reports whether files of a type are text that a model can read as it is.
func IsTextType(media []byte) bool {
	switch string(media) {
	case "application/json", "application/xml", "application/yaml", "application/x-yaml", "application/javascript",
		"application/x-javascript", "application/csv", "application/sql", "application/toml":
		return true
	}
	return bytes.HasPrefix(media, []byte("text/")) || bytes.HasSuffix(media, []byte("+json")) ||
		bytes.HasSuffix(media, []byte("+xml")) && !bytes.HasPrefix(media, []byte("image/"))
}

// TextFile decodes a text file. Bytes that are not UTF-8 become U+FFFD. It returns why it
// can't, and the memory for the next call.
func TextFile(scratch, data []byte) (text, memory []byte, why string) {
	encoding := base64.StdEncoding
	if !bytes.HasSuffix(data, []byte("=")) {
		encoding = base64.RawStdEncoding
	}
	memory, err := encoding.AppendDecode(scratch[:0], data)
	if err != nil {
		return nil, memory, "the file's data is not base64"
	}
	if text = bytes.TrimPrefix(memory, []byte("\xef\xbb\xbf")); len(text) == 0 {
		return nil, memory, "the file is empty"
	}
	return bytes.ToValidUTF8(text, []byte("\ufffd")), memory, ""
}

// IsBase64 reports whether s has the characters of base64 only.
func IsBase64(s []byte) bool {
	for _, c := range s {
		alnum := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !alnum && c != '+' && c != '/' && c != '=' {
			return false
		}
	}
	return true
}
