package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxPrinted bounds how many faults Faults.Error prints.
const maxPrinted = 50

// Fault is one error in a configuration, with its position.
type Fault struct {
	// File is the file's path as it was given to Load. Line and Col count from 1, Col
	// in characters.
	File      string
	Line, Col int
	// Path is the setting, such as "models.smart.targets[0]"; empty for the
	// file as a whole.
	Path    string
	Message string
	// Hint says what to write instead; it may be empty.
	Hint string

	text  string // the line, secrets masked
	width int    // how many characters to underline
}

// Error formats the fault in one line, as compilers do.
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

// snippet formats the fault with its line of the file, carets below the text at fault,
// and the hint. It ends in a newline.
func (f Fault) snippet() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", f.File, f.Line, f.Col)
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Message + "\n")
	if strings.TrimSpace(f.text) != "" {
		before, text := excerpt([]rune(f.text), f.Col-1)
		fmt.Fprintf(&b, "%5d | %s\n", f.Line, text)
		room := max(1, len([]rune(text))-before)
		fmt.Fprintf(&b, "      | %s%s\n", strings.Repeat(" ", before), strings.Repeat("^", max(1, min(f.width, room))))
	}
	if f.Hint != "" {
		fmt.Fprintf(&b, "      = %s\n", f.Hint)
	}
	return b.String()
}

// excerpt makes a line printable: tabs and other control characters become blanks, and a
// long line is cut around column at, counted from 0. before is how many characters
// precede the column.
func excerpt(line []rune, at int) (before int, text string) {
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

// Faults is every fault of a configuration, in order of lines. As an error it is never
// empty.
type Faults []Fault

// Error formats the faults, each with its line of the file.
func (f Faults) Error() string {
	var b strings.Builder
	for i, one := range f {
		if i == maxPrinted {
			fmt.Fprintf(&b, "\nand %d more\n", len(f)-maxPrinted)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(one.snippet())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// sorted sorts faults by position and drops duplicates.
func (f Faults) sorted() Faults {
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return slices.CompactFunc(f, func(a, b Fault) bool {
		return a.Line == b.Line && a.Col == b.Col && a.Message == b.Message
	})
}

// Fault returns a fault about a setting of this configuration, for errors that appear
// only when the configuration is used: a policy that does not compile, a plugin that does
// not load. Path is as in Fault.Path; a setting that is not in the file gets the position
// of the section around it.
func (c *Config) Fault(path, hint, format string, args ...any) Fault {
	return c.source.fault(path, hint, fmt.Sprintf(format, args...))
}

// Line returns the line of a setting in the file, from 1; of the section around it where the
// setting is not in the file.
func (c *Config) Line(path string) int { return c.source.find(path).line }

// Path returns the Fault.Path of a member of a mapping.
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
