package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Bounds of amounts. More is a slip of the keyboard.
const (
	maxDollars    = 1_000_000_000
	maxCount      = 1_000_000_000_000_000
	maxTokenCap   = 100_000_000
	defaultAction = "deny"
)

var actions = []string{"deny", "cut"}

// hardSoft is a hard limit, a soft one or both. Amounts are in nano-USD, or a count.
type hardSoft struct {
	hard, soft       int64
	hasHard, hasSoft bool
	// percent is the soft limit as a part of the hard one, if it is given so.
	percent  int
	onExceed string
	place
}

// dollars are bounds in US dollars, count those of anything else.
type (
	dollars struct{ hardSoft }
	count   struct{ hardSoft }
)

func (d *dollars) read(r *settingsReader, path string, n *yaml.Node) {
	d.hardSoft.read(r, path, n, readDollars)
}
func (c *count) read(r *settingsReader, path string, n *yaml.Node) {
	c.hardSoft.read(r, path, n, readCount)
}

func (d *dollars) schema() map[string]any {
	return boundSchema(map[string]any{"type": "number", "minimum": 0, "maximum": maxDollars})
}

func (c *count) schema() map[string]any {
	return boundSchema(map[string]any{"type": "integer", "minimum": 0, "maximum": maxCount})
}

func boundSchema(amount map[string]any) map[string]any {
	describe := func(s map[string]any, text string) map[string]any {
		out := map[string]any{"description": text}
		for k, v := range s {
			out[k] = v
		}
		return out
	}
	soft := map[string]any{"description": "Beyond it requests pass, with a warning. An amount, or a part of hard such as 80%.",
		"oneOf": []any{amount, map[string]any{"type": "string", "pattern": "^[1-9][0-9]?%$"}}}
	return map[string]any{"oneOf": []any{
		describe(amount, "The hard limit: beyond it requests are refused."),
		map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{
			"hard":      describe(amount, "Beyond it requests are refused."),
			"soft":      soft,
			"on_exceed": map[string]any{"description": "deny, the default: a reply that turns out larger than estimated is completed. cut: a stream is ended when the hard limit is reached.", "enum": actions},
		}, "anyOf": []any{map[string]any{"required": []string{"hard"}}, map[string]any{"required": []string{"soft"}}}},
	}}
}

type readAmount func(r *settingsReader, path string, n *yaml.Node) (int64, bool)

func (b *hardSoft) read(r *settingsReader, path string, n *yaml.Node, amount readAmount) {
	b.onExceed = defaultAction
	if n.Kind != yaml.MappingNode {
		b.hard, b.hasHard = amount(r, path, n)
		return
	}
	before := len(r.faults)
	r.members(path, n, func(name string, key, value *yaml.Node) {
		value, ok := r.enter(join(path, name), value)
		if !ok {
			return
		}
		r.depth--
		switch at := join(path, name); name {
		case "hard":
			b.hard, b.hasHard = amount(r, at, value)
		case "soft":
			b.readSoft(r, at, value, amount)
		case "on_exceed":
			b.onExceed = value.Value
			r.enum(at, value, actions)
		default:
			r.fault(key, at, suggestion(name, []string{"hard", "soft", "on_exceed"}), "unknown setting")
		}
	})
	if len(r.faults) == before {
		b.check(r, path, n)
	}
}

func (b *hardSoft) check(r *settingsReader, path string, n *yaml.Node) {
	switch {
	case !b.hasHard && !b.hasSoft:
		r.fault(n, path, "write an amount, or {hard: …, soft: …}", "has neither hard nor soft")
	case b.percent > 0 && !b.hasHard:
		r.fault(n, path, "add hard, or write the amount", "soft is a percentage, but of nothing: there is no hard")
	case b.hasHard && b.hasSoft && b.percent == 0 && b.soft >= b.hard:
		r.fault(n, path, "lower soft", "soft must be below hard")
	case !b.hasHard && b.onExceed != defaultAction:
		r.fault(n, path, "add hard, or remove on_exceed", "on_exceed has no effect: there is no hard")
	}
}

func (b *hardSoft) readSoft(r *settingsReader, path string, n *yaml.Node, amount readAmount) {
	digits, isPercent := strings.CutSuffix(n.Value, "%")
	if n.Kind != yaml.ScalarNode || !isPercent {
		b.soft, b.hasSoft = amount(r, path, n)
		return
	}
	p, err := strconv.Atoi(digits)
	if err != nil || p < 1 || p > 99 || digits != strconv.Itoa(p) {
		r.fault(n, path, "", "must be an amount, or a percentage from 1%% to 99%%, not %q", n.Value)
		return
	}
	b.percent, b.hasSoft = p, true
}

func readDollars(r *settingsReader, path string, n *yaml.Node) (int64, bool) {
	if !isNumber(n) {
		r.fault(n, path, "write US dollars as a number, such as 12.5", "must be a number, not %s", describeNode(n))
		return 0, false
	}
	amount, err := llm.ParseUSD(strings.ReplaceAll(n.Value, "_", ""))
	switch {
	case err != nil:
		r.fault(n, path, "", "%v", err)
	case amount < 0:
		r.fault(n, path, "", "must not be negative, as %s is", n.Value)
	case amount > maxDollars*llm.USD:
		r.fault(n, path, "", "must be at most %d US dollars, not %s", maxDollars, n.Value)
	default:
		return int64(amount), true
	}
	return 0, false
}

func readCount(r *settingsReader, path string, n *yaml.Node) (int64, bool) {
	return readInteger(r, path, n, 0, maxCount)
}

func readInteger(r *settingsReader, path string, n *yaml.Node, least, most int64) (int64, bool) {
	i, err := strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 10, 64)
	switch {
	case !isNumber(n) || err != nil:
		r.fault(n, path, "", "must be a whole number from %d to %d, not %s", least, most, describeNode(n))
	case i < least || i > most:
		r.fault(n, path, "", "must be from %d to %d, not %s", least, most, n.Value)
	default:
		return i, true
	}
	return 0, false
}

// tokenCap bounds the output of one request, in tokens.
type tokenCap int64

func (c *tokenCap) read(r *settingsReader, path string, n *yaml.Node) {
	i, _ := readInteger(r, path, n, 1, maxTokenCap)
	*c = tokenCap(i)
}

func (c *tokenCap) schema() map[string]any {
	return map[string]any{"type": "integer", "minimum": 1, "maximum": maxTokenCap}
}

// addition is the amount of a raise, as it is written; its unit says how to read it.
type addition struct {
	node   *yaml.Node
	amount int64 // in the unit of the raise
	place
}

func (a *addition) read(_ *settingsReader, _ string, n *yaml.Node) { a.node = n }

func (a *addition) schema() map[string]any { return map[string]any{"type": "number", "minimum": 0} }

// window is a limit's window.
type window string

func (w window) check() error {
	_, err := llm.ParseWindow(string(w))
	return err
}

func (w *window) read(r *settingsReader, path string, n *yaml.Node) {
	s, ok := r.label(path, n)
	if !ok {
		return
	}
	*w = window(s)
	if err := w.check(); err != nil {
		r.fault(n, path, "", "%v", err)
	}
}

func (w *window) schema() map[string]any {
	return map[string]any{"type": "string", "examples": []string{"1m", "5h", "day", "week", "month"}}
}

// date is a day such as 2026-12-31.
type date string

func (d *date) read(r *settingsReader, path string, n *yaml.Node) {
	t, err := time.Parse(time.DateOnly, n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || t.Year() < 2000 || t.Year() >= 2200 {
		r.fault(n, path, "write a day from 2000 to 2199 such as 2026-12-31", "invalid date %q", n.Value)
		return
	}
	*d = date(n.Value)
}

func (d *date) schema() map[string]any {
	return map[string]any{"type": "string", "pattern": `^2[01][0-9]{2}-[0-9]{2}-[0-9]{2}$`, "examples": []string{"2026-12-31"}}
}

// texts is one text or a list of them. It is not nil once it is given.
type texts []string

func (t *texts) read(r *settingsReader, path string, n *yaml.Node) {
	*t = texts{}
	if n.Kind != yaml.SequenceNode {
		if s, ok := r.label(path, n); ok {
			*t = append(*t, s)
		}
		return
	}
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		item, ok := r.enter(at, item)
		if !ok {
			continue
		}
		r.depth--
		s, ok := r.label(at, item)
		switch {
		case ok && slices.Contains(*t, s):
			r.fault(item, at, "delete one of the two", "%q is listed twice", s)
		case ok:
			*t = append(*t, s)
		}
	}
}

func (t *texts) schema() map[string]any {
	return oneOrMore(map[string]any{"type": "string", "minLength": 1})
}

func oneOrMore(item map[string]any) map[string]any {
	return map[string]any{"oneOf": []any{item, map[string]any{"type": "array", "items": item, "uniqueItems": true}}}
}
