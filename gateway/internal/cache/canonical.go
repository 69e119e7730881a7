package cache

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

// maxDepth is how deep a body may nest, above what intake accepts.
const maxDepth = 1024

// canon writes the canonical text of one request: the same text for all requests that ask
// for the same answer. The order of members outside of schemas, white space, escapes in strings, what is null
// and what is noise do not matter. It copies each object as it is, and then sorts the copy in
// place if necessary.
//
// Numbers keep their spelling but for zeros at the end of a fraction: 1 and 1e0 are
// different, which costs a hit but never gives a wrong one.
type canon struct {
	jsontext.Scanner
	out []byte
	// members are the spans in out of the members of all open objects.
	members []member
	spare   []byte
	// billing says that the text may have a billing block.
	billing bool

	// own says that the request has members that the canonical form may not have, varied that
	// it asks for answers that vary, stateful that its answer depends on what the provider keeps.
	own, varied, stateful bool
	// dropped is a hash of the noise.
	dropped fingerprint
}

// member is the span of one member in out: its name, quotes included, and its end.
type member struct{ start, nameEnd, end int }

// request appends the canonical text of a whole body to out.
func (c *canon) request(body []byte, form *place) {
	start := len(c.out)
	c.Scanner = jsontext.New(body, maxDepth, jsontext.Grammar)
	c.members = c.members[:0]
	c.own, c.varied, c.stateful, c.dropped = false, false, false, noFingerprint
	c.billing = !form.exact && bytes.Contains(body, []byte(billingBlock))
	c.value(form)
	if c.End() != nil { // then the text is cut short, and others may begin alike
		c.out = append(append(c.out[:start], 0), body...)
		c.own = true
	}
}

// value copies the next value. p is what is known of it, or of the objects in it if it is a
// list; nil for nothing.
func (c *canon) value(p *place) {
	switch c.Peek() {
	case '{':
		c.object(p)
	case '[':
		c.array(p)
	case '"':
		c.text(p)
	default:
		c.out = append(c.out, c.Raw()...)
	}
}

// text copies a string. Whatever its spelling, it is written in one way.
func (c *canon) text(p *place) {
	t := c.Text()
	if t.Escaped() && (p == nil || p.ordered || !p.exact) && oddlyEscaped(t.Raw) {
		if s := string(t.Append(nil)); !strings.ContainsRune(s, utf8.RuneError) { // which may stand for half a pair of surrogates
			c.out = jsontext.AppendQuote(c.out, s)
			return
		}
	}
	c.out = append(append(append(c.out, '"'), t.Raw...), '"')
}

// oddlyEscaped reports whether a string has an escape that AppendQuote may not write: \u or \/.
func oddlyEscaped(raw []byte) bool {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return false
		}
		if next := raw[i+1]; next == 'u' || next == '/' {
			return true
		}
		raw = raw[i+2:]
	}
}

// object copies an object and returns how many members the copy has.
func (c *canon) object(p *place) int {
	if p == chatMessage && c.billing && c.isSystem() {
		p = systemMessage
	}
	base := len(c.members)
	c.out = append(c.out, '{')
	start := len(c.out)
	for c.Open('{'); c.More('}'); {
		c.member(p, c.Name().Raw)
	}
	n := len(c.members) - base
	if p == nil || !p.ordered {
		c.sort(start, c.members[base:])
	}
	c.members = c.members[:base]
	c.out = append(c.out, '}')
	return n
}

// isSystem reports whether the next value is a message of the system's.
func (c *canon) isSystem() (system bool) {
	ahead := c.Scanner
	for ahead.Open('{'); ahead.More('}'); {
		if name := ahead.Name(); name.Is("role") {
			role := ahead.Raw()
			system = string(role) == `"system"` || string(role) == `"developer"`
		} else {
			ahead.Skip()
		}
	}
	return system
}

// member copies a member of a place, unless it is noise or null.
func (c *canon) member(p *place, name []byte) {
	if p == nil || p.ordered {
		c.write(p, name, p)
		return
	}
	name = plainName(name)
	r := p.find(name)
	switch {
	case !p.exact && c.Peek() == 'n':
		c.Skip()
	case isNoise(p.name, name):
		c.dropped.add(name, c.Raw())
	case r == nil:
		c.own = c.own || !p.open
		c.write(p, name, p.rest)
	case r.as != "":
		c.write(p, []byte(r.as), r.in)
	default:
		c.note(r.is, c.write(p, name, r.in))
	}
}

// plainName returns a member's name in its plain spelling, if it was escaped.
func plainName(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	quoted := jsontext.AppendQuote(nil, string(jsontext.Text{Raw: raw}.Append(nil)))
	return quoted[1 : len(quoted)-1]
}

// note notes what the value of a member means for caching.
func (c *canon) note(is meaning, value []byte) {
	switch is {
	case temperature:
		c.varied = c.varied || bytes.ContainsAny(value, "123456789")
	case state:
		c.stateful = c.stateful || string(value) != "false"
	}
}

// write copies a member of a place under a name and returns the copy of its value. in is what
// is known of the value.
func (c *canon) write(p *place, name []byte, in *place) []byte {
	m := member{start: len(c.out)}
	c.out = append(append(append(c.out, '"'), name...), '"')
	m.nameEnd = len(c.out)
	c.out = append(c.out, ':')
	at := len(c.out)
	c.value(in)
	switch value := c.out[at:]; {
	case p == nil || p.exact || len(value) > maxPlain:
	case string(name) == "role" && string(value) == `"developer"`: // OpenAI's newer name
		c.out = append(c.out[:at], `"system"`...)
	default:
		c.out = c.out[:at+len(plainNumber(value))]
	}
	end := len(c.out)
	c.out = append(c.out, ',')
	m.end = len(c.out)
	c.members = append(c.members, m)
	return c.out[at:end]
}

// maxPlain bounds the values that may have a plainer spelling, in bytes.
const maxPlain = 32

// plainNumber returns a number without zeros at the end of its fraction, and any other value
// as it is.
func plainNumber(value []byte) []byte {
	if len(value) == 0 || value[0] != '-' && (value[0] < '0' || value[0] > '9') || bytes.IndexByte(value, '.') < 0 || bytes.ContainsAny(value, "eE") {
		return value
	}
	return bytes.TrimSuffix(bytes.TrimRight(value, "0"), []byte("."))
}

func (c *canon) array(p *place) {
	start, n, plainTexts := len(c.out), 0, 0
	c.out = append(c.out, '[')
	for c.Open('['); c.More(']'); {
		at := len(c.out)
		if members := c.element(p); members == 2 && bytes.HasPrefix(c.out[at:], []byte(partBegins)) {
			plainTexts++
		}
		if c.billing && p != nil && p.system && bytes.HasPrefix(c.out[at:], []byte(partBegins+`"`+billingBlock)) {
			c.out = c.out[:at]
			plainTexts--
			continue
		}
		n++
		c.out = append(c.out, ',')
	}
	if one := c.out[start+1:]; n == 1 && plainTexts == 1 && p != nil && p.texts && bytes.HasSuffix(one, []byte(partEnds+",")) {
		c.out = append(c.out[:start], one[len(partBegins):len(one)-len(partEnds+",")]...)
		return
	}
	c.out = append(c.out, ']')
}

// How the copy of a part begins and ends that is a text and nothing else.
const (
	partBegins = `{"text":`
	partEnds   = `,"type":"text",}`
)

// element copies an element of a list. It returns how many members it has if it is an object.
func (c *canon) element(p *place) int {
	if c.Peek() == '{' {
		return c.object(p)
	}
	c.value(p)
	return 0
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
