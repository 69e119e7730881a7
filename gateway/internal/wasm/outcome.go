package wasm

import (
	"errors"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// outcome is how a call ended, for the pool and the statistics.
type outcome uint8

const (
	fine outcome = iota
	rejected
	broken
)

func outcomeOf(err error) outcome {
	var r *hook.Rejection
	var f *hook.Fault
	switch no, fault := errors.As(err, &r), errors.As(err, &f); {
	case err == nil || no && fault: // a no that is badly said is counted as a fault already
		return fine
	case no:
		return rejected
	}
	return broken
}
