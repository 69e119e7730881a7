package hook

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The bounds of a dialect's notes on a request.
const (
	maxDropped = 64       // names
	maxContext = 32 << 10 // bytes
)

// addDropped adds a member's name, unless it would not be valid in a header.
func (n *Notes) addDropped(name string) {
	if isMember(name) && len(n.Dropped) < maxDropped && !slices.Contains(n.Dropped, name) {
		n.Dropped = append(n.Dropped, name)
	}
}

// setContext sets a copy of the context: the result that holds it is much larger.
func (n *Notes) setContext(s *scan, raw []byte) {
	switch {
	case !s.OK():
	case len(raw) == 0 || raw[0] != '{':
		s.Stop(errors.New("the context is not an object"))
	case len(raw) > maxContext:
		s.Stop(fmt.Errorf("the context has %d bytes; at most %d are kept", len(raw), maxContext))
	default:
		n.Context = bytes.Clone(raw)
	}
}

// isMember reports whether s is the name of a member, or a path such as
// messages[2].content.
func isMember(s string) bool {
	for _, c := range []byte(s) {
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alnum && strings.IndexByte("_-.[]", c) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= 256
}

// Notes are what a dialect returns besides the request.
type Notes struct {
	// Dropped names the members of the request that the dialect can't express, or changed to
	// express them: at most 64, valid in a header.
	Dropped []string
	// Context is a JSON object that the module gets with the reply, or nil.
	Context []byte
}

// MemberAt returns the path that a message begins with, as in "messages[2].content: …", or "".
func MemberAt(message string) string {
	path, _, ok := strings.Cut(message, ": ")
	if !ok || !isMember(path) {
		return ""
	}
	return path
}
