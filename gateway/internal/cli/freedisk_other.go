//go:build !linux && !darwin

package cli

// freeDisk does not know.
func freeDisk(string) (bytes uint64, ok bool) { return 0, false }
