package policy

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// The canonical form of an input is a string of bytes that is both the key of the memo and
// the source of the evaluator's value. Inputs with the same form are the same value by
// construction, so a remembered decision is exact. Every value starts with a mark:
const (
	markFalse  = iota
	markTrue   // no more bytes
	markInt    // zigzag varint
	markDigits // string: a decimal number kept as written
	markString // uvarint length, bytes
	markArray  // values, markEnd
	markObject // names and values, markEnd
	markEnd
	// markName and above name a member by its index in names; other names are strings.
	markName
)

// names are the members that the schema fixes, so that each takes one byte.
var names = [...]string{"v", "time", "key", "request", "route", "usage", "unix_minute",
	"weekday", "minute_of_day", "date", "id", "name", "team", "user", "roles", "tags", "models",
	"budget", "max", "window", "expires", "endpoint", "dialect", "model", "stream", "max_tokens",
	"est_input_tokens", "est_cost_usd_micro", "features", "metadata", "ip", "data_classes",
	"targets", "provider", "region", "price_in", "price_out", "context", "session"}

// The indices of names.
const (
	nameV = iota
	nameTime
	nameKey
	nameRequest
	nameRoute
	nameUsage
	nameUnixMinute
	nameWeekday
	nameMinuteOfDay
	nameDate
	nameID
	nameName
	nameTeam
	nameUser
	nameRoles
	nameTags
	nameModels
	nameBudget
	nameMax
	nameWindow
	nameExpires
	nameEndpoint
	nameDialect
	nameModel
	nameStream
	nameMaxTokens
	nameEstInputTokens
	nameEstCost
	nameFeatures
	nameMetadata
	nameIP
	nameDataClasses
	nameTargets
	nameProvider
	nameRegion
	namePriceIn
	namePriceOut
	nameContext
	nameSession
)

// nameTerms are shared by all inputs: the evaluator only reads them.
var nameTerms = func() (terms [len(names)]*ast.Term) {
	for i, name := range names {
		terms[i] = ast.StringTerm(name)
	}
	return terms
}()

// encoder appends the canonical form to b. Members must be appended in a fixed order.
type encoder struct{ b []byte }

func (c *encoder) mark(m byte) { c.b = append(c.b, m) }

func (c *encoder) open(name int) { c.b = append(c.b, markName+byte(name), markObject) }

func (c *encoder) close() { c.mark(markEnd) }

func (c *encoder) boolean(name int, v bool) {
	mark := byte(markFalse)
	if v {
		mark = markTrue
	}
	c.b = append(c.b, markName+byte(name), mark)
}

func (c *encoder) integer(name int, v int64) {
	c.mark(markName + byte(name))
	c.int(v)
}

func (c *encoder) int(v int64) { c.b = binary.AppendVarint(append(c.b, markInt), v) }

// digits is for numbers that must not be converted to a float.
func (c *encoder) digits(name int, decimal string) {
	c.b = append(c.b, markName+byte(name), markDigits)
	c.bytes(decimal)
}

func (c *encoder) text(name int, s string) {
	c.mark(markName + byte(name))
	c.string(s)
}

// optionalText appends a string unless it is empty.
func (c *encoder) optionalText(name int, s string) {
	if s != "" {
		c.text(name, s)
	}
}

// string appends a string, made valid UTF-8, as Rego requires.
func (c *encoder) string(s string) {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	c.mark(markString)
	c.bytes(s)
}

func (c *encoder) bytes(s string) {
	c.b = append(binary.AppendUvarint(c.b, uint64(len(s))), s...)
}

func (c *encoder) list(name int, items []string) {
	c.b = append(c.b, markName+byte(name), markArray)
	for _, s := range items {
		c.string(s)
	}
	c.mark(markEnd)
}

// table appends the members of m that keep wants, sorted by name. A name that is not
// valid UTF-8 is dropped: no policy could name it, and a corrected one might collide with
// another.
func (c *encoder) table(name int, m map[string]string, keep func(string) bool) {
	c.open(name)
	var room [16]string
	sorted := room[:0]
	for k := range m {
		if utf8.ValidString(k) && keep(k) {
			sorted = append(sorted, k)
		}
	}
	slices.Sort(sorted)
	for _, k := range sorted {
		c.string(k)
		c.string(m[k])
	}
	c.close()
}

// value builds the evaluator's value from a canonical form. Its strings share memory
// with form.
func value(form string) ast.Value {
	d := decoder{form}
	return d.term().Value
}

type decoder struct{ rest string }

func (d *decoder) byte() byte {
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) term() *ast.Term {
	switch d.byte() {
	case markFalse:
		return ast.InternedTerm(false)
	case markTrue:
		return ast.InternedTerm(true)
	case markInt:
		return ast.InternedTerm(d.int())
	case markDigits:
		return &ast.Term{Value: ast.Number(d.bytes())}
	case markString:
		return &ast.Term{Value: ast.String(d.bytes())}
	case markArray:
		return d.array()
	default:
		return d.object()
	}
}

func (d *decoder) int() int64 {
	u := d.uvarint()
	v := int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v
}

func (d *decoder) uvarint() (u uint64) {
	for shift := 0; ; shift += 7 {
		b := d.byte()
		u |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return u
		}
	}
}

func (d *decoder) bytes() string {
	n := d.uvarint()
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) array() *ast.Term {
	var items []*ast.Term
	for d.rest[0] != markEnd {
		items = append(items, d.term())
	}
	d.byte()
	return ast.ArrayTerm(items...)
}

func (d *decoder) object() *ast.Term {
	var room [16][2]*ast.Term
	members := room[:0]
	for d.rest[0] != markEnd {
		members = append(members, [2]*ast.Term{d.name(), d.term()})
	}
	d.byte()
	return ast.ObjectTerm(members...)
}

func (d *decoder) name() *ast.Term {
	m := d.byte()
	if m >= markName {
		return nameTerms[m-markName]
	}
	return &ast.Term{Value: ast.String(d.bytes())}
}
