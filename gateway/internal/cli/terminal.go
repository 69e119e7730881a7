package cli

import (
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// terminal filters everything that the command line prints. Control characters and
// characters that hide or reorder text are written as JSON escapes them, so that text of
// other people cannot control a terminal, and JSON stays the same JSON. Line feeds and
// tabs pass. It is safe for concurrent use.
type terminal struct {
	out io.Writer
	// styled says that it is a terminal that shows styles, and that nobody objects.
	styled bool

	mu sync.Mutex
	// rest is the start of a character whose end has not been written yet.
	rest []byte
}

func newTerminal(out io.Writer) *terminal { return &terminal{out: out} }

// showsStyles reports whether a file is a terminal on which styles are wanted: not with NO_COLOR
// set to anything, nor with TERM=dumb.
func showsStyles(f *os.File, getenv func(string) string) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}

// control writes a control sequence of this program's own.
func (t *terminal) control(sequence string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, err := io.WriteString(t.out, sequence)
	return err
}

// Write implements io.Writer. A character may come in parts.
func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := append(t.rest, p...)
	whole := wholeRunes(text)
	t.rest = append([]byte(nil), text[whole:]...)
	_, err := io.WriteString(t.out, escaped(string(text[:whole])))
	return len(p), err
}

// wholeRunes returns the length of text without an incomplete character at its end.
func wholeRunes(text []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		if at := len(text) - back; utf8.RuneStart(text[at]) {
			if !utf8.FullRune(text[at:]) {
				return at
			}
			break
		}
	}
	return len(text)
}

// stuck reports, at the end, whether a Write hangs.
func (t *terminal) stuck() bool {
	if !t.mu.TryLock() {
		return true
	}
	t.mu.Unlock()
	return false
}

// Flush writes an incomplete character as U+FFFD. It is for the end: a Write that still runs then
// hangs, and is not waited for.
func (t *terminal) Flush() error {
	if !t.mu.TryLock() {
		return nil
	}
	defer t.mu.Unlock()
	_, err := io.WriteString(t.out, escaped(string(t.rest)))
	t.rest = nil
	return err
}

// escaped returns text with every invisible character but line feeds and tabs escaped.
func escaped(s string) string {
	hidden := func(r rune) bool { return r == utf8.RuneError || r != '\n' && r != '\t' && llm.Invisible(r) }
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var b strings.Builder
	for _, r := range s { // what is not UTF-8 becomes U+FFFD
		if r != utf8.RuneError && hidden(r) {
			b.WriteString(llm.EscapeRune(r))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// oneLine returns a value for a line or a cell, with line feeds and tabs escaped as well.
func oneLine(s string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(escaped(s))
}

// cells joins values into a row for a tabwriter.
func cells(values ...string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = oneLine(v)
	}
	return strings.Join(out, "\t")
}
