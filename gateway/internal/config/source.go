package config

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// position is where a setting is in the file: line and column from 1, and how many
// characters its text has.
type position struct{ line, col, width int }

// source is the text of a Config, kept to show the lines of faults.
type source struct {
	file  string
	lines []string
	// at holds the position of every value, by path.
	at map[string]position
	// masked caches the lines of faults: masking a long one takes time, and a thousand
	// faults may be on it.
	masked *maskedLines
}

// maskedLines caches lines without what may be a credential, by number from 1. It is safe
// for concurrent use.
type maskedLines struct {
	mu    sync.Mutex
	lines map[int]string
}

func (m *maskedLines) line(number int, text string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	masked, ok := m.lines[number]
	if !ok {
		masked = mask(text)
		m.lines[number] = masked
	}
	return masked
}

func newSource(file string, text []byte) source {
	s := strings.ToValidUTF8(string(text), "�")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s) // YAML's line breaks
	return source{file: file, lines: strings.Split(s, "\n"), at: map[string]position{},
		masked: &maskedLines{lines: map[int]string{}}}
}

// fault returns a fault at the position of a path.
func (s *source) fault(path, hint, msg string) Fault {
	return s.faultAt(s.find(path), path, hint, msg)
}

func (s *source) faultAt(p position, path, hint, msg string) Fault {
	f := Fault{File: s.file, Line: max(min(p.line, len(s.lines)), 1), Col: max(p.col, 1), Path: path, Message: msg, Hint: hint, width: p.width}
	if f.Line <= len(s.lines) { // there is no line without a file
		f.text = s.masked.line(f.Line, s.lines[f.Line-1])
	}
	return f
}

// find returns the position of a setting, or else of the section around it.
func (s *source) find(path string) position {
	for path != "" {
		if p, ok := s.at[path]; ok {
			return p
		}
		path = parent(path)
	}
	return s.at[""]
}

// parent returns the path without its last element.
func parent(path string) string {
	if strings.HasSuffix(path, `"]`) {
		if i := strings.LastIndex(path, `["`); i >= 0 {
			return path[:i]
		}
	}
	if i := strings.LastIndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return ""
}

var (
	// credential finds settings that are named like credentials, with their value.
	credential = regexp.MustCompile(`(?i)(["']?([\w-]*(?:key|secret|token|password|passwd|authorization|cookie|credential)s?)["']?\s*:\s+)("[^"]*"?|'[^']*'?|[^\s,}#][^,}#]*)`)
	// tokenlike finds texts in the form of well-known credentials, wherever they are.
	tokenlike = regexp.MustCompile(`\b(?:sk|pk|rk|gsk|xai|hf|key|ghp|AIza|eyJ)[-_]?[A-Za-z0-9_-]{16,}|(?i:bearer)\s+\S+`)
	// inAddress finds a user's password and a query in an address.
	inAddress = regexp.MustCompile(`://[^/\s"'@]+@|[?&][\w.-]+=[^\s"'}&]+`)
	reference = regexp.MustCompile(`^["']?(?:env:[A-Za-z_]\w*|file:[^"']+)["']?\s*$`)
)

// mask replaces what may be a credential by asterisks, so that a key that was written into
// the file does not get into the log as well. Each character becomes one, so that carets
// point to the right column.
func mask(line string) string {
	line = replaceGroups(line)
	return tokenlike.ReplaceAllStringFunc(inAddress.ReplaceAllStringFunc(line, asterisks), asterisks)
}

func replaceGroups(line string) string {
	var b strings.Builder
	from := 0
	for _, m := range credential.FindAllStringSubmatchIndex(line, -1) {
		name, value := strings.ToLower(line[m[4]:m[5]]), line[m[6]:m[7]]
		if name == "first_token" || name == "input_tokens" || name == "keys" || reference.MatchString(value) {
			continue
		}
		b.WriteString(line[from:m[6]] + asterisks(value))
		from = m[7]
	}
	return b.String() + line[from:]
}

func asterisks(s string) string { return strings.Repeat("*", utf8.RuneCountInString(s)) }
