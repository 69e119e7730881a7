package httpapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode"
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

// tagsIn reads the tags of the headers, each overriding what came before; nil if
// there are none.
func tagsIn(h http.Header) (map[string]string, error) {
	t := tagSet{}
	for _, name := range [...]string{headerCloudflareMetadata, headerPortkeyMetadata, headerLiteLLMTags, headerTags} {
		for _, value := range h[name] {
			if err := t.header(name, value); err != nil {
				return nil, err
			}
		}
	}
	return t.tags, nil
}

// mergeTags adds the headers' tags to the body's metadata, and the key's own to both:
// limits and bills may go by a key's tags, so a caller can add to them and not replace
// them. The map is the request's own; nil if there are none.
func mergeTags(metadata, headers, key map[string]string) (map[string]string, error) {
	t := tagSet{}
	for name, value := range metadata {
		if err := t.checked("metadata", name, value); err != nil {
			return nil, err
		}
	}
	t.all(headers)
	t.all(key)
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

// tagsForm says how tags are written in a header.
const tagsForm = "write name=value,name=value or one JSON object"

// header reads tags in either form.
func (t *tagSet) header(name, value string) error {
	list := name == headerLiteLLMTags || name == headerTags
	if list && !strings.HasPrefix(strings.TrimSpace(value), "{") {
		return t.list(name, value)
	}
	return t.object(name, value)
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
		name, v = strings.TrimSpace(name), strings.TrimSpace(v)
		if strings.ContainsAny(name, `[]{}"`) {
			return badHeader(header, tagsForm)
		}
		if err := t.checked(header, name, v); err != nil {
			return err
		}
	}
	return nil
}

// object reads a JSON object whose strings, numbers and booleans become tags. A member
// that comes twice is refused, as in a body: somebody else may read the other one.
func (t *tagSet) object(header, value string) error {
	d := json.NewDecoder(strings.NewReader(value))
	d.UseNumber()
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return badHeader(header, tagsForm)
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return badHeader(header, tagsForm)
		}
		word, _ := name.(string) // a member's name is a string
		if seen[word] {
			return badHeader(header, llm.Quote(word)+" is given twice")
		}
		seen[word] = true
		if err := t.member(header, word, d); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return badHeader(header, tagsForm)
	}
	if _, err := d.Token(); err != io.EOF {
		return badHeader(header, tagsForm)
	}
	return nil
}

// member reads the value of an object's member.
func (t *tagSet) member(header, name string, d *json.Decoder) error {
	var value any
	if err := d.Decode(&value); err != nil {
		return badHeader(header, tagsForm)
	}
	switch value := value.(type) {
	case string, json.Number, bool:
		return t.checked(header, name, fmt.Sprint(value))
	}
	return nil
}

// checked sets a tag that came from the caller.
func (t *tagSet) checked(header, name, value string) error {
	switch {
	case name == "":
		return badHeader(header, "a tag has no name; write name=value")
	case !utf8.ValidString(name) || !utf8.ValidString(value):
		return badHeader(header, "it is not valid UTF-8")
	case utf8.RuneCountInString(name) > maxTagName || utf8.RuneCountInString(value) > maxTagValue:
		return badHeader(header, fmt.Sprintf("tag names may have %d characters, values %d", maxTagName, maxTagValue))
	case strings.ContainsFunc(name, unicode.IsControl) || strings.ContainsFunc(value, unicode.IsControl):
		// A policy may copy a tag into a header, and people read tags on terminals.
		return badHeader(header, "tags may not hold control characters")
	}
	t.set(name, value)
	return nil
}

// badHeader is the error for tags that cannot be used, in a header or, where name is
// metadata, in the body.
func badHeader(name, why string) error {
	where := "header " + strings.ToLower(name)
	switch name {
	case "metadata":
		where = "member metadata"
	case "tags":
		where = "set of tags (metadata, headers and the key's own)"
	}
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: strings.ToLower(name),
		Message: fmt.Sprintf("The %s is not usable: %s.", where, why)}
}
