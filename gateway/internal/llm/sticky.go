package llm

// StickyHash returns the hash by which requests of a session keep to a target: whoever
// sends a session to the candidate with the highest one spreads sessions evenly, and moves
// only those of a target that goes away. It is 0 without a session, else never. It is the
// same in every process: FNV-1a, 64 bits, of both names and a zero byte between them, mixed
// so that all bits depend on all of them.
func StickyHash(session, target string) uint64 {
	if session == "" {
		return 0
	}
	h := uint64(14695981039346656037)
	for i := range len(session) {
		h = (h ^ uint64(session[i])) * 1099511628211
	}
	h *= 1099511628211 // the zero byte
	for i := range len(target) {
		h = (h ^ uint64(target[i])) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return max(h^h>>33, 1)
}
