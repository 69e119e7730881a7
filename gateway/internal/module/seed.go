package module

// SeedOf is the seed of a plugin's randomness during a request, by the request's id: a
// recorded call is found by it.
func SeedOf(requestID string) uint64 { return seedOf(requestID) }
