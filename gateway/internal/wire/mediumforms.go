package wire

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// failed is the error for a medium that could not be fetched. It shows no more of the URL
// than its host: the rest of it may be a credential.
func (m *remoteMedium) failed(t *llm.Target, err error) error {
	var e *llm.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Fault != llm.FaultUnsupported { // of who counts memory
		return e
	}
	out := *e
	out.Param = m.path
	out.Message = fmt.Sprintf("%s: %s needs the data of what is at %s, which was not fetched: %s. Send it as a base64 data: URL.",
		m.path, t.ID, hostOf(m.url), e.Message)
	return &out
}

// refuse is an error that names the medium's part.
func (m *remoteMedium) refuse(format string, args ...any) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: m.path, Fault: llm.FaultUnsupported,
		Message: m.path + ": " + fmt.Sprintf(format, args...) + "."}
}

// hostOf is the host of a URL as a message may show it.
func hostOf(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || len(u.Hostname()) > 253 {
		return "its URL"
	}
	return llm.Quote(u.Hostname())
}

// inline appends the edits that put a medium in the place of its URL.
func (m *remoteMedium) inline(edits []edit, got *llm.Medium) []edit {
	dataURL := func() []byte {
		return append(append([]byte(`"data:`+got.Type+`;base64,`), got.Base64...), '"')
	}
	sound := func() []byte {
		return append(append([]byte(`{"data":"`), got.Base64...), `","format":"`+strings.TrimPrefix(got.Type, "audio/")+`"}`...)
	}
	switch m.form {
	case asURL:
		return append(edits, edit{m.at, dataURL()})
	case asFileData:
		return append(edits, edit{m.at, append([]byte(`"file_data":`), dataURL()...)})
	case asFile:
		file := append([]byte(`"file":{"file_data":`), dataURL()...)
		if m.name != nil {
			file = append(append(file, `,"filename":`...), m.name...)
		}
		return append(edits, edit{m.typeAt, []byte(`"file"`)}, edit{m.at, append(file, '}')})
	case asAudio:
		return append(edits, edit{m.at, sound()})
	}
	return append(edits, edit{m.typeAt, []byte(`"input_audio"`)}, edit{m.at, append([]byte(`"input_audio":`), sound()...)})
}
