// Package similar finds a stored reply for a request that says the same in other words. It
// keeps no replies and no texts: an Index holds vectors and fingerprints of texts, and names
// the entry of the exact cache that has the reply.
//
// A reply is shared only within an identity, which is everything of a request except its
// last user text. Within it a candidate needs a cosine of at least the threshold, and every
// guard has to agree: each guard is a property in which texts with different answers tend to
// differ, such as their numbers or negations. A guard that refuses wrongly costs a hit; one
// that is missing costs a wrong answer. So they refuse in doubt.
//
// Read says which requests have no place here. Evaluate measures precision and recall on
// labeled pairs. What neither can tell is how often users mean different things by the same
// words; shadow mode asks the provider anyway and compares.
package similar
