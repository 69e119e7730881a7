package policy

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// part is a value within a decision, with its path for errors.
type part struct {
	path  string
	value ast.Value
}

func (p part) wrong(want string) error {
	return fmt.Errorf("%s: must be %s, not %s", p.path, want, ast.ValueName(p.value))
}

func (p part) unknown(known ...string) error {
	name := p.path[strings.LastIndexByte(p.path, '.')+1:]
	if near := nearest(name, known); near != "" {
		return fmt.Errorf("%s: unknown; did you mean %s?", p.path, near)
	}
	return fmt.Errorf("%s: unknown; known are %s", p.path, strings.Join(known, ", "))
}

// members calls read for each member of an object, in the order of their names.
func (p part) members(read func(name string, m part) error) error {
	o, ok := p.value.(ast.Object)
	if !ok {
		return p.wrong("an object")
	}
	return o.Iter(func(k, v *ast.Term) error {
		name, ok := k.Value.(ast.String)
		if !ok {
			return fmt.Errorf("%s: has the key %v, which is not a string", p.path, k)
		}
		return read(string(name), part{p.path + "." + string(name), v.Value})
	})
}

// listOf returns a reader of an array in its order, or of a set in Rego's order of values. The
// result is never nil without an error.
func listOf[T any](read func(part) (T, error)) func(part) ([]T, error) {
	return func(p part) ([]T, error) { return items(p, read) }
}

func items[T any](p part, read func(part) (T, error)) ([]T, error) {
	var elements *ast.Array
	switch v := p.value.(type) {
	case *ast.Array:
		elements = v
	case ast.Set:
		elements = v.Sorted()
	default:
		return nil, p.wrong("an array or a set")
	}
	if elements.Len() > maxItems {
		return nil, fmt.Errorf("%s: has %d items, at most %d are allowed", p.path, elements.Len(), maxItems)
	}
	out := make([]T, 0, elements.Len())
	for i := range elements.Len() {
		item, err := read(part{fmt.Sprintf("%s[%d]", p.path, i), elements.Elem(i).Value})
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

// tableOf returns a reader of an object of strings. It is nil for an empty one.
func tableOf(read func(part) (string, error)) func(part) (map[string]string, error) {
	return func(p part) (map[string]string, error) { return p.table(read) }
}

func (p part) table(read func(part) (string, error)) (map[string]string, error) {
	var table map[string]string
	err := p.members(func(name string, m part) error {
		s, err := read(m)
		switch {
		case err != nil:
			return err
		case len(table) == maxItems || len(name) > maxLabel:
			return fmt.Errorf("%s: has more than %d members, or a name of more than %d bytes", p.path, maxItems, maxLabel)
		case table == nil:
			table = make(map[string]string)
		}
		table[name] = s
		return nil
	})
	return table, err
}

func (p part) boolean() (bool, error) {
	b, ok := p.value.(ast.Boolean)
	if !ok {
		return false, p.wrong("a boolean")
	}
	return bool(b), nil
}

func (p part) text(most int) (string, error) {
	s, ok := p.value.(ast.String)
	switch {
	case !ok:
		return "", p.wrong("a string")
	case len(s) > most:
		return "", fmt.Errorf("%s: has %d bytes, at most %d are allowed", p.path, len(s), most)
	}
	return string(s), nil
}

// line parses one line of text.
func (p part) line(most int) (string, error) {
	s, err := p.text(most)
	if err == nil && strings.ContainsFunc(s, unicode.IsControl) {
		err = fmt.Errorf("%s: must not contain control characters", p.path)
	}
	return s, err
}

// filled parses one line of text that is not empty.
func (p part) filled(most int) (string, error) {
	s, err := p.line(most)
	if err == nil && s == "" {
		err = fmt.Errorf("%s: must not be empty", p.path)
	}
	return s, err
}

// message parses a text for people, of at most maxText bytes: it may have lines and tabs.
func (p part) message() (string, error) {
	s, err := p.text(maxText)
	if err == nil && strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }) {
		err = fmt.Errorf("%s: must not contain control characters other than line breaks and tabs", p.path)
	}
	return s, err
}

func (p part) filledMessage() (string, error) {
	s, err := p.message()
	if err == nil && s == "" {
		err = fmt.Errorf("%s: must not be empty", p.path)
	}
	return s, err
}

// label parses a line of at most maxLabel bytes that is not empty.
func (p part) label() (string, error) { return p.filled(maxLabel) }

// code parses a label such as model_not_allowed.
func (p part) code() (string, error) {
	s, err := p.label()
	if err == nil && strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' }) {
		err = fmt.Errorf("%s: %q must consist of a-z, 0-9 and _", p.path, s)
	}
	return s, err
}

func (p part) number() (ast.Number, error) {
	n, ok := p.value.(ast.Number)
	if !ok {
		return "", p.wrong("a number")
	}
	return n, nil
}

func (p part) integer(least, most int64) (int64, error) {
	n, err := p.number()
	if err != nil {
		return 0, err
	}
	i, ok := n.Int64()
	if !ok || i < least || i > most {
		return 0, fmt.Errorf("%s: must be a whole number from %d to %d, not %s", p.path, least, most, n)
	}
	return i, nil
}

func smallInt(least, most int) func(part) (int, error) {
	return func(p part) (int, error) {
		i, err := p.integer(int64(least), int64(most))
		return int(i), err
	}
}

// usd parses an amount in US dollars exactly, as nano-USD.
func (p part) usd() (int64, error) {
	n, err := p.number()
	if err != nil {
		return 0, err
	}
	amount, err := llm.ParseUSD(string(n))
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s: %w; an amount that is computed must be rounded, as in round(x * 100) / 100", p.path, err)
	case amount < 0:
		return 0, fmt.Errorf("%s: must not be negative, as %s is", p.path, n)
	}
	return int64(amount), nil
}

// oneOf returns a reader of a text that is one of a few.
func oneOf[S ~string](known ...S) func(part) (S, error) {
	return func(p part) (S, error) {
		s, err := p.text(maxLabel)
		if err != nil {
			return "", err
		}
		if !slices.Contains(known, S(s)) {
			return "", fmt.Errorf("%s: must be one of %v, not %q", p.path, known, s)
		}
		return S(s), nil
	}
}

// window checks a limit's window.
func (p part) window() (string, error) {
	s, err := p.text(maxLabel)
	if err != nil {
		return "", err
	}
	if _, err := llm.ParseWindow(s); err != nil {
		return "", fmt.Errorf("%s: %w", p.path, err)
	}
	return s, nil
}
