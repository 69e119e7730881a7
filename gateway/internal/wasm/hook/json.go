package hook

import (
	"fmt"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

// MaxDepth bounds the nesting of JSON from a module.
const MaxDepth = 128

// scan reads JSON that a module has returned. Most of it is sliced and passed on, not decoded.
type scan struct{ jsontext.Scanner }

func newScan(text []byte) scan { return scan{jsontext.New(text, MaxDepth, jsontext.UTF8)} }

// CheckJSON returns an error unless b is one JSON value.
func CheckJSON(b []byte) error { return jsontext.Validate(b, MaxDepth, jsontext.UTF8) }

// float reads a number. Null gives ok false and is not an error.
func (s *scan) float() (v float64, ok bool) {
	b := s.Raw()
	if !s.OK() || string(b) == "null" {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		s.Stop(fmt.Errorf("want a number, not %s", Clip(b)))
		return 0, false
	}
	return v, true
}

// int reads a whole number. Null gives ok false and is not an error.
func (s *scan) int() (v int64, ok bool) {
	b := s.Raw()
	if !s.OK() || string(b) == "null" {
		return 0, false
	}
	v, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		s.Stop(fmt.Errorf("want a whole number, not %s", Clip(b)))
		return 0, false
	}
	return v, true
}

// text reads a string. Null gives "" and is not an error.
func (s *scan) text() string {
	if s.Peek() == 'n' {
		s.Skip()
		return ""
	}
	return s.Text().String()
}
