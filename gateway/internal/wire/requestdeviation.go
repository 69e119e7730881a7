package wire

import (
	"bytes"
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

//go:embed requestdeviations.tsv
var requestDeviationsFile string

// requestDeviation is a row of requestdeviations.tsv: what of a chat completions request a
// provider refuses or calls otherwise.
type requestDeviation struct {
	provider, model string
	// refused are members of the request, inMessages those of each of its messages.
	refused, inMessages []refusal
	renamed             map[string]string
	// thinking is how the model is asked to think.
	thinking thinkingStyle
}

// refusal is a member that is refused: whatever its value; or, with value set, if it has that
// one, or with only set if it has any but that one.
type refusal struct {
	name, value string
	only        bool
}

// refuses reports whether the member with this value, as JSON, is refused.
func (r *refusal) refuses(name string, value []byte) bool {
	text, isText := jsontext.Unquote(value)
	if !isText {
		text = string(value)
	}
	return name == r.name && (r.value == "" || (text == r.value) != r.only)
}

// parseRefusal reads NAME, NAME!VALUE or NAME:VALUE.
func parseRefusal(s string) (r refusal) {
	if name, value, ok := strings.Cut(s, "!"); ok {
		return refusal{name: name, value: value}
	}
	r.name, r.value, r.only = strings.Cut(s, ":")
	return r
}

var requestDeviations = sync.OnceValue(func() []requestDeviation { return parseRequestDeviations(requestDeviationsFile) })

// parseRequestDeviations reads the rows of the table. A test checks the file.
func parseRequestDeviations(file string) (rows []requestDeviation) {
	for line := range strings.Lines(file) {
		columns := strings.Split(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(line, "#") || len(columns) != 6 {
			continue
		}
		row := requestDeviation{provider: columns[0], model: columns[1], refused: refusals(columns[2]), inMessages: refusals(columns[3]),
			renamed: map[string]string{}, thinking: thinkingStyle(columns[5])}
		for _, pair := range words(columns[4]) {
			from, to, _ := strings.Cut(pair, "=")
			row.renamed[from] = to
		}
		rows = append(rows, row)
	}
	return rows
}

// words are those of a column.
func words(column string) []string {
	if column == "-" {
		return nil
	}
	return strings.Split(column, ",")
}

func refusals(column string) (all []refusal) {
	for _, word := range words(column) {
		all = append(all, parseRefusal(word))
	}
	return all
}

// requestDeviationOf is the first row for a target, nil if there is none.
func requestDeviationOf(t *llm.Target) *requestDeviation {
	if t.Catalog == "" {
		return nil
	}
	rows := requestDeviations()
	for i := range rows {
		if rows[i].provider == t.Catalog && matchesPattern(rows[i].model, t.Model) {
			return &rows[i]
		}
	}
	return nil
}

// matchesPattern reports whether a name matches a pattern in which * stands for any text.
func matchesPattern(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	name, ok := strings.CutPrefix(name, parts[0])
	if !ok || len(parts) == 1 {
		return ok && name == ""
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
	return strings.HasSuffix(name, parts[last])
}

// adapt returns a request's body without what the provider refuses and with its names, and
// what was left out although it meant something. The body is the same one if nothing is.
func (r *requestDeviation) adapt(body []byte) (adapted []byte, dropped []string) {
	if r == nil || !r.concerns(body) {
		return body, nil
	}
	members := membersOf(body, 0)
	edits, silent, dropped := askToThink(body, members, r.thinking)
	for _, m := range members {
		to := r.renamed[m.name]
		switch {
		case to == "":
		case slices.ContainsFunc(members, func(other span) bool { return other.name == to }):
			silent = append(silent, refusal{name: m.name}) // the provider's own name counts
		default:
			edits = append(edits, edit{llm.Span{Start: m.start, End: m.nameEnd}, jsontext.AppendQuote(nil, to)})
		}
		if m.name == "messages" && len(r.inMessages) > 0 {
			more, names := leaveOutOfMessages(body, m, r.inMessages)
			edits, dropped = append(edits, more...), append(dropped, names...)
		}
	}
	// All at once: which comma goes with a member depends on the others.
	more, names := leaveOut(body, members, append(silent, r.refused...), "")
	for _, name := range names {
		if !slices.ContainsFunc(silent, func(s refusal) bool { return s.name == name }) {
			dropped = append(dropped, name)
		}
	}
	edits = append(edits, more...)
	slices.Sort(dropped)
	return apply(body, edits), slices.Compact(dropped)
}

// concerns reports whether a body may hold a member that the row is about. That a name is
// somewhere in it is found much faster than its members are read.
func (r *requestDeviation) concerns(body []byte) bool {
	has := func(name string) bool { return bytes.Contains(body, []byte(name)) }
	if bytes.Contains(body, []byte(`\u00`)) { // a name may be written in escapes
		return true
	}
	for _, m := range r.refused {
		if has(m.name) {
			return true
		}
	}
	for _, m := range r.inMessages {
		if has(m.name) {
			return true
		}
	}
	for name := range r.renamed {
		if has(name) {
			return true
		}
	}
	return r.thinking != "-" && (has("reasoning") || has("thinking"))
}

// leaveOut removes members of an object with their commas, and returns the names of those
// that meant something, behind a prefix.
func leaveOut(body []byte, members []span, refused []refusal, prefix string) (edits []edit, dropped []string) {
	kept := 0 // where the last member that stays ends
	for i, m := range members {
		if !slices.ContainsFunc(refused, func(r refusal) bool { return r.refuses(m.name, body[m.value:m.end]) }) {
			kept = m.end
			continue
		}
		at := llm.Span{Start: m.start, End: m.end}
		switch {
		case kept > 0: // with the comma before it
			at.Start = max(kept, members[i-1].end)
		case i+1 < len(members): // with the one behind it
			at.End = members[i+1].start
		}
		edits = append(edits, edit{at: at})
		if meansSomething(m.name, body[m.value:m.end]) {
			dropped = append(dropped, prefix+m.name)
		}
	}
	return edits, dropped
}

func leaveOutOfMessages(body []byte, messages span, refused []refusal) (edits []edit, dropped []string) {
	s := newScan(body[messages.value:messages.end])
	if !s.Open('[') {
		return nil, nil
	}
	for s.More(']') {
		s.Peek()
		at := messages.value + s.Pos()
		s.Skip()
		more, lost := leaveOut(body, membersOf(body, at), refused, "messages.")
		edits, dropped = append(edits, more...), append(dropped, lost...)
	}
	return edits, dropped
}

// meansSomething reports whether leaving a member out changes anything: its value is not the
// one that holds without it.
func meansSomething(name string, value []byte) bool {
	switch string(value) {
	case "null", "false", `""`, "[]", "{}":
		return false
	case "0":
		return name == "seed"
	case "1":
		return name != "n"
	}
	return true
}
