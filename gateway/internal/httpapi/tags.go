package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// The bounds of tags, the key's own and the body's included. Lengths are in
// characters.
const (
	maxTags     = 48
	maxTagName  = 64
	maxTagValue = 512
)

// Headers that carry tags, in the order in which they override each other.
const (
	headerCloudflareMetadata = "Cf-Aig-Metadata"
	headerPortkeyMetadata    = "X-Portkey-Metadata"
	headerLiteLLMTags        = "X-Litellm-Tags"
	headerTags               = "X-Penstock-Tags"
)

// gatherTags merges the key's tags, the body's metadata and the headers, each
// overriding what came before. The map is the request's own; nil if there are none.
func gatherTags(h http.Header, key, metadata map[string]string) (map[string]string, error) {
	t := tagSet{}
	t.all(key)
	t.all(metadata)
	for _, name := range [...]string{headerCloudflareMetadata, headerPortkeyMetadata} {
		for _, value := range h[name] {
			if err := t.object(name, value); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range [...]string{headerLiteLLMTags, headerTags} {
		for _, value := range h[name] {
			if err := t.list(name, value); err != nil {
				return nil, err
			}
		}
	}
	if len(t.tags) > maxTags {
		return nil, badHeader("tags", fmt.Sprintf("a request may carry %d tags; this one has %d", maxTags, len(t.tags)))
	}
	return t.tags, nil
}

// tagSet makes its map when the first tag comes.
type tagSet struct{ tags map[string]string }

func (t *tagSet) set(name, value string) {
	if t.tags == nil {
		t.tags = make(map[string]string)
	}
	t.tags[name] = value
}

func (t *tagSet) all(from map[string]string) {
	for name, value := range from {
		t.set(name, value)
	}
}

// list reads "usecase=support, env=prod". A word alone is a tag that is "true".
func (t *tagSet) list(header, value string) error {
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		name, v, ok := strings.Cut(item, "=")
		if !ok {
			v = "true"
		}
		if err := t.checked(header, strings.TrimSpace(name), strings.TrimSpace(v)); err != nil {
			return err
		}
	}
	return nil
}

// object reads a JSON object whose strings, numbers and booleans become tags.
func (t *tagSet) object(header, value string) error {
	d := json.NewDecoder(strings.NewReader(value))
	d.UseNumber()
	var members map[string]any
	if err := d.Decode(&members); err != nil || d.More() {
		return badHeader(header, "it must hold one JSON object")
	}
	for name, v := range members {
		switch v := v.(type) {
		case string, json.Number, bool:
			if err := t.checked(header, name, fmt.Sprint(v)); err != nil {
				return err
			}
		}
	}
	return nil
}

// checked sets a tag that came in a header.
func (t *tagSet) checked(header, name, value string) error {
	switch {
	case name == "":
		return badHeader(header, "a tag has no name; write name=value")
	case !utf8.ValidString(name) || !utf8.ValidString(value):
		return badHeader(header, "it is not valid UTF-8")
	case utf8.RuneCountInString(name) > maxTagName || utf8.RuneCountInString(value) > maxTagValue:
		return badHeader(header, fmt.Sprintf("tag names may have %d characters, values %d", maxTagName, maxTagValue))
	}
	t.set(name, value)
	return nil
}

func badHeader(name, why string) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: strings.ToLower(name),
		Message: fmt.Sprintf("The header %s is not usable: %s.", strings.ToLower(name), why)}
}
