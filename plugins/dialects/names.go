package dialects

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	penstock "github.com/penstock/penstock/sdk/go"
)

// maxName is the length of a tool's name at Anthropic's, in bytes; maxNames bounds what a
// stream has to remember of names that are not possible there, in bytes of JSON.
const (
	maxName  = 128
	maxNames = 20 << 10
)

// renamed is a tool whose name Anthropic does not take, and what it is called there.
type renamed struct{ name, there []byte }

// planNames finds a name for each tool whose own Anthropic does not take, the same in the
// declarations, the choice and the history. It depends on the request alone, and the
// reply gets it back as context.
func (r *request) planNames() error {
	odd := false
	for name := range r.toolNames {
		odd = odd || !goodName(name)
	}
	if !odd {
		return nil
	}
	taken, seen, size := map[string]int64{}, map[string]bool{}, 0
	for name := range r.toolNames {
		if goodName(name) {
			taken[string(name)] = 1
		}
	}
	for name := range r.toolNames {
		if goodName(name) || seen[string(name)] {
			continue
		}
		seen[string(name)] = true
		there := unique(taken, mended(name, maxName), maxName)
		r.names = append(r.names, renamed{name: name, there: there})
		r.raw = penstock.AppendText(r.raw[:0], name)
		size += len(r.raw) + len(there) + len(`["",],`)
	}
	if size > maxNames {
		return reject("tools", "too many names that Anthropic does not take; use letters, digits, _ and - only")
	}
	return nil
}

// toolNames yields every name of a tool in the request, some twice.
func (r *request) toolNames(yield func([]byte) bool) {
	for v := range r.said.tools.Items {
		f := v.Member("function")
		if f.Kind() != '{' {
			f = v
		}
		if !yield(text(f.Member("name"))) {
			return
		}
	}
	for v := range r.said.functions.Items {
		if !yield(text(v.Member("name"))) {
			return
		}
	}
	for i := range r.turns {
		m := &r.turns[i]
		for call := range m.toolCalls.Items {
			if !yield(text(call.Member("function", "name"))) {
				return
			}
		}
		if m.call.Kind() == '{' && !yield(text(m.call.Member("name"))) {
			return
		}
	}
}

// there is what a tool is called at Anthropic's.
func (r *request) there(name []byte) []byte {
	if goodName(name) {
		return name
	}
	for i := range r.names {
		if bytes.Equal(r.names[i].name, name) {
			return r.names[i].there
		}
	}
	return name
}

func goodName(name []byte) bool {
	return len(name) > 0 && len(name) <= maxName && oddID(name, 0) == len(name)
}

// mended is a name or an id with an underscore for every character that Anthropic does
// not take, cut to a length.
func mended(s []byte, limit int) []byte {
	good := make([]byte, 0, len(s))
	for len(s) > 0 && len(good) < limit {
		if i := oddID(s, 0); i > 0 {
			good, s = append(good, s[:i]...), s[i:]
			continue
		}
		_, n := utf8.DecodeRune(s)
		good, s = append(good, '_'), s[n:]
	}
	return good[:min(len(good), limit)]
}

// unique takes a word that is not taken, the one given or that with a number. Taken holds
// the last number that a word has been given, 1 for the word itself.
func unique(taken map[string]int64, word []byte, limit int) []byte {
	if len(word) == 0 {
		word = []byte("call")
	}
	free, n := word, taken[string(word)]
	for taken[string(free)] > 0 {
		n++
		number := strconv.AppendInt([]byte{'_'}, n, 10)
		free = append(bytes.Clone(word[:min(len(word), limit-len(number))]), number...)
	}
	if n > 0 {
		taken[string(word)] = n // where the next search begins
	}
	taken[string(free)] = 1
	return free
}

// writeContext writes what the reply needs of the request: the names of tools that are
// called otherwise here, and whether calls are wanted in the deprecated form.
func (r *request) writeContext(w *writer) {
	if len(r.names) == 0 && !r.legacy() {
		return
	}
	w.name("context")
	w.open('{')
	if r.legacy() {
		w.memberLiteral("functions", "true")
	}
	if len(r.names) > 0 {
		w.name("names")
		w.open('[')
		for i := range r.names {
			w.open('[')
			w.text(r.names[i].there)
			w.text(r.names[i].name)
			w.close(']')
		}
		w.close(']')
	}
	w.close('}')
}

// legacy reports whether the request declares functions in the deprecated form only: then
// it is answered in it.
func (r *request) legacy() bool { return filled(r.said.functions) && !filled(r.said.tools) }

// recall is what the reply knows of the request.
type recall struct {
	// names is a list of pairs: a name at Anthropic's and the caller's own.
	names value
	// legacy says that calls are wanted in the deprecated form.
	legacy bool
}

func readRecall(context value) recall {
	return recall{names: context.Member("names"), legacy: context.Member("functions").Kind() == 't'}
}

// here is what the caller calls a tool.
func (r *recall) here(name value) value {
	if len(r.names) == 0 {
		return name
	}
	there := text(name)
	for pair := range r.names.Items {
		var own value
		match := false
		for v := range pair.Items {
			match, own = match || bytes.Equal(text(v), there) && own == nil, v
		}
		if match {
			return own
		}
	}
	return name
}
