//go:build !wasip1

package penstock

// There is no host outside a Wasm runtime: native tests call hooks directly and
// look at the errors that they return.

func hostError(int32, string) {}

func hostLog(int32, string) {}
