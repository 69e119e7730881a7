// Package hint adds to an error what its reader can do about it. Packages that the
// command line calls return such errors, and the command line prints the hint on a line
// of its own.
package hint

import (
	"errors"
	"fmt"
)

// Error is an error with a hint.
type Error struct {
	Err error
	// Hint says what to do, such as a command to type.
	Hint string
}

// Error returns the error without the hint.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error without the hint.
func (e *Error) Unwrap() error { return e.Err }

// Add adds a hint to an error. A nil error stays nil.
func Add(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{err, fmt.Sprintf(format, args...)}
}

// Of returns the outermost hint of an error, empty if it has none.
func Of(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}
