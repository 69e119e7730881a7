package gemini

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// clientPart is a part of a client's content with its members; nil when absent. It has one of
// those up to toolResponse.
type clientPart struct {
	text, inline, file, call, result canonical.Value
	code, codeResult                 canonical.Value
	toolCall, toolResponse           canonical.Value
	thought, signature               canonical.Value
}

// field returns where a member belongs, nil when it has no field.
func (p *clientPart) field(name string) *canonical.Value {
	switch name {
	case "text":
		return &p.text
	case "inlineData":
		return &p.inline
	case "fileData":
		return &p.file
	case "functionCall":
		return &p.call
	case "functionResponse":
		return &p.result
	case "executableCode":
		return &p.code
	case "codeExecutionResult":
		return &p.codeResult
	case "toolCall":
		return &p.toolCall
	case "toolResponse":
		return &p.toolResponse
	case "thought":
		return &p.thought
	case "thoughtSignature":
		return &p.signature
	}
	return nil
}

// kind is the name of the member that says what the part is.
func (p *clientPart) kind() string {
	switch {
	case !p.call.Null():
		return "functionCall"
	case !p.result.Null():
		return "functionResponse"
	case !p.code.Null():
		return "executableCode"
	case !p.codeResult.Null():
		return "codeExecutionResult"
	case !p.toolCall.Null():
		return "toolCall"
	case !p.toolResponse.Null():
		return "toolResponse"
	case !p.inline.Null():
		return "inlineData"
	case !p.file.Null():
		return "fileData"
	}
	return "text"
}

// partPath names the part that is being read, or a member of it.
func (a *accepted) partPath(member string) string {
	path := canonical.At(canonical.At("contents", a.content)+".parts", a.part)
	if member != "" {
		path += "." + member
	}
	return path
}

// readClientPart reads a part and checks what it is.
func (a *accepted) readClientPart(v canonical.Value) (p clientPart, err error) {
	if v.Kind() != '{' {
		return p, canonical.Reject(a.partPath(""), "must be an object")
	}
	for key, member := range v.Members {
		name := string(camel(key))
		switch field := p.field(name); {
		case member.Null():
		case field != nil:
			*field = member
		case name == "videoMetadata" || name == "mediaResolution" || name == "partMetadata":
			a.lose(a.partPath(name), member)
		default:
			return p, canonical.Reject(a.partPath(name), "is not a member of a part that this gateway knows")
		}
	}
	return p, a.checkPart(&p)
}

// checkPart wants a part to be one thing, and its members to have their types.
func (a *accepted) checkPart(p *clientPart) error {
	n := 0
	for _, v := range [...]canonical.Value{p.text, p.inline, p.file, p.call, p.result, p.code, p.codeResult, p.toolCall, p.toolResponse} {
		if !v.Null() {
			n++
		}
	}
	switch {
	case n > 1:
		return canonical.Reject(a.partPath(""), "must have one of text, inlineData, fileData, functionCall and functionResponse, not several")
	case !p.text.Null() && p.text.Kind() != '"':
		return canonical.Reject(a.partPath("text"), "must be a string")
	case !p.thought.Null() && p.thought.Kind() != 't' && p.thought.Kind() != 'f':
		return canonical.Reject(a.partPath("thought"), "must be true or false")
	case !p.signature.Null() && p.signature.Kind() != '"':
		return canonical.Reject(a.partPath("thoughtSignature"), "must be a string")
	case n == 0 && p.signature.Null() && p.thought.Null():
		return canonical.Reject(a.partPath(""), "must have a text, inlineData, fileData, functionCall or functionResponse")
	case n == 0:
		p.text = canonical.Value(`""`)
	case p.text.Null() && p.member().Kind() != '{':
		return canonical.Reject(a.partPath(p.kind()), "must be an object")
	}
	return nil
}

// member is the value of the member that says what the part is, if it is no text.
func (p *clientPart) member() canonical.Value {
	for _, v := range [...]canonical.Value{p.inline, p.file, p.call, p.result, p.code, p.codeResult, p.toolCall} {
		if !v.Null() {
			return v
		}
	}
	return p.toolResponse
}

// clientMedium is inlineData or fileData with its members; nil when absent.
type clientMedium struct{ media, data, uri, name canonical.Value }

func readClientMedium(v canonical.Value) (m clientMedium) {
	for key, member := range v.Members {
		switch string(camel(key)) {
		case "mimeType":
			m.media = member
		case "data":
			m.data = member
		case "fileUri":
			m.uri = member
		case "displayName":
			m.name = member
		}
	}
	return m
}

// writeClientMedium writes an image, a sound, a video or a file, which at names.
func (a *accepted) writeClientMedium(w *canonical.Writer, p *clientPart, at string) error {
	inline := !p.inline.Null()
	m := readClientMedium(canonical.Or(p.inline, p.file))
	at += map[bool]string{true: ".inlineData", false: ".fileData"}[inline]
	media := bytes.ToLower(canonical.Text(m.media))
	kind, sub, _ := bytes.Cut(media, []byte("/"))
	switch {
	case !m.media.Null() && m.media.Kind() != '"', inline && len(kind) == 0:
		return canonical.Reject(at+".mimeType", "must name the type of the data, such as image/png")
	case inline && len(canonical.Inside(m.data)) == 0:
		return canonical.Reject(at+".data", "must be a string in base64")
	case inline && !isAnyBase64(canonical.Text(m.data)):
		return canonical.Reject(at+".data", "is not base64")
	case !inline && len(canonical.Inside(m.uri)) == 0:
		return canonical.Reject(at+".fileUri", "must be a string that is not empty")
	}
	switch string(kind) {
	case "image":
		w.Literal(`{"type":"image_url","image_url":{"url":`)
	case "video":
		w.Literal(`{"type":"video_url","video_url":{"url":`)
	case "audio":
		w.Literal(`{"type":"input_audio","input_audio":{"format":`)
		w.Text(audioFormat(sub))
		w.Name("data")
		if inline {
			w.Byte('"')
			w.B = append(appendBase64(w.B, canonical.Text(m.data)), '"')
		} else {
			w.Value(m.uri)
		}
		w.Raw("}}")
		return nil
	default:
		w.Literal(`{"type":"file","file":{`)
		w.MemberValue("filename", m.name)
		w.Name(map[bool]string{true: "file_data", false: "file_url"}[inline])
	}
	if inline {
		w.Raw(`"data:`)
		text := canonical.Writer{}
		text.Text(media)
		w.B = append(w.B, canonical.Inside(text.B)...)
		w.Raw(";base64,")
		w.B = append(appendBase64(w.B, canonical.Text(m.data)), '"')
	} else {
		w.Value(m.uri)
	}
	w.Raw("}}")
	return nil
}

// audioFormat is OpenAI's word for a type of sound.
func audioFormat(sub []byte) []byte {
	sub, _, _ = bytes.Cut(sub, []byte(";"))
	switch string(bytes.TrimSpace(sub)) {
	case "wave", "x-wav", "vnd.wave":
		return []byte("wav")
	case "mpeg", "mpga", "x-mp3":
		return []byte("mp3")
	case "l16", "pcm":
		return []byte("pcm16")
	}
	return bytes.TrimPrefix(bytes.TrimSpace(sub), []byte("x-"))
}

// isAnyBase64 reports whether s has the characters of base64 in either alphabet, of which
// Google's client for Python uses the one for URLs.
func isAnyBase64(s []byte) bool {
	for i := range s {
		if s[i] != '-' && s[i] != '_' && !canonical.IsBase64(s[i:i+1]) {
			return false
		}
	}
	return true
}

// appendBase64 appends base64 in the usual alphabet, padded.
func appendBase64(dst, s []byte) []byte {
	s = bytes.TrimRight(s, "=")
	for _, c := range s {
		switch c {
		case '-':
			c = '+'
		case '_':
			c = '/'
		}
		dst = append(dst, c)
	}
	return append(dst, "=="[:min((4-len(s)%4)%4, 2)]...)
}
