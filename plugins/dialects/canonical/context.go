package canonical

import (
	"bytes"

	penstock "github.com/penstock/penstock/sdk/go"
)

// maxNames bounds what a stream has to remember of renamed tools, in bytes of JSON.
const maxNames = 20 << 10

// Context is what a reply needs to know of its request: the tools that the provider knows
// by another name, and whether calls are wanted in the deprecated form. It depends on the
// request alone, and the host hands it to the reply.
type Context struct {
	// Legacy is set when the request declares functions in the deprecated form only: then it
	// is answered in that form.
	Legacy bool
	// Custom are custom tools that the provider knows as functions, by its names for them.
	Custom [][]byte
	// LetterFirst says that the provider takes no name that begins with a digit or a hyphen.
	LetterFirst bool
	renamed     []renamed
}

// renamed is a tool whose name the provider does not take, and what it is called there.
type renamed struct{ caller, provider []byte }

// ProviderName is what a tool is called at the provider's.
func (c *Context) ProviderName(name []byte) []byte {
	for i := range c.renamed {
		if bytes.Equal(c.renamed[i].caller, name) {
			return c.renamed[i].provider
		}
	}
	return name
}

// RenameTools finds a name for each tool whose own name the provider does not take: the
// same in the declarations, the choice and the history. Names are letters, digits, _ and
// -, at most limit bytes. It reports false when there are too many to remember.
func (c *Context) RenameTools(r *Request, limit int) bool {
	odd := false
	for name := range r.toolNames {
		odd = odd || !c.takes(name, limit)
	}
	if !odd {
		return true
	}
	taken, seen, size := map[string]int64{}, map[string]bool{}, 0
	for name := range r.toolNames {
		if c.takes(name, limit) {
			taken[string(name)] = 1
		}
	}
	var quoted []byte
	for name := range r.toolNames {
		if c.takes(name, limit) || seen[string(name)] {
			continue
		}
		seen[string(name)] = true
		word := Word(name, limit)
		if c.LetterFirst && startsOddly(word) {
			word = Word(append([]byte{'_'}, word...), limit)
		}
		provider := uniqueWord(taken, word, limit)
		c.renamed = append(c.renamed, renamed{caller: name, provider: provider})
		quoted = penstock.AppendText(quoted[:0], name)
		size += len(quoted) + len(provider) + len(`["",],`)
	}
	return size <= maxNames
}

// takes reports whether the provider takes a name; what has none is not renamed.
func (c *Context) takes(name []byte, limit int) bool {
	return len(name) == 0 || goodWord(name, limit) && !(c.LetterFirst && startsOddly(name))
}

// startsOddly reports whether a word begins with a digit or a hyphen.
func startsOddly(word []byte) bool {
	return len(word) > 0 && (word[0] == '-' || word[0] >= '0' && word[0] <= '9')
}

// write writes the member "context", unless it is empty.
func (c *Context) write(w *Writer) {
	if len(c.renamed)+len(c.Custom) == 0 && !c.Legacy {
		return
	}
	w.Name("context")
	w.Open('{')
	if c.Legacy {
		w.MemberLiteral("functions", "true")
	}
	if len(c.renamed) > 0 {
		w.Name("names")
		w.Open('[')
		for i := range c.renamed {
			w.Open('[')
			w.Text(c.renamed[i].provider)
			w.Text(c.renamed[i].caller)
			w.Close(']')
		}
		w.Close(']')
	}
	if len(c.Custom) > 0 {
		w.Name("custom")
		w.Open('[')
		for _, name := range c.Custom {
			w.Text(name)
		}
		w.Close(']')
	}
	w.Close('}')
}

// IsCustom reports whether a tool, by the provider's name for it, is one of Context.Custom.
func IsCustom(context, name Value) bool {
	for v := range context.Member("custom").Items {
		if bytes.Equal(Text(v), Text(name)) {
			return true
		}
	}
	return false
}

// replyContext is a Context as the reply reads it.
type replyContext struct {
	// names is a list of pairs: a tool's name at the provider's and the caller's own.
	names Value
	// legacy is set when a call is wanted in the deprecated form.
	legacy bool
}

func readContext(context Value) replyContext {
	return replyContext{names: context.Member("names"), legacy: context.Member("functions").Kind() == 't'}
}

// callerName is what the caller calls a tool.
func callerName(names, name Value) Value {
	if len(names) == 0 {
		return name
	}
	provider := Text(name)
	for pair := range names.Items {
		var own Value
		match := false
		for v := range pair.Items {
			match, own = match || bytes.Equal(Text(v), provider) && own == nil, v
		}
		if match {
			return own
		}
	}
	return name
}
