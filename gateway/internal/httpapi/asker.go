package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Asker says for whom, with which tags and for when a request is to be explained. Empty
// members leave the request as it is.
type Asker struct {
	// Key is the id or the name of a virtual key. Team and User replace the key's.
	Key  string `json:"key"`
	Team string `json:"team"`
	User string `json:"user"`
	// Tags are what the caller would send in the header x-penstock-tags.
	Tags map[string]string `json:"tags"`
	// At is a time of day, such as 23:30, or a date with one.
	At string `json:"at"`
}

// Check holds tags to the bounds that those in headers have.
func (a *Asker) Check() error {
	var t tagSet
	for name, value := range a.Tags {
		if err := t.checked("tags", name, value); err != nil {
			return err
		}
	}
	return nil
}

// explanation is the body of POST /admin/v1/explain: a request, and for whom. The
// request may stand under a member of its own or be the body itself, with the asker's
// members beside its own. Then `user` is the request's, not the asker's.
type explanation struct {
	Asker
	// Tag holds tags as NAME=VALUE, one or a list.
	Tag     tagList         `json:"tag"`
	Request json.RawMessage `json:"request"`
}

// tagList is one text or a list of them.
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

// splitExplanation finds the request and its asker in a body. What is no JSON object is
// for the scanner of requests to refuse.
func splitExplanation(body []byte) ([]byte, Asker, error) {
	var e explanation
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) || !json.Valid(body) {
		return body, Asker{}, nil
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, Asker{}, badExplanation(err)
	}
	if e.Request == nil {
		e.User = ""
	} else if err := onlyAsker(body); err != nil {
		return nil, Asker{}, err
	} else {
		body = e.Request
	}
	for _, tag := range e.Tag {
		name, value, ok := strings.Cut(tag, "=")
		if !ok {
			value = "true"
		}
		if e.Tags == nil {
			e.Tags = make(map[string]string)
		}
		e.Tags[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return body, e.Asker, e.Check()
}

// onlyAsker refuses members that nobody would read.
func onlyAsker(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(new(explanation)); err != nil {
		return badExplanation(err)
	}
	return nil
}

func badExplanation(err error) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest,
		Message: fmt.Sprintf("The body is not usable: %s. Send {\"request\": {…}, \"key\": …, \"team\": …, \"user\": …, \"tags\": {…}, \"at\": \"23:30\"}; all but request may be left out.", strings.TrimPrefix(err.Error(), "json: "))}
}
