package hook

import (
	"fmt"
)

// FaultKind classifies what a module did wrong.
type FaultKind string

// The kinds of faults.
const (
	// Trapped: the guest stopped itself or was stopped by the machine.
	Trapped FaultKind = "trap"
	// OutOfFuel: the guest used more instructions than it was given.
	OutOfFuel FaultKind = "out_of_fuel"
	// Exited: the guest called proc_exit.
	Exited FaultKind = "exit"
	// NoRoom: the guest refused the input, or gave a place outside its memory for it.
	NoRoom FaultKind = "no_room"
	// BadResult: the result lies outside memory, is too long or says nonsense.
	BadResult FaultKind = "bad_result"
	// NoInstance: a fresh instance could not be made.
	NoInstance FaultKind = "no_instance"
	// Disabled: the module was not called, since it has failed too often of late.
	Disabled FaultKind = "disabled"
)

// Fault is a module's misbehaviour. The instance that did it is thrown away, unless
// the fault is only about what its answer means.
type Fault struct {
	// Module and Hook say who; Hook is an export's name.
	Module string
	Hook   string
	Kind   FaultKind
	// Detail says what happened, in one line.
	Detail string
	// Err is the machine's own error with its stack of guest functions; may be nil.
	Err error
}

// Error is one line.
func (f *Fault) Error() string {
	if f.Module == "" { // a trial knows which module it is about
		return f.Hook + ": " + f.Detail
	}
	return fmt.Sprintf("module %s: %s: %s", f.Module, f.Hook, f.Detail)
}

// Unwrap returns the machine's error.
func (f *Fault) Unwrap() error { return f.Err }

// Rejection is a module's considered no: it called penstock.error.
type Rejection struct {
	Module string
	Hook   string
	// Code is what the module gave, by convention an HTTP status such as 400.
	Code int
	// Message is the module's own text, valid UTF-8, at most 1 KiB.
	Message string
}

// Error is for the log.
func (r *Rejection) Error() string {
	return fmt.Sprintf("module %s: %s: rejected with %d: %s", r.Module, r.Hook, r.Code, r.Message)
}
