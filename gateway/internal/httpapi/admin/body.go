package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

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

// Bounds of pages.
const (
	usualPage = 100
	maxPage   = 1000
)

// page returns the number of entries that ?limit= asks for.
func page(r *http.Request) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return usualPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return 0, badQuery("limit", fmt.Errorf("write a number from 1 to %d", maxPage))
	}
	return n, nil
}
