package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/penstock/penstock/gateway/internal/httpapi/tags"
	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Asker says for whom, with which tags and for when a request is explained. Empty
// members leave the request as it is.
type Asker struct {
	// Key is the id or the name of a virtual key, or oidc:ISSUER:SUBJECT. Team and User replace the key's.
	Key  string `json:"key"`
	Team string `json:"team"`
	User string `json:"user"`
	// Tags are what the caller would send in the header x-penstock-tags.
	Tags map[string]string `json:"tags"`
	// Session is what the caller would send in the header x-penstock-session.
	Session string `json:"session"`
	// At is a time of day, such as 23:30, or a date with one.
	At string `json:"at"`
	// Endpoint is where the request is sent: a path, or what follows /v1/, such as messages.
	// Without one it is guessed from the request.
	Endpoint string `json:"endpoint"`
}

// Path returns the path that the request is sent to; empty when it is to be guessed.
func (a *Asker) Path() string {
	if a.Endpoint == "" || strings.HasPrefix(a.Endpoint, "/") {
		return a.Endpoint
	}
	return "/v1/" + a.Endpoint
}

func (h handlers) explain(r *http.Request, in Input) (Reply, error) {
	body, err := in.Body()
	if err != nil {
		return Reply{}, err
	}
	body, as, err := parseExplain(body)
	if err != nil {
		return Reply{}, err
	}
	req, closeRequest, err := in.Request(as.Path(), body)
	if err != nil {
		return Reply{}, err
	}
	defer closeRequest()
	record, err := h.ops.Explain(r.Context(), req, as)
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(record)
}

// explainBody is the body of POST /admin/v1/explain: a request, and who asks. The
// request may be the member of that name, or be the body itself with the asker's members
// beside its own. In the second form `user` is the request's, not the asker's.
type explainBody struct {
	Asker
	// Tag holds tags as NAME=VALUE, one or a list.
	Tag     tagList         `json:"tag"`
	Request json.RawMessage `json:"request"`
}

// tagList is one string or a list of them.
type tagList []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *tagList) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = tagList{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// parseExplain returns the request and the asker of a body. A body that is no JSON
// object is returned as it is, for Input.Request to refuse.
func parseExplain(body []byte) ([]byte, Asker, error) {
	var e explainBody
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) || !json.Valid(body) {
		return body, Asker{}, nil
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, Asker{}, badExplain(err)
	}
	if e.Request == nil {
		e.User = ""
	} else if err := refuseUnknown(body); err != nil {
		return nil, Asker{}, err
	} else {
		body = e.Request
	}
	if sent := parseTags(e.Tag); e.Tags == nil {
		e.Tags = sent
	} else {
		maps.Copy(e.Tags, sent)
	}
	return body, e.Asker, tags.Check(e.Tags)
}

// refuseUnknown returns an error for members that would have no effect.
func refuseUnknown(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(new(explainBody)); err != nil {
		return badExplain(err)
	}
	return nil
}

func badExplain(err error) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest,
		Message: fmt.Sprintf("The body is invalid: %s. Send {\"request\": {…}, \"key\": …, \"team\": …, \"user\": …, \"tags\": {…}, \"session\": …, \"at\": \"23:30\", \"endpoint\": \"/v1/messages\"}; all but request may be left out.", jsontext.Explain(err))}
}
