package llm

import "fmt"

// Priority is the class of a request where there is not enough capacity for all. A higher
// class is a larger number; the zero value is PriorityNormal.
type Priority int8

// The classes.
const (
	PriorityLow    Priority = -1
	PriorityNormal Priority = 0
	PriorityHigh   Priority = 1
)

// PriorityTag is the tag of a virtual key that sets the class of its requests. Tags that
// callers send set none.
const PriorityTag = "priority"

// Priorities returns the classes, the highest first.
func Priorities() []Priority { return []Priority{PriorityHigh, PriorityNormal, PriorityLow} }

// ParsePriority reads high, normal or low.
func ParsePriority(s string) (Priority, bool) {
	for _, p := range Priorities() {
		if s == p.String() {
			return p, true
		}
	}
	return PriorityNormal, false
}

// String returns high, normal or low.
func (p Priority) String() string {
	switch {
	case p > PriorityNormal:
		return "high"
	case p < PriorityNormal:
		return "low"
	}
	return "normal"
}

// MarshalText implements encoding.TextMarshaler.
func (p Priority) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Priority) UnmarshalText(text []byte) error {
	read, ok := ParsePriority(string(text))
	if !ok {
		return fmt.Errorf("invalid priority %q", text)
	}
	*p = read
	return nil
}

// Share returns how many of max places requests of this class may take together with the
// classes above it: high all of them, normal all but a twentieth, low all but a fifth, both
// rounded down. So a flood of less important requests leaves room for important ones.
func (p Priority) Share(max int) int {
	switch {
	case p > PriorityNormal:
		return max
	case p < PriorityNormal:
		return max - max/5
	}
	return max - max/20
}
