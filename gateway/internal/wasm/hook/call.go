package hook

import (
	"fmt"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// ReadCall reads the result of penstock_transform_request. The body is a slice of it.
func ReadCall(out []byte) (llm.Call, Notes, error) {
	c := llm.Call{Header: http.Header{}}
	var notes Notes
	s := newScan(out)
	for key := range s.Members() {
		switch string(key.Raw) {
		case "method":
			c.Method = s.text()
		case "path":
			c.Path = s.text()
		case "query":
			c.Query = s.text()
		case "headers":
			readHeaders(&s, c.Header, refusedInCall)
		case "dropped":
			for range s.Elements() {
				notes.addDropped(s.text())
			}
		case "context":
			notes.setContext(&s, s.Raw())
		case "body":
			c.Body = s.Raw()
		default:
			s.Raw()
		}
	}
	if err := s.End(); err != nil {
		return llm.Call{}, Notes{}, err
	}
	return c, notes, checkCall(&c)
}

func checkCall(c *llm.Call) (err error) {
	switch {
	case c.Method != "" && c.Method != http.MethodPost && c.Method != http.MethodGet && c.Method != http.MethodPut:
		return fmt.Errorf("the method %q is not POST, GET or PUT", Brief(c.Method))
	case c.Body == nil:
		return errNoBody
	}
	if c.Path, err = checkPath(c.Path); err != nil {
		return err
	}
	return checkQuery(c.Query)
}
