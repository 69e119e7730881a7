package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// readBody reads the body, a JSON object without other members than v has. form is an
// example.
func readBody(in Input, v any, form string) error {
	body, err := in.Body()
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	why := ""
	if err := d.Decode(v); errors.Is(err, io.EOF) {
		why = "it is empty"
	} else if err != nil {
		why = jsontext.Explain(err)
	} else if _, err := d.Token(); err != io.EOF {
		why = "something follows the object"
	}
	if why == "" {
		return nil
	}
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Message: "The body is invalid: " + why + ". Send " + form + "."}
}
