package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxShown bounds how many faults are rendered at once.
const maxShown = 50

// Fault is one thing wrong with a configuration, and where.
type Fault struct {
	// File is the file's path as it was given to Load. Line and Col count from 1, Col
	// in characters.
	File      string
	Line, Col int
	// Path is the setting at fault, such as "models.smart.targets[0]"; empty for the
	// file as a whole.
	Path    string
	Message string
	// Hint says what to write instead; it may be empty.
	Hint string

	text  string // the line, secrets masked
	width int    // how many characters to underline
}

// Error is the fault in one line, as compilers write them.
func (f Fault) Error() string {
	s := fmt.Sprintf("%s:%d:%d: ", f.File, f.Line, f.Col)
	if f.Path != "" {
		s += f.Path + ": "
	}
	s += f.Message
	if f.Hint != "" {
		s += " (" + f.Hint + ")"
	}
	return s
}

// Picture shows the fault on its line, with a caret below the place and the hint
// below that. It ends in a newline.
func (f Fault) Picture() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", f.File, f.Line, f.Col)
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Message + "\n")
	if strings.TrimSpace(f.text) != "" {
		before, shown := excerpt([]rune(f.text), f.Col-1)
		fmt.Fprintf(&b, "%5d | %s\n", f.Line, shown)
		room := max(1, len([]rune(shown))-before)
		fmt.Fprintf(&b, "      | %s%s\n", strings.Repeat(" ", before), strings.Repeat("^", max(1, min(f.width, room))))
	}
	if f.Hint != "" {
		fmt.Fprintf(&b, "      = %s\n", f.Hint)
	}
	return b.String()
}

// excerpt makes a line fit to print: tabs and other control characters become blanks,
// and a long line is cut around column at, counted from 0. It returns how many
// characters precede the column.
func excerpt(line []rune, at int) (before int, shown string) {
	const width = 120
	at = min(max(at, 0), len(line))
	from := 0
	if len(line) > width {
		from = min(max(0, at-width/2), len(line)-width)
		line = line[from : from+width]
	}
	clean := make([]rune, len(line))
	for i, r := range line {
		clean[i] = r
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			clean[i] = ' '
		}
	}
	return at - from, strings.TrimRight(string(clean), " ")
}

// Faults is everything wrong with a configuration, in order of lines. It is never
// empty when it is an error.
type Faults []Fault

// Error shows every fault as a picture.
func (f Faults) Error() string {
	var b strings.Builder
	for i, one := range f {
		if i == maxShown {
			fmt.Fprintf(&b, "\nand %d more\n", len(f)-maxShown)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(one.Picture())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// sorted orders faults by place and drops repetitions.
func (f Faults) sorted() Faults {
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return slices.CompactFunc(f, func(a, b Fault) bool {
		return a.Line == b.Line && a.Col == b.Col && a.Message == b.Message
	})
}

// Fault makes a fault about a setting of this configuration, for what only shows when
// the configuration is put to work: a policy that does not compile, a plugin that
// does not load. Path is as in Fault.Path; a setting that the file does not mention is
// placed at what encloses it.
func (c *Config) Fault(path, hint, format string, args ...any) Fault {
	return c.source.fault(path, hint, fmt.Sprintf(format, args...))
}

// Path names a member of a mapping in a Fault.Path.
func Path(parent, member string) string {
	plain := member != "" && strings.Trim(member,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
	switch {
	case !plain:
		return fmt.Sprintf("%s[%q]", parent, member)
	case parent == "":
		return member
	}
	return parent + "." + member
}
