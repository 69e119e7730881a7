package gemini

import (
	"bytes"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// writeImage writes an image from its address, which may be a data: URL, or its file id.
func (r *request) writeImage(p *canonical.Part, i, k int) error {
	url := p.Image()
	if media, data, ok := canonical.DataURL(url); ok {
		if known := canonical.ImageType(media, data); known != nil {
			media = known // the data tells better
		}
		return r.writeInline(media, data, partPath(i, k)+".image_url")
	}
	if file := p.File(); len(url) == 0 && len(file.ID) > 0 {
		url = file.ID
	}
	return r.writeURI(url, nil, partPath(i, k)+".image_url")
}

// writeMedium writes a video or a document from its address, which may be a data: URL.
func (r *request) writeMedium(v canonical.Value, at string) error {
	url := address(v)
	if media, data, ok := canonical.DataURL(url); ok {
		return r.writeInline(media, data, at)
	}
	return r.writeURI(url, nil, at)
}

// address is a URL, or the one in an object.
func address(v canonical.Value) []byte {
	if url := canonical.Text(v); url != nil {
		return url
	}
	return canonical.Text(v.Member("url"))
}

// writeAudio writes a sound: data with its format, or an address, which some services take in
// the place of the data.
func (r *request) writeAudio(v canonical.Value, i, k int) error {
	at := partPath(i, k) + ".input_audio"
	sound := canonical.Or(v.Member("input_audio"), v.Member("audio_url"))
	data, format := canonical.Text(sound.Member("data")), canonical.Text(sound.Member("format"))
	if data == nil {
		data = address(sound)
	}
	if media, inline, ok := canonical.DataURL(data); ok {
		return r.writeInline(media, inline, at)
	}
	if bytes.Contains(data, []byte("://")) {
		return r.writeURI(data, audioType(format), at)
	}
	return r.writeInline(audioType(format), data, at)
}

// audioType is the media type of a format; nil for none.
func audioType(format []byte) []byte {
	switch string(format) {
	case "":
		return nil
	case "mpeg", "mpga":
		return []byte("audio/mp3")
	case "pcm16":
		return []byte("audio/l16")
	}
	return append([]byte("audio/"), format...)
}

// writeFile writes a file from its data, address or id.
func (r *request) writeFile(p *canonical.Part, i, k int) error {
	at := partPath(i, k) + ".file"
	switch file := p.File(); {
	case len(file.ID) > 0:
		return r.writeURI(file.ID, typeByName(file.Name), at)
	case file.Inline:
		return r.writeInline(file.Media, file.Data, at)
	case file.URL != nil:
		return r.writeURI(file.URL, typeByName(file.Name), at)
	}
	return canonical.Reject(at, "a file needs a file_id, an https URL, or file_data that is a base64 data: URL")
}

// writeInline writes a medium that is part of the request.
func (r *request) writeInline(media, data []byte, at string) error {
	switch {
	case len(data) == 0:
		return canonical.Reject(at, "has no data")
	case len(media) == 0:
		return canonical.Reject(at, "needs a media type, as in data:image/png;base64,…")
	}
	r.part()
	r.Literal(`{"inlineData":{`)
	r.MemberText("mimeType", media)
	r.MemberText("data", data)
	r.Raw("}}")
	return nil
}

// writeURI writes a medium that lies elsewhere. The name of an uploaded file stands for its
// address.
func (r *request) writeURI(uri, media []byte, at string) error {
	switch {
	case bytes.HasPrefix(uri, []byte("files/")):
		uri = append([]byte("https://generativelanguage.googleapis.com/v1beta/"), uri...)
	case !hasScheme(uri):
		return canonical.Reject(at, "needs an https or gs URL, a base64 data: URL, or the name of a file that was uploaded to Google")
	}
	if media == nil {
		media = typeOfURI(uri)
	}
	r.part()
	r.Literal(`{"fileData":{`)
	if media != nil {
		r.MemberText("mimeType", media)
	}
	r.MemberText("fileUri", uri)
	r.Raw("}}")
	return nil
}

func hasScheme(uri []byte) bool {
	scheme, rest, ok := bytes.Cut(uri, []byte("://"))
	if !ok || len(rest) == 0 {
		return false
	}
	switch string(bytes.ToLower(scheme)) {
	case "https", "http", "gs":
		return true
	}
	return false
}

// typeOfURI guesses a medium's type from its address; nil for none.
func typeOfURI(uri []byte) []byte {
	_, rest, _ := bytes.Cut(uri, []byte("://"))
	host, path, _ := bytes.Cut(rest, []byte("/"))
	if string(host) == "youtu.be" || bytes.HasSuffix(host, []byte("youtube.com")) {
		return []byte("video/mp4")
	}
	if end := bytes.IndexAny(path, "?#"); end >= 0 {
		path = path[:end]
	}
	return typeByName(path)
}

// typeByName is the type of a file by the end of its name; nil for none that Gemini reads.
func typeByName(name []byte) []byte {
	dot := bytes.LastIndexByte(name, '.')
	if dot < 0 {
		return nil
	}
	switch kind := string(bytes.ToLower(name[dot+1:])); kind {
	case "png", "webp", "heic", "heif", "gif":
		return []byte("image/" + kind)
	case "jpg", "jpeg":
		return []byte("image/jpeg")
	case "pdf":
		return []byte("application/pdf")
	case "txt", "md", "csv", "html", "css":
		return textType(kind)
	case "mp3", "wav", "aac", "ogg", "flac", "aiff":
		return []byte("audio/" + kind)
	case "m4a":
		return []byte("audio/mp4")
	case "mp4", "mpeg", "webm", "wmv":
		return []byte("video/" + kind)
	case "mov":
		return []byte("video/quicktime")
	}
	return nil
}

func textType(kind string) []byte {
	switch kind {
	case "txt":
		kind = "plain"
	case "md":
		kind = "markdown"
	}
	return []byte("text/" + kind)
}
