package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// feedbackBody is the body of POST /v1/feedback.
type feedbackBody struct {
	RequestID string   `json:"request_id"`
	Score     *float64 `json:"score"`
	Label     string   `json:"label"`
	Comment   string   `json:"comment"`
}

// maxRequestID bounds the id of a request in a body, in bytes.
const maxRequestID = 128

// feedback serves POST /v1/feedback. The reply has what is stored.
func (a *API) feedback(x *exchange) error {
	defer x.leave()
	if err := x.enter(); err != nil {
		return err
	}
	body, err := x.body()
	if err != nil {
		return err
	}
	f, err := parseFeedback(body)
	if err != nil {
		return err
	}
	if err := a.service.Feedback(x.r.Context(), x.who, f); err != nil {
		return err
	}
	return x.json(http.StatusOK, struct {
		Object string `json:"object"`
		*llm.Feedback
	}{"feedback", f})
}

// parseFeedback reads a body and checks it.
func parseFeedback(body []byte) (*llm.Feedback, error) {
	var b feedbackBody
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(&b)
	if err == nil {
		if _, end := d.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("there is data after the object")
		}
	}
	switch {
	case err != nil:
		return nil, badFeedback("", "The body is invalid: "+jsontext.Explain(err)+`. Send {"request_id": "req_…", "score": 0.8, "label": "…", "comment": "…"}; label and comment may be left out.`)
	case b.RequestID == "" || len(b.RequestID) > maxRequestID:
		return nil, badFeedback("request_id", "request_id must be the x-penstock-request-id of a reply.")
	case b.Score == nil || *b.Score < 0 || *b.Score > 1:
		return nil, badFeedback("score", "score must be a number from 0, useless, to 1, as good as can be.")
	case len(b.Label) > llm.MaxLabel || strings.ContainsFunc(b.Label, unicode.IsControl):
		return nil, badFeedback("label", fmt.Sprintf("label must have at most %d bytes and no control characters.", llm.MaxLabel))
	case len(b.Comment) > llm.MaxComment:
		return nil, badFeedback("comment", fmt.Sprintf("comment must have at most %d bytes.", llm.MaxComment))
	}
	return &llm.Feedback{RequestID: b.RequestID, Score: *b.Score, Label: b.Label, Comment: b.Comment}, nil
}

func badFeedback(param, message string) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: param, Message: message, Retried: true}
}
