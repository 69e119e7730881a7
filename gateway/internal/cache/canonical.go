package cache

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// RequestKey returns the key of a request body within a scope: parts are what else
// separates answers, such as tenant, route, targets, namespace and policy scope. Bodies
// that ask for the same answer have the same key: the order of members and white space do
// not matter, and members about the caller or accounting do not count. Numbers and strings
// keep their spelling: 1 and 1.0, or "é" and "\u00e9", are different, which costs a hit
// but never gives a wrong one.
//
// The body should have passed validation at intake. Other text has a key of its own.
func (c *Cache) RequestKey(body []byte, f llm.Facts, parts ...[]byte) Key {
	return c.keyOf(body, f, isBookkeeping, parts)
}

// WholeRequestKey is like RequestKey, but every member of the body except "cache" counts:
// for routes with plugins, which read all of it, so that the answer may depend on it.
func (c *Cache) WholeRequestKey(body []byte, f llm.Facts, parts ...[]byte) Key {
	return c.keyOf(body, f, isCacheControl, parts)
}

func (c *Cache) keyOf(body []byte, f llm.Facts, drop func([]byte) bool, parts [][]byte) Key {
	w := c.scratch.Get().(*canon)
	w.request(body, f, drop)
	h := sha256.New()
	for _, p := range parts {
		writePart(h, p)
	}
	writePart(h, w.out)
	if w.Scanner = (jsontext.Scanner{}); cap(w.out) <= pooledBytes {
		c.scratch.Put(w)
	}
	return sum(h)
}

// request sets out to the canonical form of a whole body.
func (c *canon) request(body []byte, f llm.Facts, drop func([]byte) bool) {
	c.Scanner = jsontext.New(body, maxDepth, jsontext.Grammar)
	c.out, c.members = c.out[:0], c.members[:0]
	c.value(drop)
	if c.End() != nil { // then the canonical form is cut short, and others may begin alike
		c.out = append(c.out[:0], body...)
	}
	// The events of a stream with usage differ from those without.
	if f.Stream {
		c.out = strconv.AppendBool(c.out, f.IncludeUsage)
	}
}

// isBookkeeping reports whether a member of the body has no effect on the answer. The name
// is raw: a name with escapes is not recognized, and counts.
func isBookkeeping(name []byte) bool {
	switch string(name) {
	case "user", "metadata", "stream_options", "cache", "store", "safety_identifier", "prompt_cache_key":
		return true
	}
	return false
}

// isCacheControl reports whether a member has instructions for this cache.
func isCacheControl(name []byte) bool { return string(name) == "cache" }

// keepAll drops no member: only members of the outermost object have a known meaning.
func keepAll([]byte) bool { return false }

// maxDepth is how deep a body may nest, above what intake accepts.
const maxDepth = 1024

// canon copies one JSON text and sorts the members of its objects: it copies each object
// as it is, and then sorts the copy in place if necessary.
type canon struct {
	jsontext.Scanner
	out []byte
	// members are the spans in out of the members of all open objects.
	members []member
	spare   []byte
}

// member is the span of one member in out: its name, quotes included, and its end.
type member struct{ start, nameEnd, end int }

// value copies the next value without the members of it that drop names.
func (c *canon) value(drop func([]byte) bool) {
	switch c.Peek() {
	case '{':
		c.object(drop)
	case '[':
		c.array()
	default:
		c.out = append(c.out, c.Raw()...)
	}
}

func (c *canon) object(drop func([]byte) bool) {
	base := len(c.members)
	c.out = append(c.out, '{')
	start := len(c.out)
	for c.Open('{'); c.More('}'); {
		name := c.Name()
		if drop(name.Raw) {
			c.Skip()
			continue
		}
		m := member{start: len(c.out)}
		c.out = append(c.out, '"')
		c.out = append(c.out, name.Raw...)
		c.out = append(c.out, '"')
		m.nameEnd = len(c.out)
		c.out = append(c.out, ':')
		c.value(keepAll)
		c.out = append(c.out, ',')
		m.end = len(c.out)
		c.members = append(c.members, m)
	}
	c.sort(start, c.members[base:])
	c.members = c.members[:base]
	c.out = append(c.out, '}')
}

// sort sorts members by name. Duplicate names, which intake allows in parts that it does
// not read, keep the document's order.
func (c *canon) sort(start int, members []member) {
	out := c.out
	order := func(a, b member) int {
		if n := bytes.Compare(out[a.start:a.nameEnd], out[b.start:b.nameEnd]); n != 0 {
			return n
		}
		return a.start - b.start
	}
	if slices.IsSortedFunc(members, order) {
		return
	}
	slices.SortFunc(members, order)
	c.spare = append(c.spare[:0], out[start:]...)
	at := start
	for _, m := range members {
		at += copy(out[at:], c.spare[m.start-start:m.end-start])
	}
}

func (c *canon) array() {
	c.out = append(c.out, '[')
	for c.Open('['); c.More(']'); {
		c.value(keepAll)
		c.out = append(c.out, ',')
	}
	c.out = append(c.out, ']')
}
