package hook

import (
	"fmt"
	"strings"
)

// FaultKind classifies what a module did wrong.
type FaultKind string

// The kinds of faults.
const (
	// Trapped: the guest trapped.
	Trapped FaultKind = "trap"
	// OutOfFuel: the guest used up its fuel.
	OutOfFuel FaultKind = "out_of_fuel"
	// Exited: the guest called proc_exit.
	Exited FaultKind = "exit"
	// NoRoom: the guest had no memory for the input, or returned an address outside of it.
	NoRoom FaultKind = "no_room"
	// BadResult: the result is outside of memory, too long or invalid.
	BadResult FaultKind = "bad_result"
	// NoInstance: an instance could not be made.
	NoInstance FaultKind = "no_instance"
	// Disabled: the module was not called, since it has faulted too often.
	Disabled FaultKind = "disabled"
)

// Fault is a module's misbehavior. The instance is closed, unless only the contents of its
// result were invalid.
type Fault struct {
	// Module is the module's name, Hook the export's.
	Module string
	Hook   string
	Kind   FaultKind
	// Detail is one line for people.
	Detail string
	// Err is wazero's error with the stack of guest functions; may be nil.
	Err error
}

// Error returns one line.
func (f *Fault) Error() string {
	if f.Module == "" { // found by a test, which names the module itself
		return f.Hook + ": " + f.Detail
	}
	return fmt.Sprintf("module %s: %s: %s", f.Module, f.Hook, f.Detail)
}

// Unwrap returns Err.
func (f *Fault) Unwrap() error { return f.Err }

// Rejection is a call that the module rejected: it called penstock.error.
type Rejection struct {
	Module string
	Hook   string
	// Code is an HTTP status such as 400.
	Code int
	// Message is the module's text, valid UTF-8, at most 1 KiB.
	Message string
}

// Setting splits a message about the settings of a route into the path of the one at fault and
// the rest. A message names it at its start, as in "with.cost: must be a number"; the path is
// empty where it names none.
func (r *Rejection) Setting() (path, message string) {
	path, message, found := strings.Cut(r.Message, ": ")
	if found && (path == "with" || strings.HasPrefix(path, "with.")) {
		return path, message
	}
	return "", r.Message
}

// Error returns one line for the log.
func (r *Rejection) Error() string {
	return fmt.Sprintf("module %s: %s: rejected with %d: %s", r.Module, r.Hook, r.Code, r.Message)
}
