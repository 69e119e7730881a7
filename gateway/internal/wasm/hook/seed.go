package hook

// SeedOf is the seed of a plugin's randomness during a request: FNV-1a, 64 bits, over
// the request's id. A recorded call is found by it.
func SeedOf(id string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	return h
}
