package wasm

import (
	"errors"

	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// outcome is how a call ended, for the pool and the statistics.
type outcome uint8

const (
	succeeded outcome = iota
	rejected
	faulted
)

func outcomeOf(err error) outcome {
	var r *hook.Rejection
	var f *hook.Fault
	switch isRejection, isFault := errors.As(err, &r), errors.As(err, &f); {
	case err == nil || isRejection && isFault: // an invalid rejection has been counted as a fault
		return succeeded
	case isRejection:
		return rejected
	}
	return faulted
}
