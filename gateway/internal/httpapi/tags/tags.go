// Package tags reads the tags of a request: NAME=VALUE pairs that callers send in
// headers and in the body's metadata, and that virtual keys carry. It knows the header
// forms of other gateways and holds every tag to the same bounds.
//
// It gives tags no meaning; policies and reports do.
package tags

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// The bounds of a request's tags, the key's own and the body's included. Lengths are in
// characters.
const (
	maxTags  = 48
	maxName  = 64
	maxValue = 512
	maxDepth = 64 // of a JSON object
)

// The headers that carry tags.
const (
	cloudflareMetadata = "Cf-Aig-Metadata"
	portkeyMetadata    = "X-Portkey-Metadata"
	liteLLMTags        = "X-Litellm-Tags"
	penstockTags       = "X-Penstock-Tags"
)

// FromHeaders returns the tags of the headers, nil if there are none. Penstock's own
// header overrides LiteLLM's, that one Portkey's, and that one Cloudflare's.
func FromHeaders(h http.Header) (map[string]string, error) {
	var s set
	for _, name := range [...]string{cloudflareMetadata, portkeyMetadata, liteLLMTags, penstockTags} {
		for _, value := range h[name] {
			if err := s.parseHeader(name, value); err != nil {
				return nil, err
			}
		}
	}
	return s.tags, nil
}

// Merge adds the headers' tags to the body's metadata, and the key's own to both:
// limits and bills may go by a key's tags, so a caller can add to them but not replace
// them. The map is the caller's to change; nil if there are no tags.
func Merge(metadata, headers, key map[string]string) (map[string]string, error) {
	var s set
	for name, value := range metadata {
		if err := s.add("metadata", name, value); err != nil {
			return nil, err
		}
	}
	s.setAll(headers)
	s.setAll(key)
	if len(s.tags) > maxTags {
		return nil, invalid("tags", fmt.Sprintf("a request may carry %d tags; this one has %d", maxTags, len(s.tags)))
	}
	return s.tags, nil
}

// Check holds tags that came neither in a header nor in a request's metadata to the
// same bounds.
func Check(tags map[string]string) error {
	for name, value := range tags {
		if err := check("tags", name, value); err != nil {
			return err
		}
	}
	return nil
}

// set is a set of tags. Its map is made for the first one.
type set struct{ tags map[string]string }

func (s *set) set(name, value string) {
	if s.tags == nil {
		s.tags = make(map[string]string)
	}
	s.tags[name] = value
}

func (s *set) setAll(from map[string]string) {
	for name, value := range from {
		s.set(name, value)
	}
}

// add sets a tag that came from the caller.
func (s *set) add(source, name, value string) error {
	if err := check(source, name, value); err != nil {
		return err
	}
	s.set(name, value)
	return nil
}

// syntaxHint is the message for a header that is in neither form.
const syntaxHint = "write name=value,name=value or one JSON object"

// parseHeader reads a header in either form: a list or a JSON object.
func (s *set) parseHeader(name, value string) error {
	mayBeList := name == liteLLMTags || name == penstockTags
	if mayBeList && !strings.HasPrefix(strings.TrimSpace(value), "{") {
		return s.parseList(name, value)
	}
	return s.parseObject(name, value)
}

// parseList reads "usecase=support, env=prod". A name alone has the value "true".
func (s *set) parseList(header, value string) error {
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
			return invalid(header, syntaxHint)
		}
		if err := s.add(header, name, v); err != nil {
			return err
		}
	}
	return nil
}

// parseObject reads a JSON object whose strings, numbers and booleans become tags. A
// duplicate member is refused, as in a body: another reader may take the other one.
func (s *set) parseObject(header, value string) error {
	object := jsontext.New([]byte(value), maxDepth, jsontext.UTF8|jsontext.Pairs)
	seen := map[string]bool{}
	for member := range object.Members() {
		name := member.String()
		if seen[name] {
			return invalid(header, llm.Quote(name)+" is given twice")
		}
		seen[name] = true
		if err := s.parseMember(header, name, &object); err != nil {
			return err
		}
	}
	if object.End() != nil {
		return invalid(header, syntaxHint)
	}
	return nil
}

// parseMember reads the value of an object's member. Objects, arrays and null are no
// tags.
func (s *set) parseMember(header, name string, object *jsontext.Scanner) error {
	var value string
	switch object.Peek() {
	case '{', '[', 'n':
		object.Skip()
		return nil
	case '"':
		value = object.Text().String()
	default:
		value = string(object.Raw())
	}
	if !object.OK() {
		return invalid(header, syntaxHint)
	}
	return s.add(header, name, value)
}

// check holds one tag to the bounds.
func check(source, name, value string) error {
	switch {
	case name == "":
		return invalid(source, "a tag has no name; write name=value")
	case !utf8.ValidString(name) || !utf8.ValidString(value):
		return invalid(source, "it is not valid UTF-8")
	case utf8.RuneCountInString(name) > maxName || utf8.RuneCountInString(value) > maxValue:
		return invalid(source, fmt.Sprintf("tag names may have %d characters, values %d", maxName, maxValue))
	case strings.ContainsFunc(name, unicode.IsControl) || strings.ContainsFunc(value, unicode.IsControl):
		// A policy may copy a tag into a header, and people read tags on terminals.
		return invalid(source, "tags may not hold control characters")
	}
	return nil
}

// invalid is the error for tags that break a rule. Source is a header's name,
// "metadata" for the body's, or "tags" for all together.
func invalid(source, why string) error {
	where := "header " + strings.ToLower(source)
	switch source {
	case "metadata":
		where = "member metadata"
	case "tags":
		where = "set of tags (metadata, headers and the key's own)"
	}
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: strings.ToLower(source),
		Message: fmt.Sprintf("The %s is invalid: %s.", where, why)}
}
