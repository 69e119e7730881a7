package hook

// SeedOf returns the seed of a plugin's randomness during a request: FNV-1a, 64 bits, of the
// request's id. It also identifies recorded calls.
func SeedOf(id string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	return h
}
