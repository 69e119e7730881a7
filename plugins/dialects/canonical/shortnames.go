package canonical

// maxName is the length of a tool's name that all providers take, in bytes.
const maxName = 64

// ShortNames makes names of tools that all providers take of others, for clients whose format
// allows those: the same short name for the same one, so that declarations and history agree.
// Names that all take are at most 64 letters, digits, _ and -.
type ShortNames struct {
	// pairs are the items of a list: a short name and the client's own.
	pairs Writer
	// Many says that there are too many to remember.
	Many bool
}

// Reset forgets the names.
func (n *ShortNames) Reset() { n.pairs.B, n.Many = n.pairs.B[:0], false }

// Declare notes a tool's name, which a reply may have to give back.
func (n *ShortNames) Declare(name Value) {
	if goodWord(Text(name), maxName) || len(Inside(name)) == 0 {
		return
	}
	n.pairs.Open('[')
	n.pairs.Value(ShortName(name))
	n.pairs.Value(name)
	n.pairs.Close(']')
	n.Many = n.Many || len(n.pairs.B) > maxNames
}

// WriteContext writes the member "context" for the reply, if any name was not taken.
func (n *ShortNames) WriteContext(w *Writer) {
	if len(n.pairs.B) > 0 {
		w.Name("context")
		w.Open('{')
		n.Write(w)
		w.Close('}')
	}
}

// Write writes the member "names" of a context, if any name was not taken.
func (n *ShortNames) Write(w *Writer) {
	if len(n.pairs.B) > 0 {
		w.Name("names")
		w.Open('[')
		w.B = append(w.B, n.pairs.B...)
		w.Close(']')
	}
}

// ShortName returns what a tool is called in the canonical form: its name or, of one that not
// all providers take, its beginning with a hash.
func ShortName(name Value) Value {
	text := Text(name)
	if len(text) == 0 || goodWord(text, maxName) {
		return name
	}
	h := uint64(14695981039346656037) // FNV-1a
	for _, c := range text {
		h = (h ^ uint64(c)) * 1099511628211
	}
	short := append([]byte{'"'}, Word(text, maxName-11)...)
	short = append(short, '_')
	for range 10 {
		short = append(short, "0123456789abcdefghijklmnopqrstuv"[h&31])
		h >>= 5
	}
	return append(short, '"')
}

// ClientNames is the list of short names and the client's own that a reply's context holds;
// empty without one.
func ClientNames(context Value) Value { return context.Member("names") }

// ClientName is what the client calls a tool, given ClientNames.
func ClientName(names, name Value) Value { return callerName(names, name) }
