package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// claims are the claims of a token, as decodeValue makes them.
type claims map[string]any

// at returns the claim at a path: a name, or the names of nested claims with dots between
// them. Names may hold dots themselves: the path is looked up as one name first, then with the
// shortest name that leads on. A null is no claim.
func (c claims) at(path string) (any, bool) {
	if value, ok := c[path]; ok {
		return value, value != nil
	}
	for i, r := range path {
		if r != '.' {
			continue
		}
		inner, isObject := c[path[:i]].(map[string]any)
		if !isObject {
			continue
		}
		if value, ok := claims(inner).at(path[i+1:]); ok {
			return value, true
		}
	}
	return nil, false
}

// time returns a claim that is a number of seconds since 1970; zero if there is none.
func (c claims) time(name string) (time.Time, error) {
	value, given := c[name]
	if !given {
		return time.Time{}, nil
	}
	number, isNumber := value.(json.Number)
	seconds, err := strconv.ParseFloat(string(number), 64)
	if !isNumber || err != nil || seconds < 0 || seconds > 253402300799 { // the year 9999
		return time.Time{}, fmt.Errorf("has a %s that is not a time in seconds", name)
	}
	return time.Unix(int64(seconds), 0).UTC(), nil
}

// texts returns a claim that is one text or a list of texts; nil if there is none.
func (c claims) texts(path string) ([]string, error) {
	value, given := c.at(path)
	if !given {
		return nil, nil
	}
	switch value := value.(type) {
	case string:
		return []string{value}, nil
	case []any:
		list := make([]string, len(value))
		for i, element := range value {
			text, isText := element.(string)
			if !isText {
				return nil, fmt.Errorf("has a claim %s with an element that is not text", path)
			}
			list[i] = text
		}
		return list, nil
	}
	return nil, fmt.Errorf("has a claim %s that is neither text nor a list of texts", path)
}

// words is like texts, but reads one text as a list with blanks between its elements, as OAuth's
// scope is. Elements of a list may hold blanks.
func (c claims) words(path string) ([]string, error) {
	if value, _ := c.at(path); value != nil {
		if text, isText := value.(string); isText {
			return strings.Fields(text), nil
		}
	}
	return c.texts(path)
}

// scalars returns the texts that a claim can be compared with: of a text, a number, true or
// false, or each of a list of them. Other claims have none.
func (c claims) scalars(path string) []string {
	value, _ := c.at(path)
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	var out []string
	for _, element := range list {
		switch element := element.(type) {
		case string:
			out = append(out, element)
		case json.Number:
			out = append(out, string(element))
		case bool:
			out = append(out, strconv.FormatBool(element))
		}
	}
	return out
}

// Bounds of what a principal gets from claims, the same as those of keys.
const (
	maxText = 200 // bytes
	maxList = 100
)

// maxSubject is the length of the longest sub that OpenID Connect allows, in bytes.
const maxSubject = 255

// errUnprintable is for texts that would be misread in records and logs.
var errUnprintable = errors.New("holds characters that cannot be printed")

// checkText returns an error for a text that is empty, too long or not printable.
func checkText(s string, most int) error {
	switch {
	case s == "":
		return errors.New("is empty")
	case len(s) > most:
		return fmt.Errorf("has more than %d bytes", most)
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errUnprintable
	}
	return nil
}
