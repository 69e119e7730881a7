package wire

import (
	"fmt"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// remoteMedium is a medium that a part of a canonical request names by URL.
type remoteMedium struct {
	kind llm.Features
	// path names it in errors, such as messages[0].content[1].image_url.
	path, url string
	form      mediumForm
	// at is what its data is to replace: the URL with its quotes, a sound's object, or a whole
	// member, its name included.
	at llm.Span
	// typeAt is the part's type, which has to change with some forms; name is a file's name as
	// JSON, nil without one.
	typeAt llm.Span
	name   []byte
}

// mediumForm is how a medium's data is written.
type mediumForm uint8

const (
	asURL       mediumForm = iota // in place of its URL
	asFileData                    // as the member file_data
	asFile                        // as the member file, in a part that becomes a file
	asAudio                       // as the value of input_audio
	asAudioPart                   // as the member input_audio, in a part that becomes a sound
)

// mediaOf returns the media of a canonical request that are named by URL, in order. The error
// is the caller's: the data of a data: URL is not base64.
func mediaOf(body []byte) ([]remoteMedium, error) {
	var all []remoteMedium
	var err error
	eachPart(body, func(path string, part []span) {
		m, found, wrong := mediumOf(body, path, part)
		if found {
			all = append(all, m)
		}
		if err == nil {
			err = wrong
		}
	})
	return all, err
}

// eachPart calls f with the members of every content part of a request's messages.
func eachPart(body []byte, f func(path string, part []span)) {
	messages, ok := memberOf(membersOf(body, 0), "messages")
	if !ok {
		return
	}
	eachElement(body, messages, func(i, at int) {
		content, ok := memberOf(membersOf(body, at), "content")
		if !ok {
			return
		}
		eachElement(body, content, func(k, at int) {
			f(fmt.Sprintf("messages[%d].content[%d]", i, k), membersOf(body, at))
		})
	})
}

// mediumOf returns the medium of a part. Its spellings are those that the dialects read.
func mediumOf(body []byte, path string, part []span) (m remoteMedium, found bool, err error) {
	kind, ok := memberOf(part, "type")
	if !ok {
		return m, false, nil
	}
	m.typeAt = llm.Span{Start: kind.value, End: kind.end}
	switch name, _ := jsontext.Unquote(body[kind.value:kind.end]); name {
	case "image_url", "input_image":
		m.kind, m.path, m.form = llm.Vision, path+".image_url", asURL
		found, err = m.image(body, part)
	case "file":
		m.kind, m.path, m.form = llm.FileIn, path+".file", asFileData
		if file, ok := memberOf(part, "file"); ok {
			found, err = m.file(body, membersOf(body, file.value))
		}
	case "input_file", "document_url", "file_url":
		m.kind, m.path, m.form = llm.FileIn, path+"."+name, asFile
		found, err = m.file(body, part)
	case "input_audio":
		m.kind, m.path, m.form = llm.AudioIn, path+".input_audio", asAudio
		found, err = m.sound(body, part, name)
	case "audio_url":
		m.kind, m.path, m.form = llm.AudioIn, path+".audio_url", asAudioPart
		found, err = m.sound(body, part, name)
	}
	return m, found, err
}

// image reads an image: a URL, or an object with one.
func (m *remoteMedium) image(body []byte, part []span) (bool, error) {
	v, ok := memberOf(part, "image_url")
	if !ok {
		return false, nil
	}
	if inner, is := memberOf(membersOf(body, v.value), "url"); is {
		v = inner
	}
	m.at = llm.Span{Start: v.value, End: v.end}
	return m.text(body, v)
}

// file reads a file among the members of its object, or of its part. One that its provider
// keeps has an id.
func (m *remoteMedium) file(body []byte, members []span) (bool, error) {
	if id, ok := memberOf(members, "file_id"); ok && id.end-id.value > len(`""`) && body[id.value] == '"' {
		return false, nil
	}
	if name, ok := memberOf(members, "filename"); ok && body[name.value] == '"' {
		m.name = body[name.value:name.end]
	}
	for _, name := range [...]string{"file_data", "file_url", "document_url"} {
		v, ok := memberOf(members, name)
		if !ok {
			continue
		}
		m.at = llm.Span{Start: v.start, End: v.end}
		if inner, is := memberOf(membersOf(body, v.value), "url"); is {
			return m.text(body, inner)
		}
		if body[v.value] == '"' && v.end-v.value > len(`""`) {
			return m.text(body, v)
		}
	}
	return false, nil
}

// sound reads a sound: an object with its data or its URL, or the URL alone.
func (m *remoteMedium) sound(body []byte, part []span, name string) (bool, error) {
	v, ok := memberOf(part, name)
	if !ok {
		return false, nil
	}
	m.at = llm.Span{Start: v.value, End: v.end}
	if m.form == asAudioPart {
		m.at.Start = v.start
	}
	for _, inner := range membersOf(body, v.value) {
		if inner.name == "data" || inner.name == "url" {
			return m.text(body, inner)
		}
	}
	return m.text(body, v)
}

// maxURLText bounds the JSON of a string that is read as a URL, in bytes. Longer ones are data.
const maxURLText = 64 << 10

// text reads the string that is a member's value: it reports true for a URL, and returns an
// error for a data: URL whose data is not base64.
func (m *remoteMedium) text(body []byte, v span) (bool, error) {
	raw := body[v.value:v.end]
	if len(raw) < 2 || raw[0] != '"' {
		return false, nil
	}
	if why := wrongData(raw); why != "" {
		return false, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: m.path, Fault: llm.FaultBadRequest,
			Message: m.path + ": " + why + "."}
	}
	if len(raw) > maxURLText {
		return false, nil
	}
	m.url, _ = jsontext.Unquote(raw)
	return isWebURL(m.url), nil
}
