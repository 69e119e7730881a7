package media

import (
	"bytes"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// typeOf returns the media type of data, if that is of the kind. The first bytes decide; what
// the host declares counts for text only, which has no such bytes.
func typeOf(data []byte, declared string, kind llm.Features) (string, error) {
	media := sniff(data)
	if media == "" {
		media = textType(data, declared)
	}
	if isKind(media, kind) {
		return media, nil
	}
	if media == "" {
		media = "something else"
	}
	return "", refused("it is not %s but %s", nameOf(kind), media)
}

func isKind(media string, kind llm.Features) bool {
	switch kind {
	case llm.Vision:
		return strings.HasPrefix(media, "image/")
	case llm.AudioIn:
		return strings.HasPrefix(media, "audio/")
	}
	return media == "application/pdf" || strings.HasPrefix(media, "image/") || strings.HasPrefix(media, "text/") && media != "text/html" || media == "application/json"
}

func nameOf(kind llm.Features) string {
	switch kind {
	case llm.Vision:
		return "an image"
	case llm.AudioIn:
		return "a sound"
	}
	return "a PDF, a text or an image"
}

// signatures are the first bytes of formats that models take. A dot stands for any byte.
var signatures = []struct{ begins, media string }{
	{"\x89PNG\r\n\x1a\n", "image/png"},
	{"\xff\xd8\xff", "image/jpeg"},
	{"GIF87a", "image/gif"},
	{"GIF89a", "image/gif"},
	{"RIFF....WEBP", "image/webp"},
	{"....ftypavif", "image/avif"},
	{"....ftypheic", "image/heic"},
	{"....ftypheix", "image/heic"},
	{"....ftypmif1", "image/heif"},
	{"....ftypmsf1", "image/heif"},
	{"BM", "image/bmp"},
	{"%PDF-", "application/pdf"},
	{"RIFF....WAVE", "audio/wav"},
	{"ID3", "audio/mp3"},
	{"fLaC", "audio/flac"},
	{"OggS", "audio/ogg"},
	{"FORM....AIFF", "audio/aiff"},
	{"....ftypM4A ", "audio/m4a"},
}

// sniff returns the media type that data begins like; empty for none of those that models
// take.
func sniff(data []byte) string {
	for _, s := range signatures {
		if begins(data, s.begins) {
			return s.media
		}
	}
	return frames(data)
}

func begins(data []byte, pattern string) bool {
	if len(data) < len(pattern) {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] != '.' && pattern[i] != data[i] {
			return false
		}
	}
	return true
}

// frames tells MPEG audio, which begins with its first frame, by that frame's header: eleven
// bits of one, then version and layer.
func frames(data []byte) string {
	if len(data) < 4 || data[0] != 0xff || data[1]&0xe0 != 0xe0 {
		return ""
	}
	switch layer := data[1] >> 1 & 3; {
	case layer == 0 && data[1]&0xf0 == 0xf0: // ADTS
		return "audio/aac"
	case layer == 1 && data[2]>>4 != 0xf:
		return "audio/mp3"
	}
	return ""
}

// textType returns the type of a text that was declared as one; text/html for a web page,
// however it was declared, and empty for what is no text.
func textType(data []byte, declared string) string {
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		return ""
	}
	if strings.HasPrefix(http.DetectContentType(data), "text/html") {
		return "text/html"
	}
	media, _, err := mime.ParseMediaType(declared)
	if err != nil || !strings.HasPrefix(media, "text/") && media != "application/json" {
		return ""
	}
	return media
}
