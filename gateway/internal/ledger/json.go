package ledger

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// object is a JSON object being written. Its methods leave out what is zero. Names
// are written as they are: they must need no escape.
type object struct{ b []byte }

func (o *object) name(name string) { o.b = jsontext.AppendName(o.b, name) }

func (o *object) text(name, s string) {
	if s != "" {
		o.b = jsontext.AppendQuote(jsontext.AppendName(o.b, name), s)
	}
}

func (o *object) whole(name string, n int64) {
	if n != 0 {
		o.name(name)
		o.b = strconv.AppendInt(o.b, n, 10)
	}
}

func (o *object) yes(name string, v bool) {
	if v {
		o.name(name)
		o.b = append(o.b, "true"...)
	}
}

func (o *object) strings(name string, list []string) {
	if len(list) > 0 {
		o.b = jsontext.AppendStrings(jsontext.AppendName(o.b, name), list)
	}
}

func (o *object) texts(name string, m map[string]string) {
	if len(m) > 0 {
		o.b = jsontext.AppendMap(jsontext.AppendName(o.b, name), m)
	}
}

// inner writes an object as a member, or takes the member's name back when it has
// nothing to say.
func (o *object) inner(name string, write func(*object)) {
	before := len(o.b)
	o.name(name)
	o.b = append(o.b, '{')
	start := len(o.b)
	write(o)
	if len(o.b) == start {
		o.b = o.b[:before]
		return
	}
	o.b = append(o.b, '}')
}

// list writes a member that is an array of objects.
func list[T any](o *object, name string, items []T, write func(*object, *T)) {
	if len(items) > 0 {
		o.name(name)
		array(o, items, write)
	}
}

// array writes the items one after the other into the same object, so that none of
// them needs memory of its own.
func array[T any](o *object, items []T, write func(*object, *T)) {
	o.b = append(o.b, '[')
	for i := range items {
		o.b = append(jsontext.AppendComma(o.b), '{')
		write(o, &items[i])
		o.b = append(o.b, '}')
	}
	o.b = append(o.b, ']')
}

func appendInts(b []byte, list []int) []byte {
	b = append(b, '[')
	for _, n := range list {
		b = strconv.AppendInt(jsontext.AppendComma(b), int64(n), 10)
	}
	return append(b, ']')
}

func appendFloats(b []byte, list []float64) []byte {
	b = append(b, '[')
	for _, f := range list {
		b = appendFloat(jsontext.AppendComma(b), f)
	}
	return append(b, ']')
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

func appendFloat(b []byte, f float64) []byte { return strconv.AppendFloat(b, f, 'g', -1, 64) }

// float leaves out zero, and what JSON has no number for.
func (o *object) float(name string, f float64) {
	if f != 0 && finite(f) {
		o.name(name)
		o.b = appendFloat(o.b, f)
	}
}

// json writes a value that is JSON already.
func (o *object) json(name string, value json.RawMessage) {
	if len(value) > 0 {
		o.name(name)
		o.b = append(o.b, value...)
	}
}

func (o *object) time(name string, t time.Time) {
	o.name(name)
	o.b = append(o.b, '"')
	o.b = t.AppendFormat(o.b, time.RFC3339Nano)
	o.b = append(o.b, '"')
}

// millis writes what Millis.AppendJSON would, without the detour over floats.
func (o *object) millis(name string, m llm.Millis) {
	if m < 0 || m > math.MaxInt64/2 {
		o.name(name)
		o.b = m.AppendJSON(o.b)
		return
	}
	micros := (int64(m) + 500) / 1000
	if micros == 0 {
		return
	}
	o.name(name)
	o.b = strconv.AppendInt(o.b, micros/1000, 10)
	if frac := micros % 1000; frac != 0 {
		o.b = append(o.b, '.', byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
	}
}
